/**
 * A `config.yml` to begin with, made from the table of keys, and the effective
 * values of one that is in use. Pure.
 * @module
 */
import { CONFIG_KEYS, type ConfigKey } from "./config_keys.ts";
import type { ConfigValue } from "./config_values.ts";
import { spellDuration } from "./schema.ts";

/** What an installation cannot do without, and what it should decide itself. */
const GIVEN: ReadonlyMap<string, string> = new Map([
  ["user", "git"],
  [
    "gitlab_url",
    '"http+unix://%2Fvar%2Fopt%2Fgitlab%2Fgitlab-workhorse%2Fsockets%2Fsocket"',
  ],
  ["auth_file", "/var/opt/gitlab/.ssh/authorized_keys"],
  ["log_file", "/var/log/gitlab/gitlab-shell/gitlab-shell.log"],
]);

/**
 * Makes the example: every key with its meaning and its default, commented out
 * but for those that an installation has to give.
 */
export function formatExample(): string {
  const lines = [
    "# config.yml of GitLab Shell. Lines behind one # are defaults: take the #",
    "# away, with that of the section above, to change one.",
  ];
  let section: readonly string[] = [];
  for (const row of CONFIG_KEYS) {
    const path = row.path.split(".");
    const name = path.pop() ?? "";
    lines.push(...openSections(section, path));
    section = path;
    const indent = "  ".repeat(path.length);
    const given = GIVEN.get(row.path);
    lines.push(`${indent}# ${row.meaning}`);
    const value = given ?? spellValue(row, row.default);
    lines.push(`${given === undefined ? "#" : ""}${indent}${name}: ${value}`);
  }
  return `${lines.join("\n")}\n`;
}

function openSections(
  before: readonly string[],
  path: readonly string[],
): string[] {
  let shared = 0;
  while (shared < path.length && before[shared] === path[shared]) shared++;
  const lines = path.slice(shared).map((name, at) =>
    `#${"  ".repeat(shared + at)}${name}:`
  );
  return lines.length > 0 && shared === 0 ? ["", ...lines] : lines;
}

/**
 * A value as the file would spell it, on one line; a secret as `[hidden]`.
 * @example
 * ```ts
 * import { CONFIG_KEYS } from "./config_keys.ts";
 * import { spellValue } from "./example.ts";
 * const row = CONFIG_KEYS.find(({ path }) => path === "sshd.grace_period");
 * row && spellValue(row, 10_000); // "10s"
 * ```
 */
export function spellValue(row: ConfigKey, value: ConfigValue): string {
  if ("isSecret" in row) return value === "" ? '""' : "[hidden]";
  const isDuration = row.type === "duration" || row.type === "duration_text";
  if (isDuration) return spellDuration(Number(value));
  if (typeof value === "object") {
    return `[${value.map((item) => JSON.stringify(item)).join(", ")}]`;
  }
  return typeof value === "string" ? spellText(value) : String(value);
}

/** Plain where YAML and people read it alike. */
function spellText(text: string): string {
  const isPlain = /^[A-Za-z./][\w./-]*$/.test(text) &&
    !/^(y|n|yes|no|on|off|true|false|null|~)$/i.test(text);
  return isPlain ? text : JSON.stringify(text);
}
