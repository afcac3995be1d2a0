/**
 * Doctor on one key: whose it is, and what a login with it would do.
 * @module
 */
import type { Config } from "../config/config.ts";
import { ApiError, errorText, UsageError } from "../core/errors.ts";
import { Deadline } from "../core/deadline.ts";
import { findKeyInFile, type FoundLine } from "../keys/find_key.ts";
import { parseKeyText } from "../keys/key_text.ts";
import { formatApiKeyId } from "../keys/line.ts";
import { scanLines } from "../keys/line_scan.ts";
import { openForReading } from "../keys/edit_file.ts";
import { fingerprintBlob } from "../keys/public_key.ts";
import { resolveTarget } from "../keys/target_file.ts";
import {
  type DescribedKey,
  describeKey,
  judgeKey,
} from "./keys_fingerprint.ts";
import {
  type Check,
  failed,
  type Finding,
  ok,
  timed,
  warning,
} from "./doctor_report.ts";
import {
  authFileOf,
  type DoctorRun,
  openDoctorApi,
  STEP_TIMEOUT_MS,
} from "./doctor_run.ts";
import type { SshdWay } from "./doctor_sshd_run.ts";

const FINGERPRINT = /^(?:SHA256:)?[A-Za-z0-9+/]{43}=?$/;
const KEY_FILE_BYTES_MAX = 64 * 1024;
/** Lines whose fingerprints are made in search of one. */
const SEARCHED_LINES_MAX = 100_000;
const decoder = new TextDecoder();

/** What is known of the key after the checks. */
export interface KeyOutcome {
  /** Digits; absent if GitLab does not know the key. */
  keyId?: string;
  /** Absent for a key of no user, as a deploy key. */
  username?: string;
}

/**
 * Checks the key by itself, in the file, and with GitLab.
 * @param outcome Filled in on the way.
 */
export async function* checkKey(
  run: DoctorRun,
  config: Config,
  { way, outcome }: { way: SshdWay | undefined; outcome: KeyOutcome },
): AsyncGenerator<Check> {
  const authFile = authFileOf(run, config);
  let key: DescribedKey | undefined;
  yield await timed("key", async () => {
    const text = await findKeyText(run.options.key ?? "", authFile);
    if (text === undefined) {
      return failed(
        "no line of the file has this fingerprint",
        "GitLab can be asked about a whole key alone: give the .pub file",
      );
    }
    key = await describeKey(text);
    if (!key) return failed("no public key in the file", "give the .pub file");
    const judgement = judgeKey(key);
    const what = `${key.text.type} ${key.fingerprint}`;
    return judgement === "sound"
      ? ok(what)
      : failed(`${what}: ${judgement}`, "the user should make a new key");
  });
  if (!key) return;
  const { base64 } = key.text;
  const lines = authFile === undefined ? [] : findKeyInFile(authFile, base64);
  yield await timed(
    "key.gitlab",
    () => askGitlab(run, config, { base64, outcome }),
  );
  yield await timed(
    "key.login",
    () => describeLogin({ lines, outcome, way }),
  );
}

/** Whose the key is, noted in `outcome`. */
async function askGitlab(
  run: DoctorRun,
  config: Config,
  { base64, outcome }: { base64: string; outcome: KeyOutcome },
): Promise<Finding> {
  using deadline = new Deadline(STEP_TIMEOUT_MS, run.host.signal);
  const api = openDoctorApi(run, config);
  try {
    const found = await api.authorizedKey(base64, deadline.signal);
    const keyId = formatApiKeyId(found.id);
    if (keyId === undefined) {
      return failed("GitLab names no usable id", "see GitLab's own log");
    }
    outcome.keyId = keyId;
    const identity = { kind: "key", keyId } as const;
    const user = await api.discover(identity, deadline.signal);
    if (user.id > 0) outcome.username = user.username;
    return ok(`key-${keyId} of ${describeUser(outcome.username)}`);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) {
      return failed(
        "GitLab does not know the key, or it has expired",
        "the user adds it in GitLab, below Preferences, SSH Keys",
      );
    }
    return failed(errorText(error), "see the checks of the API above");
  }
}

function describeLogin(
  { lines, outcome: { keyId, username }, way }: {
    lines: readonly FoundLine[];
    outcome: KeyOutcome;
    way: SshdWay | undefined;
  },
): Finding {
  const inFile = (way?.keyFiles.length ?? 1) > 0 ? lines[0] : undefined;
  if (inFile) {
    const place = `line ${inFile.line} of the file`;
    if (inFile.id === undefined) {
      return failed(
        `${place} has no forced command: the login gets a shell`,
        "remove the line, unless it is meant so",
      );
    }
    if (keyId === undefined || inFile.id !== `key-${keyId}`) {
      return warning(
        `${place} logs in as ${inFile.id}, which is not what GitLab says`,
        "gitlab-keys verify --from-api --fix",
      );
    }
    return ok(`sshd lets it in by ${place}, as ${describeUser(username)}`);
  }
  if (keyId === undefined) {
    return failed("sshd refuses the login", "see key.gitlab above");
  }
  if (way && !way.hasCommand) {
    return failed(
      "sshd refuses the login: the key is in no file, and no command is asked",
      `gitlab-keys add-key key-${keyId} "<key>", or way 2 of docs/sshd.md`,
    );
  }
  return ok(`the command lets it in as ${describeUser(username)}`);
}

/** A file's text, or the line of the managed file with the fingerprint. */
async function findKeyText(
  given: string,
  authFile: string | undefined,
): Promise<string | undefined> {
  if (!FINGERPRINT.test(given)) return readKeyFile(given);
  if (authFile === undefined) return undefined;
  const wanted = `SHA256:${given.replace(/^SHA256:/, "").replace(/=$/, "")}`;
  using file = openForReading(resolveTarget(authFile));
  if (!file) return undefined;
  const lines: string[] = [];
  scanLines(file, ({ buffer, start, end }) => {
    lines.push(decoder.decode(buffer.subarray(start, end)));
    return lines.length < SEARCHED_LINES_MAX;
  });
  for (const line of lines) {
    const key = parseKeyText(line);
    if (key && await fingerprintBlob(key.blob) === wanted) return line;
  }
  return undefined;
}

function readKeyFile(path: string): string {
  let text: string;
  try {
    const { size } = Deno.statSync(path);
    if (size > KEY_FILE_BYTES_MAX) throw new Error("too large for a key");
    text = Deno.readTextFileSync(path);
  } catch (error) {
    throw new UsageError(
      `--key ${JSON.stringify(path)} is neither a fingerprint nor a file: ` +
        errorText(error).split(" (os error")[0],
    );
  }
  if (text.includes("PRIVATE KEY")) {
    throw new UsageError("--key is a private key: give the .pub file");
  }
  return text.split("\n").find((line) => line.trim() !== "") ?? "";
}

function describeUser(username: string | undefined): string {
  return username === undefined ? "no user" : `@${username}`;
}
