/**
 * Where commands of gitlab-keys take records from: standard input, a file, or
 * GitLab itself.
 * @module
 */
import { ApiError, UsageError } from "../core/errors.ts";
import type { ByteReader } from "../core/io.ts";
import { type AskGitlab, collectAnsweredLines } from "../keys/ask_lines.ts";
import { attempt } from "../keys/file_error.ts";
import { formatApiKeyId } from "../keys/line.ts";
import { readRecords, type RecordParser } from "../keys/record_stream.ts";
import type { WantedLines } from "../keys/verify.ts";
import { Progress } from "./keys_progress.ts";
import { openApi } from "./keys_api.ts";
import type { KeysRun } from "./keys_run.ts";

/** A producer that falls silent must not hold the lock for ever. */
const IDLE_TIMEOUT_MS = 300_000;
const CHUNK_BYTES = 1 << 18;

/** Records that come from somewhere. */
export interface RecordInput extends Disposable {
  readonly reader: ByteReader;
  /** `undefined` if that is not known. */
  readonly totalBytes: number | undefined;
}

/**
 * Opens the input that the words name: a file, or `-` or nothing for standard
 * input.
 * @throws {KeyFileError} If the file cannot be opened.
 */
export function openRecordInput(run: KeysRun): RecordInput {
  const [path = "-"] = run.words;
  if (path === "-") {
    return {
      reader: run.host.io.stdin,
      totalBytes: undefined,
      [Symbol.dispose]: () => {},
    };
  }
  return attempt(`could not open ${path}`, () => {
    const file = Deno.openSync(path, { read: true });
    const info = file.statSync();
    const buffer = new Uint8Array(CHUNK_BYTES);
    const read = () => {
      const count = file.readSync(buffer) ?? 0;
      return Promise.resolve(count === 0 ? null : buffer.subarray(0, count));
    };
    return {
      reader: { read },
      totalBytes: info.isFile ? info.size : undefined,
      [Symbol.dispose]: () => file.close(),
    };
  });
}

/**
 * Feeds a parser from an input and shows how far it has come.
 * @param count Tells how many records have been read.
 */
export async function readInput(
  run: KeysRun,
  { input, parser }: { input: RecordInput; parser: RecordParser },
  count: () => number,
): Promise<void> {
  const progress = makeProgress(run, input.totalBytes);
  const { clock, signal } = run.host;
  try {
    await readRecords(input.reader, parser, {
      clock,
      signal,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      onProgress: (bytes) => progress.update(count(), bytes),
    });
  } finally {
    progress.finish();
  }
}

/** Makes the progress of a command that may take long. */
function makeProgress(
  { host, command, options }: KeysRun,
  totalBytes: number | undefined,
): Progress {
  const encoder = new TextEncoder();
  const isTerminal = Deno.stderr.isTerminal();
  // A batch never said anything, and its callers keep what it says.
  const isQuiet = command === "batch-add-keys" && !isTerminal;
  return new Progress({
    clock: host.clock,
    command,
    isTerminal,
    isShown: !isQuiet && !options.has("quiet") && !options.has("no-progress"),
    totalBytes,
    totalKeys: options.number("total"),
    print: (text) => {
      Deno.stderr.writeSync(encoder.encode(text));
    },
  });
}

/**
 * Asks GitLab about every key of the file.
 * @returns The lines that GitLab would write, and how far the file was read.
 * @throws {ApiError | Error} If GitLab cannot be asked about one of them: an
 * outage must not look like an answer.
 */
export async function askAboutFile(run: KeysRun): Promise<WantedLines> {
  if (run.words.length > 0) {
    throw new UsageError("--from-api and a file of records exclude each other");
  }
  const progress = makeProgress(run, undefined);
  try {
    return await collectAnsweredLines(run.authFile, run.shape, {
      ask: makeAsk(run),
      onProgress: (asked) => progress.update(asked, 0),
    });
  } finally {
    progress.finish();
  }
}

/** Asks GitLab about one key; a key that it does not know is `undefined`. */
export function makeAsk(run: KeysRun): AskGitlab {
  const api = openApi(run);
  return async (base64) => {
    try {
      const found = await api.authorizedKey(base64, run.host.signal);
      const id = formatApiKeyId(found.id);
      return id === undefined ? undefined : { id, key: found.key };
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  };
}
