/**
 * The manual page of config.yml, from the table of keys: its source in
 * `docs/man` is made by `deno task package -- --manual`, and a test sees that
 * it is current. Pure.
 * @module
 */
import { CONFIG_KEYS, type ConfigKey } from "../../config/config_keys.ts";
import { spellValue } from "../../config/example.ts";
import { OBSOLETE_KEYS } from "../../config/lint.ts";

const TYPE_NAMES = {
  string: "text",
  bool: "yes or no",
  integer: "number",
  seconds: "seconds",
  duration: "duration",
  duration_text: "duration with unit",
  strings: "list",
} as const;

/** Makes the Markdown of gitlab-shell-config(5). */
export function formatConfigManual(): string {
  return `# gitlab-shell-config(5) -- configuration of GitLab Shell

## SYNOPSIS

\`config.yml\` in the folder above that of the programs, or in
\`GITLAB_SHELL_DIR\`

## DESCRIPTION

One file for all programs: YAML, its top level a mapping. Only its first
document counts. A key whose value is left out keeps its default. Unknown keys
are passed over; \`gitlab-shell config check\` names them.

Durations are a number of seconds, or text such as \`1m30s\` or \`500ms\`.
Yes-or-no keys also take \`on\`, \`off\`, \`y\` and \`n\`.

Dots below stand for sections:

\`\`\`
sshd:
  listen: "[::]:2222"
\`\`\`

## KEYS

${CONFIG_KEYS.map(formatKey).join("\n")}

The defaults of \`sshd.host_key_files\` are \`ssh_host_rsa_key\`,
\`ssh_host_ecdsa_key\` and \`ssh_host_ed25519_key\` in
\`/run/secrets/ssh-hostkeys\`.

## KEYS WITHOUT EFFECT

${[...OBSOLETE_KEYS].map(formatObsolete).join("\n")}

## ENVIRONMENT

- \`GITLAB_SHELL_DIR\`: folder of config.yml, for all programs but gitlab-sshd.
- \`GITLAB_URL\`, \`GITLAB_SHELL_SECRET\`, \`GITLAB_TRACING\`: override the file,
  for gitlab-sshd alone.
- \`GITLAB_LOG_FORMAT\`: \`text\` for records that are no JSON.
- \`GITLAB_LOG_LEVEL\`: counts if \`log_level\` is empty or no level.
- \`GITLAB_LOG_TIMEZONE\`: zone of the records' times, UTC by default.
- \`CORRELATION_ID\`: used instead of one that is made.

## SEE ALSO

gitlab-shell(1), gitlab-sshd(8), gitlab-keys(8)
`;
}

function formatKey(row: ConfigKey): string {
  const value = "isSecret" in row ? "" : spellValue(row, row.default);
  // Empty ones go without saying, and the host keys stand below the list.
  const isShown = !["", '""', "[]"].includes(value) &&
    !value.startsWith('["/run');
  const usual = isShown ? `, \`${value}\` by default` : "";
  return `- \`${row.path}\`: ${row.meaning} (${TYPE_NAMES[row.type]}${usual}).`;
}

function formatObsolete([path, advice]: readonly [string, string]): string {
  return `- \`${path}\`: ${advice}.`;
}
