/**
 * What a file says in vain, and what may have been meant: keys that no program
 * reads are no error to the programs, so only a lint can tell of a slip.
 * @module
 */
import { CONFIG_KEYS } from "./config_keys.ts";
import { listUnknownKeys } from "./parse.ts";

/** A key without effect, and what to do about it. */
export interface KeyFinding {
  /** Dotted name, as the file has it. */
  readonly path: string;
  /** From 1; 0 if it cannot be told. */
  readonly line: number;
  readonly kind: "unknown" | "misplaced" | "obsolete";
  /** What to do, a clause without period. */
  readonly advice: string;
}

/**
 * Keys of old installations and of GitLab's own sample, which the programs have
 * never read or read no more.
 * Source: GitLab Shell 14.56.1, config.yml.example and its history.
 */
export const OBSOLETE_KEYS: ReadonlyMap<string, string> = new Map([
  ["audit_usernames", "has no effect since 14.0; remove it"],
  ["custom_hooks_dir", "is a setting of Gitaly now; remove it"],
  ["git_trace_log_file", "has no effect since 10.0; remove it"],
  [
    "http_settings.self_signed_cert",
    "has no effect; name the certificate in http_settings.ca_file",
  ],
  ["metrics_log_file", "has no effect since 10.0; remove it"],
  ["migration", "has no effect since 12.0; remove it"],
  ["redis", "has no effect since 9.0; remove it"],
  ["repos_path", "is a setting of Gitaly now; remove it"],
  ["rootdir", "is ignored here, while the Go programs obey it; remove it"],
  [
    "sshd.host_key_certs",
    "is not read, although GitLab's sample has it; use sshd.host_cert_files",
  ],
]);

/** Slips of more letters than this are another word. */
const SLIPS_MAX = 2;
const SHORT_WORD_CHARS = 4;

/**
 * Lists the keys of a file that have no effect, each with a suggestion.
 * @param text UTF-8 decoded.
 * @param file Where it comes from, for errors.
 * @throws {ConfigError} If the text is not YAML.
 */
export async function lintKeys(
  text: string,
  file: string,
): Promise<KeyFinding[]> {
  const unknown = await listUnknownKeys(text, file);
  return unknown.map(({ path, line }) => ({ path, line, ...judgeKey(path) }));
}

/**
 * Judges one key that is not in the table.
 * @param path Dotted name.
 * @example
 * ```ts
 * import { judgeKey } from "./lint.ts";
 * judgeKey("listen").advice; // "belongs below sshd, as sshd.listen"
 * judgeKey("gitlab-url").advice; // "did you mean gitlab_url?"
 * ```
 */
export function judgeKey(path: string): Pick<KeyFinding, "kind" | "advice"> {
  const obsolete = OBSOLETE_KEYS.get(path);
  if (obsolete !== undefined) return { kind: "obsolete", advice: obsolete };
  const names = knownNames();
  const [section, last] = splitPath(path);
  const elsewhere = names.filter((name) => splitPath(name)[1] === last);
  if (elsewhere.length > 0) {
    return { kind: "misplaced", advice: describePlaces(elsewhere) };
  }
  const meant = findNearest(last, section, names);
  return {
    kind: "unknown",
    advice: meant === undefined
      ? "is not a key of any program"
      : `did you mean ${meant}?`,
  };
}

/** Paths of keys and of sections. */
function knownNames(): string[] {
  const names = new Set<string>();
  for (const { path } of CONFIG_KEYS) {
    const parts = path.split(".");
    for (let count = 1; count <= parts.length; count++) {
      names.add(parts.slice(0, count).join("."));
    }
  }
  return [...names];
}

function splitPath(path: string): [section: string, last: string] {
  const dot = path.lastIndexOf(".");
  return [path.slice(0, Math.max(dot, 0)), path.slice(dot + 1)];
}

function describePlaces(paths: readonly string[]): string {
  const places = paths.map((path) => {
    const [section] = splitPath(path);
    return section === ""
      ? `at the top level, as ${path}`
      : `below ${section}, as ${path}`;
  });
  return `belongs ${places.join(" or ")}`;
}

/** The nearest name, one of the same section before all others. */
function findNearest(
  word: string,
  section: string,
  names: readonly string[],
): string | undefined {
  const limit = word.length <= SHORT_WORD_CHARS ? 1 : SLIPS_MAX;
  let best: string | undefined;
  let bestSlips = limit + 1;
  for (const name of names) {
    const [itsSection, last] = splitPath(name);
    const slips = countSlips(normalize(word), normalize(last)) +
      (itsSection === section ? 0 : 0.5);
    if (slips < bestSlips) [best, bestSlips] = [name, slips];
  }
  return best;
}

/** Case and the kind of dash are the commonest slips of all. */
function normalize(word: string): string {
  return word.toLowerCase().replaceAll("-", "_");
}

/**
 * Letters to be put in, taken out or changed, and neighbours to be swapped, to
 * make one word of the other.
 * @example
 * ```ts
 * import { countSlips } from "./lint.ts";
 * countSlips("secert", "secret"); // 1
 * ```
 */
export function countSlips(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let at = 1; at <= from.length; at++) {
    const next = [at];
    for (let other = 1; other <= to.length; other++) {
      const isSame = from[at - 1] === to[other - 1];
      let slips = Math.min(
        (row[other] ?? 0) + 1,
        (next[other - 1] ?? 0) + 1,
        (row[other - 1] ?? 0) + (isSame ? 0 : 1),
      );
      const isSwapped = at > 1 && other > 1 &&
        from[at - 1] === to[other - 2] && from[at - 2] === to[other - 1];
      if (isSwapped) slips = Math.min(slips, (before[other - 2] ?? 0) + 1);
      next.push(slips);
    }
    [before, row] = [row, next];
  }
  return row[to.length] ?? 0;
}
