/**
 * Values that load, but do not do what their owner will have meant.
 * @module
 */
import { parseLogLevel } from "../core/log.ts";
import type { Config } from "./config.ts";
import { parentPath } from "./go_path.ts";

/** A value worth a second look. */
export interface ValueFinding {
  /** Dotted name of its key. */
  readonly path: string;
  /** Whether no program can work with it. */
  readonly isFatal: boolean;
  /** What is wrong and what to do, a clause without period; never a value that could be a secret. */
  readonly advice: string;
}

const URL_PREFIX = /^(https?|http\+unix):\/\//;
const PROXY_POLICIES: ReadonlySet<string> = new Set([
  "",
  "use",
  "require",
  "reject",
  "ignore",
]);

/** Looks at every value whose meaning can be told without asking anybody. */
export function lintValues(config: Config): ValueFinding[] {
  return [
    ...lintUrl(config),
    ...lintHttp(config),
    ...lintLog(config),
    ...lintSshd(config),
  ];
}

function lintUrl(config: Config): ValueFinding[] {
  const { gitlabUrl, gitlabRelativeUrlRoot } = config;
  const path = "gitlab_url";
  if (gitlabUrl === "") {
    const advice = "is missing: there is no default, and every login will fail";
    return [{ path, isFatal: true, advice }];
  }
  if (!URL_PREFIX.test(gitlabUrl)) {
    const advice = "must begin with http://, https:// or http+unix://, " +
      "in small letters";
    return [{ path, isFatal: true, advice }];
  }
  const hasRoot = gitlabRelativeUrlRoot.replaceAll("/", "") !== "";
  if (!hasRoot || gitlabUrl.startsWith("http+unix://")) return [];
  return [{
    path: "gitlab_relative_url_root",
    isFatal: false,
    advice: "counts with http+unix:// alone; put it behind gitlab_url",
  }];
}

function lintHttp({ http, secret }: Config): ValueFinding[] {
  const found: ValueFinding[] = [];
  if (secret.reveal().trim() === "") {
    const advice = "is blank: GitLab will refuse every request";
    found.push({ path: "secret", isFatal: true, advice });
  }
  if ((http.user === "") !== http.password.isEmpty) {
    found.push({
      path: http.user === "" ? "http_settings.password" : "http_settings.user",
      isFatal: false,
      advice: "is used only when user and password are both given",
    });
  }
  if (http.caFile !== "" && !exists(http.caFile)) {
    found.push({
      path: "http_settings.ca_file",
      isFatal: true,
      advice: "names no file",
    });
  }
  return found;
}

function lintLog({ logFile, logLevel }: Config): ValueFinding[] {
  const found: ValueFinding[] = [];
  if (parseLogLevel(logLevel) === undefined) {
    found.push({
      path: "log_level",
      isFatal: false,
      advice: "is no level, so GITLAB_LOG_LEVEL or info counts; " +
        "use debug, info, warn or error",
    });
  }
  if (logFile === "" || !exists(parentPath(logFile))) {
    found.push({
      path: "log_file",
      isFatal: false,
      advice: logFile === ""
        ? "is empty: gitlab-sshd writes to standard error, gitlab-shell nowhere"
        : "lies in a folder that does not exist; no program makes it",
    });
  }
  return found;
}

function lintSshd({ sshd }: Config): ValueFinding[] {
  if (PROXY_POLICIES.has(sshd.proxyPolicy.toLowerCase())) return [];
  return [{
    path: "sshd.proxy_policy",
    isFatal: false,
    advice: "is none of use, require, reject and ignore, so it means use",
  }];
}

/** What may not be looked at is taken to be there: somebody else may see it. */
function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}
