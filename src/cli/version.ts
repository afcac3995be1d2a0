/**
 * The version line that all programs print alike.
 * Source: GitLab Shell 14.56.1, `-version`.
 * @module
 */
import type { Host } from "../core/host.ts";

/** Whether the only argument is `-version`, which nothing else may accompany. */
export function isVersionRequest({ args }: Host): boolean {
  return args.length === 1 && args[0] === "-version";
}

/** `<name as called> <version>-<build time>` and a line end. */
export function formatVersion({ invokedAs, build }: Host): string {
  return `${invokedAs} ${build.version}-${build.buildTime}\n`;
}
