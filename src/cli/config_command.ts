/**
 * `gitlab-shell config`: checks `config.yml`, shows what counts, and writes one
 * to begin with. No secret is ever printed, and the secret file not even read
 * but by `check`.
 * @module
 */
import type { Config } from "../config/config.ts";
import { CONFIG_KEYS, type ConfigKey } from "../config/config_keys.ts";
import type { ConfigValue, ConfigValues } from "../config/config_values.ts";
import { formatExample, spellValue } from "../config/example.ts";
import { joinPath } from "../config/go_path.ts";
import { type KeyFinding, lintKeys } from "../config/lint.ts";
import { lintValues, type ValueFinding } from "../config/lint_values.ts";
import {
  CONFIG_FILE_NAME,
  findRootDir,
  loadConfigFrom,
  readConfigText,
} from "../config/load.ts";
import { parseConfig } from "../config/parse.ts";
import { formatConfigSchema } from "../config/schema.ts";
import { errorText, UsageError } from "../core/errors.ts";
import { EXIT_FAILURE, EXIT_OK } from "../core/exit_status.ts";
import type { Host } from "../core/host.ts";
import { writeText } from "../core/io.ts";
import { maskControls } from "../keys/line.ts";
import { parseOperatorOptions } from "./operator_options.ts";

/** What a check of the file has found. */
export interface ConfigReport {
  readonly file: string;
  /** Absent if the programs cannot load the file. */
  readonly config: Config | undefined;
  /** Why they cannot, with lines and keys. */
  readonly fault: string | undefined;
  /** As the file names it; absent if the secret stands in the file itself. */
  readonly secretFile: string | undefined;
  /** Absent if the file is not there or no YAML. */
  readonly keys: readonly KeyFinding[] | undefined;
  readonly values: readonly ValueFinding[];
  /** How long it took to find and read. */
  readonly elapsedMs: number;
}

/**
 * Runs `config check|show|example|schema`.
 * @throws {UsageError} If it is none of these.
 * @throws {ConfigError | RootNotFoundError} If there is no file to show.
 */
export async function runConfigCommand(
  host: Host,
  args: readonly string[],
): Promise<number> {
  const known = { flags: ["json"], values: [] };
  const { words: [word, ...extra], flags } = parseOperatorOptions(args, known);
  if (extra.length > 0) throw new UsageError("config takes one word");
  const isJson = flags.has("json");
  switch (word) {
    case "check":
      return await runCheck(host, isJson);
    case "show":
      return await runShow(host, isJson);
    case "example":
    case "schema":
      await writeText(
        host.io.stdout,
        word === "example" ? formatExample() : formatConfigSchema(),
      );
      return EXIT_OK;
    default:
      throw new UsageError("config needs check, show, example or schema");
  }
}

/**
 * Checks the file as every program would load it, and what it says in vain.
 * @throws {RootNotFoundError} If there is no directory to look in.
 */
export async function checkConfig(
  host: Pick<Host, "executablePath" | "env">,
): Promise<ConfigReport> {
  const startMs = performance.now();
  const rootDir = findRootDir(host);
  const file = joinPath(rootDir, CONFIG_FILE_NAME);
  let config: Config | undefined;
  let fault: string | undefined;
  try {
    ({ config } = await loadConfigFrom(rootDir));
  } catch (error) {
    fault = errorText(error);
  }
  let keys: KeyFinding[] | undefined;
  let secretFile: string | undefined;
  try {
    const text = readConfigText(file);
    keys = await lintKeys(text, file);
    const { values } = await parseConfig(text, file);
    if (values.text("secret") === "") {
      secretFile = values.text("secret_file") || ".gitlab_shell_secret";
    }
  } catch {
    // Then the fault has said so already.
  }
  const values = config ? lintValues(config) : [];
  const elapsedMs = performance.now() - startMs;
  return { file, config, fault, secretFile, keys, values, elapsedMs };
}

