/**
 * What gitlab-sshd alone takes from its environment, over or instead of a file.
 * Source: GitLab Shell 14.56.1, cmd/gitlab-sshd.
 * @module
 */
import type { Host } from "../core/host.ts";
import { Secret } from "../core/secret.ts";
import type { Config } from "./config.ts";
import { buildConfig, ConfigValues } from "./config_values.ts";

/**
 * The configuration of a server that was given no directory: not even the
 * defaults of the keys.
 */
export function makeEmptyConfig(): Config {
  const values = new ConfigValues({ hasDefaults: false });
  const secret = new Secret("");
  return buildConfig(values, {
    rootDir: "",
    gitlabUrl: "",
    secret,
    logFile: "",
  });
}

/**
 * Replaces what the environment names. `GITLAB_URL` is not percent-decoded,
 * unlike `gitlab_url`: a percent sign may be part of a socket's name.
 */
export function applyServerEnv(
  config: Config,
  { env }: Pick<Host, "env">,
): Config {
  const secret = env("GITLAB_SHELL_SECRET") ?? "";
  return {
    ...config,
    gitlabUrl: env("GITLAB_URL") || config.gitlabUrl,
    gitlabTracing: env("GITLAB_TRACING") || config.gitlabTracing,
    secret: secret === "" ? config.secret : new Secret(secret),
  };
}
