/**
 * What sshd's configuration says for one account: a reader of sshd_config that
 * follows `Include` and `Match`, and takes the output of `sshd -T` as well.
 * Source: OpenSSH 9.2, sshd_config(5) and servconf.c.
 * @module
 */
import type { Account } from "./accounts.ts";

/** Where an effective value stands. */
export interface SshdSetting {
  /** Keyword in small letters. */
  readonly keyword: string;
  readonly words: readonly string[];
  /** `file:line`. */
  readonly place: string;
}

/** All that counts for the account. */
export interface SshdSettings {
  /** The value that counts; `undefined` where the default does. */
  get(keyword: string): SshdSetting | undefined;
  /** Every value of a keyword that adds up, such as `AcceptEnv`. */
  all(keyword: string): readonly SshdSetting[];
  /** Conditions that depend on the connection, and were taken not to hold. */
  readonly undecided: readonly string[];
}

/** Reads a file, and the names in a folder; both throw what the system says. */
export interface SshdFiles {
  readText(path: string): string;
  listFolder(path: string): string[];
}

const INCLUDES_MAX = 16;
const CONFIG_FOLDER = "/etc/ssh";
/** Keywords whose values count together: those of blocks, else the global ones. */
const CUMULATIVE: ReadonlySet<string> = new Set([
  "acceptenv",
  "allowgroups",
  "allowusers",
  "denygroups",
  "denyusers",
  "hostkey",
  "listenaddress",
  "port",
]);

/**
 * Reads the configuration as it counts for an account.
 * @param path The file; what it includes is read through `files`.
 * @param account The account that clients log in as.
 * @throws {Error} If the file cannot be read, or includes itself.
 */
export function readSshdSettings(
  path: string,
  account: Pick<Account, "name" | "groups">,
  files: SshdFiles,
): SshdSettings {
  const reader = new Reader(account, files);
  reader.readFile(path, 0);
  return reader.settings;
}

/**
 * Splits a line as sshd does: blanks, an optional `=`, double quotes, `#`.
 * @returns The words, the keyword first; none for a blank line or comment.
 * @example
 * ```ts
 * import { splitSshdLine } from "./sshd_settings.ts";
 * splitSshdLine('Match User "git" # us'); // ["Match", "User", "git"]
 * ```
 */
export function splitSshdLine(line: string): string[] {
  const words: string[] = [];
  const pattern = /"([^"]*)"|([^\s"#=]+(?:=(?=\S)[^\s"]*)?|[^\s"#]+)|(#.*)/g;
  const [, keyword = "", rest = ""] =
    /^\s*([A-Za-z][A-Za-z0-9]*)(?:\s*=\s*|\s+|$)(.*)$/s.exec(line) ?? [];
  if (keyword === "") return words;
  words.push(keyword);
  for (const [, quoted, plain, comment] of rest.matchAll(pattern)) {
    if (comment !== undefined) break;
    words.push(quoted ?? plain ?? "");
  }
  return words;
}

/**
 * Whether a comma-separated list of patterns names a word; `!` excludes.
 * Source: ssh_config(5), PATTERNS.
 */
export function matchesPatternList(word: string, list: string): boolean {
  let isNamed = false;
  for (const item of list.split(",")) {
    const isNegated = item.startsWith("!");
    if (!globToRegExp(isNegated ? item.slice(1) : item).test(word)) continue;
    if (isNegated) return false;
    isNamed = true;
  }
  return isNamed;
}

class Reader {
  readonly #account: Pick<Account, "name" | "groups">;
  readonly #files: SshdFiles;
  readonly #global = new Map<string, SshdSetting>();
  readonly #matched = new Map<string, SshdSetting>();
  readonly #globalLists = new Map<string, SshdSetting[]>();
  readonly #matchedLists = new Map<string, SshdSetting[]>();
  readonly #undecided: string[] = [];
  /** Whether lines count now, and whether they stand in a Match block. */
  #counts = true;
  #isInMatch = false;

  constructor(account: Pick<Account, "name" | "groups">, files: SshdFiles) {
    this.#account = account;
    this.#files = files;
  }

  get settings(): SshdSettings {
    return {
      get: (keyword) => this.#matched.get(keyword) ?? this.#global.get(keyword),
      all: (keyword) =>
        this.#matchedLists.get(keyword) ?? this.#globalLists.get(keyword) ?? [],
      undecided: this.#undecided,
    };
  }

  readFile(path: string, depth: number): void {
    if (depth > INCLUDES_MAX) throw new Error(`${path}: too many includes`);
    const lines = this.#files.readText(path).split(/\r?\n/);
    for (const [at, line] of lines.entries()) {
      const [keyword = "", ...words] = splitSshdLine(line);
      const name = keyword.toLowerCase();
      if (name === "") continue;
      const place = `${path}:${at + 1}`;
      if (name === "include") this.#include(words, depth);
      else if (name === "match") this.#match(words, place);
      else if (this.#counts) this.#keep({ keyword: name, words, place });
    }
  }

  /** What an included file leaves open at its end does not reach further. */
  #include(patterns: readonly string[], depth: number): void {
    if (!this.#counts) return;
    const [counts, isInMatch] = [this.#counts, this.#isInMatch];
    for (const pattern of patterns) {
      const whole = pattern.startsWith("/")
        ? pattern
        : `${CONFIG_FOLDER}/${pattern}`;
      for (const file of this.#expand(whole)) {
        this.readFile(file, depth + 1);
        [this.#counts, this.#isInMatch] = [counts, isInMatch];
      }
    }
  }

  #expand(pattern: string): string[] {
    const slash = pattern.lastIndexOf("/");
    const [folder, name] = [pattern.slice(0, slash), pattern.slice(slash + 1)];
    if (!/[*?]/.test(name)) return [pattern];
    const isNamed = globToRegExp(name);
    let names: string[];
    try {
      names = this.#files.listFolder(folder || "/");
    } catch {
      // sshd passes over what is not there.
      return [];
    }
    return names.filter((one) => isNamed.test(one) && !one.startsWith("."))
      .sort().map((one) => `${folder}/${one}`);
  }

  #match(given: readonly string[], place: string): void {
    // `User=git` is as good as `User git`.
    const words = given.flatMap((word) => word.split(/=(.*)/s, 2));
    this.#isInMatch = true;
    this.#counts = true;
    for (let at = 0; at < words.length; at += 2) {
      const criterion = (words[at] ?? "").toLowerCase();
      if (criterion === "all") {
        at--;
        continue;
      }
      const list = words[at + 1] ?? "";
      const { name, groups } = this.#account;
      if (criterion === "user") {
        this.#counts &&= matchesPatternList(name, list);
      } else if (criterion === "group") {
        this.#counts &&= [...groups].some((one) =>
          matchesPatternList(one, list)
        );
      } else {
        if (this.#counts) {
          this.#undecided.push(`${place} Match ${words.join(" ")}`);
        }
        this.#counts = false;
      }
    }
  }

  #keep(setting: SshdSetting): void {
    const { keyword } = setting;
    if (CUMULATIVE.has(keyword)) {
      const lists = this.#isInMatch ? this.#matchedLists : this.#globalLists;
      const list = lists.get(keyword) ?? [];
      list.push(setting);
      lists.set(keyword, list);
    }
    const kept = this.#isInMatch ? this.#matched : this.#global;
    if (!kept.has(keyword)) kept.set(keyword, setting);
  }
}

function globToRegExp(pattern: string): RegExp {
  const source = pattern.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${source}$`);
}
