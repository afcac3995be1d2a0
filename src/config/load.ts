/**
 * Finds the root directory and reads what lies there: `config.yml` and the
 * secret.
 * Source: GitLab Shell 14.56.1, config and executable packages.
 * @module
 */
import { ConfigError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { Secret } from "../core/secret.ts";
import { checkTopologyService, decodeGitlabUrl } from "./check_config.ts";
import type { Config } from "./config.ts";
import { decodeUtf8, formatPathError, readConfigFile } from "./config_file.ts";
import { buildConfig } from "./config_values.ts";
import { joinPath, parentPath } from "./go_path.ts";
import { parseConfig } from "./parse.ts";

/** Name of the file in the root directory. */
export const CONFIG_FILE_NAME = "config.yml";
const SECRET_FILE_NAME = ".gitlab_shell_secret";
const CONFIG_BYTES_MAX = 1024 * 1024;
const SECRET_BYTES_MAX = 64 * 1024;
const LF = 0x0a;

/** The directory that `config.yml` lies in cannot be told. */
export class RootNotFoundError extends Error {
  override name = "RootNotFoundError";
}

/** What a program needs of the files. */
export interface LoadOptions {
  /**
   * `unused` for a program that asks the internal API nothing: the secret file
   * is then not even opened, and the secret is whatever `secret` says.
   */
  readonly secret?: "required" | "unused";
}

/** A configuration, and what its owner should be told in the log. */
export interface LoadedConfig {
  readonly config: Config;
  /** Full sentences without period; to be logged as warnings. */
  readonly warnings: readonly string[];
}

/**
 * Tells where `config.yml` lies: above the directory of the executable, or
 * where `GITLAB_SHELL_DIR` says.
 * @returns The path as given; relative if the variable is.
 * @throws {RootNotFoundError} If the variable names nothing that exists, or if
 * there is neither a variable nor a known executable.
 */
export function findRootDir(
  host: Pick<Host, "executablePath" | "env">,
): string {
  const fromEnv = host.env("GITLAB_SHELL_DIR") ?? "";
  if (fromEnv === "") {
    const { executablePath } = host;
    if (executablePath !== undefined) {
      return parentPath(parentPath(executablePath));
    }
    throw new RootNotFoundError("the path of the executable is unknown");
  }
  // What can be opened is there, and asking for more takes a while longer.
  if (!canOpen(joinPath(fromEnv, CONFIG_FILE_NAME))) checkExists(fromEnv);
  return fromEnv;
}

function canOpen(path: string): boolean {
  try {
    Deno.openSync(path).close();
    return true;
  } catch {
    return false;
  }
}

/** Whatever else is wrong with the directory shows when the file is opened. */
function checkExists(directory: string): void {
  try {
    Deno.statSync(directory);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) return;
    const text = formatPathError("stat", directory, error);
    throw new RootNotFoundError(text, { cause: error });
  }
}

/**
 * Loads the configuration of a program that sshd starts, and passes
 * `ssl_cert_dir` on to TLS through the environment.
 * @throws {RootNotFoundError} See {@link findRootDir}.
 * @throws {ConfigError} See {@link loadConfigFrom}.
 */
export async function loadConfig(
  host: Pick<Host, "executablePath" | "env" | "setEnv">,
  options: LoadOptions = {},
): Promise<LoadedConfig> {
  const loaded = await loadConfigFrom(findRootDir(host), options);
  exportCertDir(loaded.config, host);
  return loaded;
}

/**
 * Loads `config.yml` from a directory; the environment is left alone.
 * @throws {ConfigError} If the file or the secret cannot be read, or the file
 * says what it may not. The message is fit for the operator.
 */
export async function loadConfigFrom(
  directory: string,
  { secret = "required" }: LoadOptions = {},
): Promise<LoadedConfig> {
  const file = joinPath(directory, CONFIG_FILE_NAME);
  const rootDir = parentPath(file);
  const text = readConfigText(file);
  const { values, hasRootDirKey } = await parseConfig(text, file);
  const inlineSecret = values.text("secret");
  // In the reference's order: the first fault is the one that is reported.
  const config = buildConfig(values, {
    rootDir,
    gitlabUrl: decodeGitlabUrl(values.text("gitlab_url"), file),
    secret: inlineSecret === "" && secret === "required"
      ? readSecret(values.text("secret_file"), rootDir)
      : new Secret(inlineSecret),
    logFile: resolveLogFile(values.text("log_file"), rootDir),
  });
  checkTopologyService(config.topologyService, file);
  return { config, warnings: listWarnings(file, hasRootDirKey) };
}

/** Sets `SSL_CERT_DIR` where `ssl_cert_dir` is given. */
export function exportCertDir(
  { sslCertDir }: Config,
  host: Pick<Host, "setEnv">,
): void {
  if (sslCertDir !== "") host.setEnv("SSL_CERT_DIR", sslCertDir);
}

/**
 * Reads the text of `config.yml`.
 * @throws {ConfigError} If it cannot be read or is not UTF-8.
 */
export function readConfigText(path: string): string {
  const bytes = readConfigFile({ path, sizeBytesMax: CONFIG_BYTES_MAX });
  const text = decodeUtf8(bytes);
  if (text !== undefined) return text;
  const line = lineOfInvalidUtf8(bytes);
  throw new ConfigError(`yaml: line ${line}: invalid UTF-8`, { file: path });
}

/** Decodes line by line; only a file that is known to be bad gets here. */
function lineOfInvalidUtf8(bytes: Uint8Array): number {
  let line = 1;
  for (let at = 0; at < bytes.length; line++) {
    const end = bytes.indexOf(LF, at) + 1 || bytes.length;
    if (decodeUtf8(bytes.subarray(at, end)) === undefined) break;
    at = end;
  }
  return line;
}

function readSecret(secretFile: string, rootDir: string): Secret {
  const name = secretFile || SECRET_FILE_NAME;
  const path = name.startsWith("/") ? name : joinPath(rootDir, name);
  const key = "secret_file";
  const bytes = readConfigFile({ path, sizeBytesMax: SECRET_BYTES_MAX, key });
  const text = decodeUtf8(bytes);
  if (text !== undefined) return new Secret(text);
  throw new ConfigError(`read ${path}: invalid UTF-8`, { file: path, key });
}

function resolveLogFile(logFile: string, rootDir: string): string {
  if (logFile === "" || logFile.startsWith("/")) return logFile;
  return joinPath(rootDir, logFile);
}

function listWarnings(file: string, hasRootDirKey: boolean): string[] {
  if (!hasRootDirKey) return [];
  return [`The key "rootdir" in ${JSON.stringify(file)} is ignored`];
}
