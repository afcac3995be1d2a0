/**
 * gitlab-sshd: the SSH server that runs GitLab Shell's commands itself.
 * Source: GitLab Shell 14.56.1, cmd/gitlab-sshd.
 * @module
 */
import type { Config } from "../config/config.ts";
import { exportCertDir, loadConfigFrom } from "../config/load.ts";
import { openLog } from "../config/open_log.ts";
import { applyServerEnv, makeEmptyConfig } from "../config/server_env.ts";
import { makeCorrelationId } from "../core/correlation_id.ts";
import { errorText, UsageError } from "../core/errors.ts";
import { EXIT_FAILURE, EXIT_OK } from "../core/exit_status.ts";
import type { Host } from "../core/host.ts";
import { type ByteWriter, writeText } from "../core/io.ts";
import { Logger } from "../core/log.ts";
import { formatVersion, isVersionRequest } from "./version.ts";
import { findThreadScope } from "./worker_thread.ts";

/** Go's status for flags that cannot be read. */
const EXIT_USAGE = 2;

/** What the arguments ask for. */
export type SshdRequest =
  | { readonly kind: "version" }
  | { readonly kind: "help" }
  /** Says whether the server would start, and what is wrong if not. */
  | {
    readonly kind: "check";
    readonly configDir: string;
    readonly isJson: boolean;
  }
  /** Prints the configuration that counts. */
  | { readonly kind: "show"; readonly configDir: string }
  /** Without a directory the environment is all there is. */
  | { readonly kind: "serve"; readonly configDir: string };

/** Flags beside the reference's, by what they ask for. */
const MODES: ReadonlyMap<string, "check" | "show"> = new Map([
  ["t", "check"],
  ["T", "show"],
]);

/**
 * Reads the arguments, as Go's flag package does: one dash or two, value
 * behind `=` or in the next word, and nothing after the first other word. The
 * word `check` may come before them all.
 * @throws {UsageError} With Go's text.
 */
export function parseSshdRequest(host: Host): SshdRequest {
  if (isVersionRequest(host)) return { kind: "version" };
  const isCheck = host.args[0] === "check";
  let mode: "serve" | "check" | "show" = isCheck ? "check" : "serve";
  let configDir = "";
  let isJson = false;
  for (let at = isCheck ? 1 : 0; at < host.args.length; at++) {
    const word = host.args[at] ?? "";
    if (!word.startsWith("-") || word === "-" || word === "--") break;
    const [, name = "", value] = /^--?([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
    if (name === "" || name.startsWith("-")) {
      throw new UsageError(`bad flag syntax: ${word}`);
    }
    if (name === "h" || name === "help") return { kind: "help" };
    const asked = value === undefined ? MODES.get(name) : undefined;
    if (asked) {
      mode = asked;
      continue;
    }
    if (name === "json" && value === undefined && mode === "check") {
      isJson = true;
      continue;
    }
    if (name !== "config-dir") {
      throw new UsageError(`flag provided but not defined: -${name}`);
    }
    const given = value ?? host.args[++at];
    if (given === undefined) {
      throw new UsageError(`flag needs an argument: -${name}`);
    }
    configDir = given;
  }
  return mode === "check"
    ? { kind: mode, configDir, isJson }
    : { kind: mode, configDir };
}

/**
 * Runs gitlab-sshd until it is told to stop and its connections have ended.
 * @returns The exit status; never throws.
 */
export async function runGitlabSshd(host: Host): Promise<number> {
  let request: SshdRequest;
  try {
    request = parseSshdRequest(host);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    await tell(host.io.stderr, `${error.message}\n${formatUsage(host)}`);
    return EXIT_USAGE;
  }
  switch (request.kind) {
    case "version":
      await tell(host.io.stdout, formatVersion(host));
      return EXIT_OK;
    case "help":
      await tell(host.io.stderr, formatUsage(host));
      return EXIT_OK;
    case "check": {
      const { runSshdCheck } = await import("./sshd_check.ts");
      return await runSshdCheck(host, request);
    }
    case "show": {
      const { runSshdShow } = await import("./sshd_check.ts");
      return await runSshdShow(host, request.configDir);
    }
    case "serve":
      return await loadAndServe(host, request.configDir);
  }
}

async function loadAndServe(host: Host, configDir: string): Promise<number> {
  const scope = findThreadScope();
  if (scope) {
    const { runSshdThread } = await import("./sshd_thread.ts");
    return await runSshdThread(host, scope, configDir);
  }
  let loaded: Awaited<ReturnType<typeof loadConfigFrom>>;
  try {
    loaded = configDir === ""
      ? { config: makeEmptyConfig(), warnings: [] }
      : await loadConfigFrom(configDir);
  } catch (error) {
    await reportLoadFailure(host, error);
    return EXIT_FAILURE;
  }
  const config = applyServerEnv(loaded.config, host);
  await using openedLog = openLog(config, host, { fallback: "stderr" });
  const correlationId = host.env("CORRELATION_ID") ||
    makeCorrelationId(host.clock.nowMs());
  const log = openedLog.with({ correlation_id: correlationId });
  for (const warning of loaded.warnings) log.warn(warning);
  log.info("gitlab-sshd starting up...");
  const fault = findFault(config);
  if (fault !== undefined) {
    // The reference goes on, and every login fails.
    log.error(
      configDir === ""
        ? "no config-dir provided, using only environment variables"
        : "configuration error",
      { error_message: fault },
    );
    return EXIT_FAILURE;
  }
  exportCertDir(config, host);
  const { serveSsh } = await import("./sshd_serve.ts");
  return await serveSsh({ config, configDir, host, log, correlationId });
}

/** What the API client cannot do without. */
export function findFault({ gitlabUrl, secret }: Config): string | undefined {
  if (gitlabUrl === "") return "gitlab_url is required";
  if (secret.isEmpty) return "secret or secret_file_path is required";
  return undefined;
}

/** The log is not open yet: a line of text for whoever starts the server. */
async function reportLoadFailure(host: Host, error: unknown): Promise<void> {
  const lines: Uint8Array[] = [];
  const log = new Logger({
    sink: { writeLine: (line) => lines.push(line) },
    clock: host.clock,
    threshold: 0,
    format: "text",
  });
  log.error("failed to load configuration from specified directory", {
    error_message: errorText(error),
  });
  for (const line of lines) await host.io.stderr.write(line).catch(() => {});
}

function formatUsage({ invokedAs }: Host): string {
  return `Usage of ${invokedAs}:\n` +
    `  -config-dir string\n    \tThe directory the config is in\n` +
    `  -t\tCheck configuration, host keys and ports, and exit\n` +
    `  -T\tPrint the configuration that counts, and exit\n`;
}

/** Writes for somebody who may have gone. */
async function tell(sink: ByteWriter, text: string): Promise<void> {
  await writeText(sink, text).catch(() => {});
}
