/**
 * What a call of the internal API is about, as the Topology Service knows it,
 * and what its answer means for the call. Pure, but for hashing.
 * Source: GitLab Shell 14.56.1, topology; internal-api.md 6.3 and 6.4.
 * @module
 */
import type { Identity } from "./access.ts";

/** One thing that belongs to one cell; exactly one of them. */
export type CellClaim =
  | { readonly route: string }
  | { readonly username: string }
  /** SHA-256 of the key, base64 without padding. */
  | { readonly sshKeyFingerprint: string };

/** Scheme and port of every cell. */
export interface CellEndpoint {
  readonly scheme: string;
  readonly port: number;
}

/**
 * The claim of a repository: its top-level namespace.
 * @param project The repository argument as the user typed it.
 * @returns `undefined` if there is none.
 * @example
 * ```ts
 * import { claimProject } from "./cell_claim.ts";
 * claimProject("//group/sub/p.git"); // { route: "group" }
 * ```
 */
export function claimProject(project: string): CellClaim | undefined {
  const path = project.replace(/^\/+/, "").replace(/\.git$/, "");
  const slash = path.indexOf("/");
  const route = slash > 0 ? path.slice(0, slash) : path;
  return route === "" ? undefined : { route };
}

/** The claim of a session; keys and principals have none. */
export function claimIdentity(identity: Identity): CellClaim | undefined {
  if (identity.kind !== "username" || identity.username === "") {
    return undefined;
  }
  return { username: identity.username };
}

/**
 * The claim of a public key.
 * @param key Base64 of its wire form, padded or not.
 * @throws {SyntaxError} If it is something else.
 */
export async function claimKey(key: string): Promise<CellClaim> {
  const digits = key.replace(/={1,2}$/, "");
  if (!/^[A-Za-z0-9+/]+$/.test(digits)) {
    throw new SyntaxError("Key is not base64");
  }
  const blob = Uint8Array.fromBase64(digits);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", blob));
  return { sshKeyFingerprint: hash.toBase64({ omitPadding: true }) };
}

/**
 * The base URL of a cell; scheme and port are always the configured ones.
 * @param address Host, or host and port, as the Topology Service names it.
 * @returns `undefined` if it cannot be used: empty, a URL, or IPv6.
 * @example
 * ```ts
 * import { formatCellBase } from "./cell_claim.ts";
 * formatCellBase("cell-7:8080", { scheme: "https", port: 8181 });
 * // "https://cell-7:8181"
 * ```
 */
export function formatCellBase(
  address: string,
  { scheme, port }: CellEndpoint,
): string | undefined {
  const [, host] = /^([A-Za-z0-9._-]{1,253})(?::[0-9]*)?$/.exec(address) ?? [];
  return host === undefined ? undefined : `${scheme}://${host}:${port}`;
}
