/**
 * Paths as Go's path/filepath treats them: text alone, the disk is not asked.
 * Source: Go, package path/filepath (Clean, Join, Dir) on Unix.
 * @module
 */

/**
 * The shortest path of the same meaning: `.`, `..` and doubled slashes resolved.
 * @example
 * ```ts
 * import { cleanPath } from "./go_path.ts";
 * cleanPath("/srv//a/../b/"); // "/srv/b"
 * ```
 */
export function cleanPath(path: string): string {
  const isAbsolute = path.startsWith("/");
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue;
    if (name !== "..") names.push(name);
    else if (names.length > 0 && names.at(-1) !== "..") names.pop();
    else if (!isAbsolute) names.push(name);
  }
  return (isAbsolute ? "/" : "") + names.join("/") || ".";
}

/** Joins and cleans; empty parts are left out, and nothing gives `""`. */
export function joinPath(...parts: readonly string[]): string {
  const given = parts.filter((part) => part !== "");
  return given.length === 0 ? "" : cleanPath(given.join("/"));
}

/** All but the last name of `path`, cleaned; `.` if there is only one. */
export function parentPath(path: string): string {
  return cleanPath(path.slice(0, path.lastIndexOf("/") + 1));
}
