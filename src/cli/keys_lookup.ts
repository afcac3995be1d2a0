/**
 * `gitlab-keys lookup`: whose a key is, and what sshd would be told.
 * @module
 */
import { Deadline } from "../core/deadline.ts";
import { errorText, UsageError } from "../core/errors.ts";
import { EXIT_FAILURE, EXIT_OK } from "../core/exit_status.ts";
import { findKeyInFile, type FoundLine } from "../keys/find_key.ts";
import { formatKeyLine, maskControls, RefusedLineError } from "../keys/line.ts";
import { LOOKUP_TIMEOUT_MS } from "./authorized_keys_check.ts";
import {
  type DescribedKey,
  describeKey,
  judgeKey,
  readKeyLines,
} from "./keys_fingerprint.ts";
import { openApi } from "./keys_api.ts";
import { makeAsk } from "./keys_input.ts";
import { type KeysRun, print } from "./keys_run.ts";

/** What GitLab says of a key. */
interface Owner {
  /** Digits; `undefined` if GitLab does not know the key. */
  keyId: string | undefined;
  username: string | undefined;
  /** What sshd would print to its log or obey. */
  line: string | undefined;
  /** Why GitLab could not be asked. */
  failure: string | undefined;
}

/**
 * Tells about one key.
 * @returns 0 if GitLab knows it.
 */
export async function runLookup(run: KeysRun): Promise<number> {
  const [first = "", ...others] = await readKeyLines(run);
  const key = await describeKey(first);
  if (!key || others.length > 0) {
    throw new UsageError("lookup needs one public key");
  }
  const owner = await askForOwner(run, key);
  const lines = findKeyInFile(run.authFile, key.text.base64);
  const text = run.options.has("json")
    ? formatJson(key, owner, lines)
    : formatText(run, { key, owner, lines });
  await print(run, text);
  return owner.keyId === undefined ? EXIT_FAILURE : EXIT_OK;
}

async function askForOwner(
  run: KeysRun,
  { text }: DescribedKey,
): Promise<Owner> {
  const owner: Owner = {
    keyId: undefined,
    username: undefined,
    line: undefined,
    failure: undefined,
  };
  try {
    const found = await makeAsk(run)(text.base64);
    if (!found) return owner;
    owner.keyId = found.id;
    owner.line = formatKeyLine(run.shellPath, found.id, found.key);
    owner.username = await askForUser(run, found.id);
  } catch (error) {
    owner.failure = error instanceof RefusedLineError
      ? `sshd would be told nothing: ${error.message}`
      : errorText(error);
  }
  return owner;
}

/** @returns `undefined` for a key that belongs to no user, as a deploy key. */
async function askForUser(
  run: KeysRun,
  keyId: string,
): Promise<string | undefined> {
  using deadline = new Deadline(LOOKUP_TIMEOUT_MS, run.host.signal);
  const identity = { kind: "key", keyId } as const;
  const user = await openApi(run).discover(identity, deadline.signal);
  return user.id > 0 ? user.username : undefined;
}

function formatText(
  run: KeysRun,
  { key, owner, lines }: {
    key: DescribedKey;
    owner: Owner;
    lines: readonly FoundLine[];
  },
): string {
  const { text, facts, fingerprint } = key;
  const bits = facts.bits > 0 ? `, ${facts.bits} bits` : "";
  const told = owner.line ?? `# No key was found for ${text.base64}`;
  const rows = [
    ["key", `${text.type}${bits}`],
    ["fingerprint", fingerprint],
    ["comment", text.comment || "none"],
    ["judgement", judgeKey(key)],
    ["in GitLab", describeOwner(owner)],
    ["in file", describeLines(run.authFile, lines)],
    ["sshd is told", told],
  ];
  return rows.map(([name = "", value = ""]) =>
    `${`${name}:`.padEnd(14)}${maskControls(value)}`
  ).join("\n");
}

function describeOwner({ keyId, username, failure }: Owner): string {
  if (keyId === undefined) return failure ?? "no such key";
  const who = username === undefined ? "no user" : `@${username}`;
  return `key-${keyId} of ${who}${failure === undefined ? "" : `; ${failure}`}`;
}

function describeLines(
  authFile: string,
  lines: readonly FoundLine[],
): string {
  if (lines.length === 0) return `not in ${authFile}`;
  const places = lines.map(({ line, id }) =>
    `line ${line}${id === undefined ? "" : ` as ${id}`}`
  );
  return `${places.join(", ")} of ${authFile}`;
}

function formatJson(
  key: DescribedKey,
  owner: Owner,
  lines: readonly FoundLine[],
): string {
  const { text, facts, fingerprint } = key;
  return JSON.stringify({
    type: text.type,
    bits: facts.bits,
    fingerprint,
    comment: text.comment,
    judgement: judgeKey(key),
    key_id: owner.keyId === undefined ? null : `key-${owner.keyId}`,
    username: owner.username ?? null,
    failure: owner.failure ?? null,
    line: owner.line ?? null,
    file: lines,
  });
}
