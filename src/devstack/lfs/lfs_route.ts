/**
 * Which part of GitLab's LFS API a request is for. Pure.
 * Source: GitLab Rails, config/routes/git_http.rb.
 * @module
 */

/** Names of the routes, also those under which answers are scripted. */
export type LfsRouteName =
  | "batch"
  | "lock"
  | "unlock"
  | "verify"
  | "download"
  | "upload";

/** A request's place. */
export interface LfsRoute {
  readonly name: LfsRouteName;
  /** `group/project` as it was written. */
  readonly project: string;
  /** Object id, or number of a lock; empty where there is none. */
  readonly id: string;
  /** Of an object that is uploaded. */
  readonly sizeBytes: number;
  readonly query: URLSearchParams;
}

const ROUTES: readonly (readonly [LfsRouteName, string, RegExp])[] = [
  ["batch", "POST", /^info\/lfs\/objects\/batch$/],
  ["lock", "POST", /^info\/lfs\/locks$/],
  ["verify", "POST", /^info\/lfs\/locks\/verify$/],
  ["unlock", "POST", /^info\/lfs\/locks\/([^/]+)\/unlock$/],
  ["download", "GET", /^gitlab-lfs\/objects\/([0-9a-f]{64})$/],
  ["upload", "PUT", /^gitlab-lfs\/objects\/([0-9a-f]{64})\/([0-9]+)$/],
];

/** @returns `undefined` for anything that GitLab does not route to LFS. */
export function findLfsRoute(
  method: string,
  target: string,
): LfsRoute | undefined {
  const url = new URL(target, "http://gitlab");
  const [, project = "", rest = ""] = /^\/(.+?)\.git\/(.*)$/
    .exec(url.pathname) ?? [];
  for (const [name, wanted, pattern] of ROUTES) {
    const match = method === wanted ? pattern.exec(rest) : null;
    if (!match || project === "") continue;
    const [, id = "", size = "0"] = match;
    const sizeBytes = Number(size);
    return {
      name,
      project: decodeURIComponent(project),
      id: decodeURIComponent(id),
      sizeBytes,
      query: url.searchParams,
    };
  }
  return undefined;
}
