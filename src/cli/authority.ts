/**
 * What this process may do, and how it gives that up: in the manner of
 * OpenBSD's pledge, a program that has opened what it needs keeps no way to
 * open anything else. Deno never gives back what was given up, not even to
 * whoever asks for it, and what is open stays open.
 * @module
 */
import type { Authority, Host } from "../core/host.ts";
import { readVariable } from "./environment.ts";

/**
 * What is asked for after a start: by dialling (proxies and roots), and by a
 * server that reads its configuration again.
 */
export const LATE_VARIABLES = [
  "DENO_TLS_CA_STORE",
  "FF_GITLAB_SHELL_SSH_CERTIFICATES",
  "GITLAB_SHELL_SECRET",
  "GITLAB_TRACING",
  "GITLAB_URL",
  "HTTPS_PROXY",
  "HTTP_PROXY",
  "NO_PROXY",
  "SSL_CERT_DIR",
  "SSL_CERT_FILE",
  "https_proxy",
  "http_proxy",
  "no_proxy",
] as const;

/** Set by the launcher, and by the compiled form. */
const STORE_VARIABLE = "DENO_TLS_CA_STORE";

/** The environment of this process, and what it can give up. */
export function makeAuthority(
  /** Whether the process serves many sessions, which dial and open files. */
  isServer: boolean,
): Required<
  Pick<Host, "env" | "setEnv" | "giveUp">
> {
  let kept: Map<string, string | undefined> | undefined;
  return {
    env: (name) => kept ? kept.get(name) : readVariable(name),
    setEnv: (name, value) => Deno.env.set(name, value),
    giveUp(...authorities) {
      for (const authority of authorities) {
        if (authority === "env") {
          // From its sources, a program sets this one when it first needs TLS.
          if (readVariable(STORE_VARIABLE) === undefined) continue;
          kept ??= new Map(
            LATE_VARIABLES.map((name) => [name, readVariable(name)]),
          );
        }
        if (authority === "env" || !isServer) giveUp(authority);
      }
    },
  };
}

/** Costs 0.3 ms the first time and a tenth of it then (Deno 2.9.6). */
function giveUp(authority: Authority): void {
  const { permissions } = Deno;
  if (authority !== "files") {
    permissions.revokeSync({ name: authority });
    return;
  }
  permissions.revokeSync({ name: "write" });
  // Of the granted folders, this takes the root alone: a launcher grants the
  // program's own as well, from which chunks are loaded late.
  permissions.revokeSync({ name: "read", path: "/" });
}