/** A finding about a key, with its line in front. */
export function describeKeyFinding({ path, line, advice }: KeyFinding): string {
  const where = line > 0 ? `line ${line}: ` : "";
  return maskControls(`${where}${path} ${advice}`);
}

async function runCheck(host: Host, isJson: boolean): Promise<number> {
  const { file, fault, keys = [], values } = await checkConfig(host);
  const isValid = fault === undefined && values.every((one) => !one.isFatal);
  if (isJson) {
    const report = {
      file,
      valid: isValid,
      error: fault ?? null,
      keys,
      values: values.map(({ path, isFatal, advice }) => ({
        path,
        fatal: isFatal,
        advice,
      })),
    };
    await writeText(host.io.stdout, `${JSON.stringify(report)}\n`);
    return isValid ? EXIT_OK : EXIT_FAILURE;
  }
  const lines = [
    ...(fault === undefined
      ? []
      : fault.split("\n").map((line, at) =>
        maskControls(at === 0 ? `error: ${line}` : `  ${line.trim()}`)
      )),
    ...values.map(({ path, isFatal, advice }) =>
      `${isFatal ? "error" : "warning"}: ${path} ${advice}`
    ),
    ...keys.map((key) => `warning: ${describeKeyFinding(key)}`),
  ];
  const verdict = isValid ? "can be used" : "cannot be used";
  const count = lines.length === 0 ? "" : `, ${lines.length} to look at`;
  lines.push(`${file} ${verdict}${isValid ? count : ""}`);
  await writeText(host.io.stdout, `${lines.join("\n")}\n`);
  return isValid ? EXIT_OK : EXIT_FAILURE;
}

async function runShow(host: Host, isJson: boolean): Promise<number> {
  const rootDir = findRootDir(host);
  const file = joinPath(rootDir, CONFIG_FILE_NAME);
  const { values } = await parseConfig(readConfigText(file), file);
  await writeText(
    host.io.stdout,
    isJson ? formatJson(file, values) : formatSettings(file, values),
  );
  return EXIT_OK;
}

function formatJson(file: string, values: ConfigValues): string {
  const settings = CONFIG_KEYS.map((row) => {
    const value = visibleValue(row, values.valueOf(row));
    const isText = "isSecret" in row || /^duration/.test(row.type);
    return {
      path: row.path,
      value: isText ? spellValue(row, value).replace(/^""$/, "") : value,
      source: values.isGiven(row) ? "file" : "default",
    };
  });
  return `${JSON.stringify({ file, settings })}\n`;
}

/**
 * Every setting with its value and where it comes from, a line each.
 * @param replaced Values of the environment, which win, by path.
 */
export function formatSettings(
  file: string,
  values: ConfigValues,
  replaced: ReadonlyMap<string, string> = new Map(),
): string {
  const rows = CONFIG_KEYS.map((row) => {
    const value = replaced.get(row.path) ?? values.valueOf(row);
    const source = values.isGiven(row) ? "file" : "default";
    return {
      text: `${row.path} = ${spellValue(row, visibleValue(row, value))}`,
      source: replaced.has(row.path) ? "environment" : source,
    };
  });
  const width = Math.min(Math.max(...rows.map(({ text }) => text.length)), 60);
  const lines = rows.map(({ text, source }) =>
    maskControls(`${text.padEnd(width)}  # ${source}`)
  );
  return `# ${file}\n${lines.join("\n")}\n`;
}

/** Takes out what a URL may carry besides its place. */
function visibleValue(row: ConfigKey, value: ConfigValue): ConfigValue {
  if (typeof value !== "string") return value;
  if (row.path === "gitlab_url") {
    return value.replace(/^(https?:\/\/)[^/?#]*@/, "$1[hidden]@");
  }
  // Drivers take their keys and tokens as parameters.
  return row.path === "gitlab_tracing"
    ? value.replace(/\?.*$/s, "?[hidden]").replace(/\/\/.*@/s, "//[hidden]@")
    : value;
}
