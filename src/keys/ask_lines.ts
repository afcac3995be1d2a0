/**
 * Asking GitLab about every key of a file, one by one: the internal API has no
 * list of keys, but it knows whose a key is.
 * @module
 */
import { openForReading } from "./edit_file.ts";
import { FileRegion } from "./file_region.ts";
import {
  classifyLine,
  type LineShape,
  parseManagedLine,
} from "./line_class.ts";
import { encodeLine } from "./line_encoder.ts";
import { LineScanner } from "./line_scan.ts";
import { LineSpool } from "./line_spool.ts";
import { findKeyWords, inspectKey } from "./public_key.ts";
import { parseKeyId, parsePublicKey } from "./record.ts";
import { resolveTarget } from "./target_file.ts";
import type { WantedLines } from "./verify.ts";

const QUESTIONS_AT_ONCE = 8;
const decoder = new TextDecoder();

/** Asks about a blob. @returns `undefined` if GitLab does not know it. */
export type AskGitlab = (
  base64: string,
) => Promise<{ readonly id: string; readonly key: string } | undefined>;

/** How the questions are asked. */
export interface AskOptions {
  readonly ask: AskGitlab;
  /** Told now and then how many have been answered. */
  onProgress(asked: number): void;
}

/**
 * Collects the lines that GitLab would write for the keys of a file.
 * @returns The lines, which the caller must dispose of, and where the file
 * ended when it was read.
 * @throws {Error} What asking failed with.
 */
export async function collectAnsweredLines(
  authFile: string,
  shape: LineShape,
  { ask, onProgress }: AskOptions,
): Promise<WantedLines> {
  const target = resolveTarget(authFile);
  const spool = new LineSpool();
  const judgedBytes = target.found?.sizeBytes ?? 0;
  using file = openForReading(target);
  if (!file) return { spool, judgedBytes };
  let blobs: string[] = [];
  let asked = 0;
  const region = new FileRegion(file, 0, judgedBytes);
  const scanner = new LineScanner(region, (line) => {
    if (classifyLine(line, shape) !== "managed") return;
    const { keyStart, keyEnd } = parseManagedLine(line, shape);
    // What no sshd can read GitLab cannot know either.
    const { form } = inspectKey(line.buffer, keyStart, keyEnd);
    if (form === "torn") return;
    const words = findKeyWords(line.buffer, keyStart, keyEnd);
    const blob = line.buffer.subarray(words.blobStart, words.blobEnd);
    if (blob.length > 0) blobs.push(decoder.decode(blob));
  });
  try {
    for (let goesOn = true; goesOn;) {
      goesOn = scanner.step();
      for (let at = 0; at < blobs.length; at += QUESTIONS_AT_ONCE) {
        const some = blobs.slice(at, at + QUESTIONS_AT_ONCE);
        // All of them are waited for, even when one has failed already.
        for (const answer of await Promise.allSettled(some.map(ask))) {
          if (answer.status === "rejected") throw answer.reason;
          if (answer.value) spool.add(encodeAnswer(answer.value, shape));
        }
        asked += some.length;
        onProgress(asked);
      }
      blobs = [];
    }
  } catch (error) {
    spool[Symbol.dispose]();
    throw error;
  }
  return { spool, judgedBytes, askedOf: target.found };
}

function encodeAnswer(
  { id, key }: { id: string; key: string },
  shape: LineShape,
): Uint8Array {
  const rules = { isStrict: false };
  const record = {
    id: parseKeyId(`key-${id}`, rules),
    key: parsePublicKey(key, rules),
  };
  return encodeLine(record, shape);
}
