/**
 * The lines that sshd reads: a forced command, four restrictions, and the key
 * or principal that they are for. Pure; a text that could end the quoted
 * command or start a second line never becomes part of one.
 * Source: GitLab Shell 14.56.1, authorized_keys lines; sshd(8), "AUTHORIZED_KEYS
 * FILE FORMAT"; CVE-2013-4490 for what happens without these checks.
 * @module
 */

/** What every line forbids, byte for byte as GitLab has always written it. */
export const LINE_OPTIONS =
  "no-port-forwarding,no-X11-forwarding,no-agent-forwarding,no-pty";
/** Longest line that is written, line end excluded; sshd(8) reads no longer. */
export const LINE_BYTES_MAX = 8_192;
const KEY_IDENTITY_BYTES_MAX = 255;
/** Echoed text is cut here: a message is no place for a megabyte. */
const ECHO_CHARS_MAX = 8_192;

const IDENTIFIER = /^[a-zA-Z0-9._-]+$/;
// deno-lint-ignore no-control-regex -- these are what must not get through
const CONTROL = /[\x00-\x1f\x7f]/;
// deno-lint-ignore no-control-regex -- as above, with what terminals obey too
const UNPRINTABLE = /[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]/gu;
// deno-lint-ignore no-control-regex -- as above, with what a shell would obey
const UNSAFE_PATH = /[\x00-\x20\x7f"\\#$`;&|<>()'*?~]/;
const encoder = new TextEncoder();

/** A line would not say to sshd what it is meant to say. */
export class RefusedLineError extends Error {
  override name = "RefusedLineError";
}

declare const CHECKED: unique symbol;
/** Path of the forced command, safe inside the quotes and in a shell. */
export type ShellPath = string & { readonly [CHECKED]: "ShellPath" };

/**
 * Makes the path of the forced command from the root directory.
 * @returns `ROOT/bin/gitlab-shell`, lexically cleaned.
 * @throws {RefusedLineError} If sshd or the login shell could read the path as
 * anything but one word, or if it is not absolute.
 * @example
 * ```ts
 * import { parseShellPath } from "./line.ts";
 * parseShellPath("/opt//gitlab-shell/"); // "/opt/gitlab-shell/bin/gitlab-shell"
 * ```
 */
export function parseShellPath(rootDir: string): ShellPath {
  if (!rootDir.startsWith("/") || UNSAFE_PATH.test(rootDir)) {
    throw new RefusedLineError(
      `Cannot use root directory "${maskControls(rootDir)}" in a forced ` +
        "command: it must be absolute, without blanks, quotes, `#` and " +
        "characters that a shell obeys",
    );
  }
  return cleanAbsolutePath(`${rootDir}/bin/gitlab-shell`) as ShellPath;
}

/**
 * Makes the line of a key, without line end.
 * @param id What follows `key-`.
 * @param key Type, base64 and comment.
 * @throws {RefusedLineError} `invalid key_id: …` or `invalid value: …`.
 */
export function formatKeyLine(
  shellPath: ShellPath,
  id: string,
  key: string,
): string {
  checkIdentifier(id);
  if (key === "" || CONTROL.test(key)) throw invalidValue(key);
  return formatLine(`${shellPath} key-${id}`, key);
}

/**
 * Makes the line of a principal, without line end.
 * @param keyIdentity The certificate's key identity, which is the user name.
 * It is whatever the certificate says: sshd checks nothing.
 * @throws {RefusedLineError} `invalid key_id: …` or `invalid value: …`.
 */
export function formatPrincipalLine(
  shellPath: ShellPath,
  keyIdentity: string,
  principal: string,
): string {
  checkIdentifier(keyIdentity);
  if (keyIdentity.length > KEY_IDENTITY_BYTES_MAX) {
    throw invalidKeyId(keyIdentity);
  }
  // sshd takes the text after the last blank for the principal, and what
  // follows a `#` for a comment, so either would disable the line silently.
  if (principal === "" || CONTROL.test(principal) || /[ #]/.test(principal)) {
    throw invalidValue(principal);
  }
  return formatLine(`${shellPath} username-${keyIdentity}`, principal);
}

/**
 * The id of a key as the internal API gives it.
 * @returns Its digits, or `undefined` for what names no key: 0, a negative
 * number, or one so large that JSON has already rounded it to another id.
 */
export function formatApiKeyId(id: number): string | undefined {
  return Number.isSafeInteger(id) && id > 0 ? String(id) : undefined;
}

/**
 * Makes a text safe to show: one line, nothing that a terminal obeys.
 * @returns The text with each such character as `?`, cut at 8,192 characters.
 */
export function maskControls(text: string): string {
  const shown = text.length > ECHO_CHARS_MAX
    ? text.slice(0, ECHO_CHARS_MAX) + "..."
    : text;
  return shown.replace(UNPRINTABLE, "?");
}

function formatLine(command: string, value: string): string {
  const line = `command="${command}",${LINE_OPTIONS} ${value}`;
  if (encoder.encode(line).length > LINE_BYTES_MAX) throw invalidValue(value);
  return line;
}

function checkIdentifier(id: string): void {
  if (!IDENTIFIER.test(id)) throw invalidKeyId(id);
}

function invalidKeyId(id: string): RefusedLineError {
  return new RefusedLineError(`invalid key_id: ${maskControls(id)}`);
}

function invalidValue(value: string): RefusedLineError {
  return new RefusedLineError(`invalid value: ${maskControls(value)}`);
}

/** Resolves `.`, `..` and repeated slashes without looking at the disk. */
function cleanAbsolutePath(path: string): string {
  const kept: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") kept.pop();
    else kept.push(part);
  }
  return `/${kept.join("/")}`;
}
