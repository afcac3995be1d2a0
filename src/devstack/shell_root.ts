/**
 * Writes the directory that `GITLAB_SHELL_DIR` names: configuration, secret,
 * and a place for the log.
 * @module
 */
import { join } from "node:path";

/** What the configuration says. */
export interface ShellRootOptions {
  readonly gitlabUrl: string;
  /** Only for a unix socket: what stands in front of the API's paths. */
  readonly relativeUrlRoot: string;
  readonly secret: string;
  readonly basicAuth:
    | { readonly user: string; readonly password: string }
    | undefined;
  /** PEM file to trust, for an API over TLS. */
  readonly caFile: string | undefined;
  readonly logLevel: string;
  /** Further lines of YAML. */
  readonly configLines: readonly string[];
}

/** Files of a root directory. */
export interface ShellRoot {
  readonly path: string;
  readonly configFile: string;
  readonly secretFile: string;
  readonly logFile: string;
  /** Where gitlab-keys keeps its lines. */
  readonly authorizedKeysFile: string;
}

const SECRET_MODE = 0o600;

/** Makes `path` and writes all files of it. */
export async function writeShellRoot(
  path: string,
  options: ShellRootOptions,
): Promise<ShellRoot> {
  const root: ShellRoot = {
    path,
    configFile: join(path, "config.yml"),
    secretFile: join(path, ".gitlab_shell_secret"),
    logFile: join(path, "gitlab-shell.log"),
    authorizedKeysFile: join(path, "authorized_keys"),
  };
  await Deno.mkdir(path, { recursive: true });
  const mode = SECRET_MODE;
  await Deno.writeTextFile(root.secretFile, `${options.secret}\n`, { mode });
  await Deno.writeTextFile(root.configFile, formatConfig(root, options));
  return root;
}

function formatConfig(root: ShellRoot, options: ShellRootOptions): string {
  const { gitlabUrl, relativeUrlRoot, basicAuth, caFile } = options;
  // A JSON string is a YAML string, whatever is in it.
  const text = (value: string) => JSON.stringify(value);
  const http = [
    ...(basicAuth ? [`  user: ${text(basicAuth.user)}`] : []),
    ...(basicAuth ? [`  password: ${text(basicAuth.password)}`] : []),
    ...(caFile === undefined ? [] : [`  ca_file: ${text(caFile)}`]),
  ];
  const lines = [
    "user: git",
    `gitlab_url: ${text(gitlabUrl)}`,
    ...(relativeUrlRoot === ""
      ? []
      : [`gitlab_relative_url_root: ${text(relativeUrlRoot)}`]),
    ...(http.length === 0 ? [] : ["http_settings:", ...http]),
    `secret_file: ${text(root.secretFile)}`,
    `auth_file: ${text(root.authorizedKeysFile)}`,
    `log_file: ${text(root.logFile)}`,
    `log_level: ${text(options.logLevel)}`,
    ...options.configLines,
  ];
  return `${lines.join("\n")}\n`;
}
