/**
 * Adding one key. The file is searched for the bytes that matter, not read
 * line by line: a key joins a million others within a second.
 * @module
 */
import { ByteSearch, type NeedleHit, searchNeedles } from "./byte_search.ts";
import {
  type AddedLines,
  editKeyFile,
  type EditPlan,
  type EditSurroundings,
} from "./edit_file.ts";
import { RangeList } from "./range_list.ts";
import { type LastLine, readLastLine } from "./last_line.ts";
import { encodeLine } from "./line_encoder.ts";
import {
  classifyLine,
  equalBytes,
  type LineShape,
  parseManagedLine,
} from "./line_class.ts";
import { findLineStart, readLineFrom } from "./line_read.ts";
import type { LineSpan } from "./line_scan.ts";
import { findKeyWords } from "./public_key.ts";
import type { KeyRecord } from "./record.ts";

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
/** Lines that merely begin with the same blob are looked at this often. */
const BLOB_CHECKS_MAX = 1_000;
const decoder = new TextDecoder();

/** What became, or in a dry run would become, of the key. */
export interface AddKeyPlan extends EditPlan {
  readonly outcome: "present" | "added" | "replaced";
  /** Another id that sshd will find first for the same key. */
  readonly otherId: string | undefined;
}

/**
 * Adds a key unless its line is there. A line of the same id with anything
 * else in it is removed. The caller holds the lock.
 * @throws {RefusedLineError} If the line would be too long.
 * @throws {KeyFileError}
 */
export function addKey(
  record: KeyRecord,
  shape: LineShape,
  around: EditSurroundings,
): AddKeyPlan {
  const line = encodeLine(record, shape);
  return editKeyFile({ ...around, mayCreate: true }, (file, path) => {
    if (!file) return plan({ found: emptyScan(), line, tail: NOTHING });
    using other = Deno.openSync(path, { read: true });
    const scan = new AddScan(record, shape, other);
    const found = scan.run(file, line);
    return plan({ found, line, tail: readLastLine(other, shape) });
  });
}

const NOTHING: LastLine = { lacksLineEnd: false };

interface AddFindings {
  stale: RangeList;
  isPresent: boolean;
  otherId: string | undefined;
}

function emptyScan(): AddFindings {
  return { stale: new RangeList(), isPresent: false, otherId: undefined };
}

function plan(
  { found, line, tail }: {
    found: AddFindings;
    line: Uint8Array;
    tail: LastLine;
  },
): AddKeyPlan {
  const { isPresent, otherId, stale: removed } = found;
  // An earlier try to add this very key may be what was torn.
  if (tail.torn && removed.last()?.offset === tail.torn.offset) {
    removed.removeLast();
  }
  const bytes = new Uint8Array(line.length + 1);
  bytes.set(line);
  bytes[line.length] = LF;
  const added: AddedLines | undefined = isPresent
    ? undefined
    : { kind: "line", bytes };
  const outcome = removed.count > 0
    ? "replaced"
    : isPresent
    ? "present"
    : "added";
  return {
    removed,
    added,
    lacksLineEnd: tail.lacksLineEnd,
    ...(tail.torn && added ? { torn: tail.torn } : {}),
    outcome,
    otherId,
  };
}

class AddScan {
  readonly #record: KeyRecord;
  readonly #shape: LineShape;
  /** A second handle, since reading moves the first. */
  readonly #file: Deno.FsFile;
  readonly #findings = emptyScan();
  #blobChecks = 0;

  constructor(record: KeyRecord, shape: LineShape, file: Deno.FsFile) {
    this.#record = record;
    this.#shape = shape;
    this.#file = file;
  }

  run(file: Deno.FsFile, line: Uint8Array): AddFindings {
    const { start } = this.#shape;
    const { id } = this.#record;
    const idNeedle = new Uint8Array(start.length + id.length + 1);
    idNeedle.set(start);
    idNeedle.set(id, start.length);
    idNeedle[idNeedle.length - 1] = QUOTE;
    const blobNeedle = makeBlobNeedle(this.#record.key);
    const searches = [new ByteSearch(idNeedle), new ByteSearch(blobNeedle)];
    searchNeedles(file, searches, (hit) => {
      if (hit.needle === 0) this.#visitId(hit, line);
      else this.#visitBlob(hit, blobNeedle);
    });
    return this.#findings;
  }

  #visitId({ offset }: NeedleHit, wanted: Uint8Array): void {
    if (findLineStart(this.#file, offset) !== offset) return;
    const line = readLineFrom(this.#file, offset);
    const { buffer, end, lengthBytes } = line;
    const bytes = buffer.subarray(0, buffer[end - 1] === CR ? end - 1 : end);
    // Only the first of equal lines is of use; the others stay, as they do
    // no harm, until `dedupe`.
    if (lengthBytes === end && equalBytes(bytes, wanted)) {
      this.#findings.isPresent = true;
    } else {
      this.#findings.stale.add(offset, lengthBytes);
    }
  }

  #visitBlob({ offset, after }: NeedleHit, needle: Uint8Array): void {
    if (this.#findings.otherId !== undefined) return;
    if (after !== undefined && ![LF, CR, SPACE].includes(after)) return;
    if (this.#blobChecks++ >= BLOB_CHECKS_MAX) return;
    const lineStart = findLineStart(this.#file, offset);
    if (lineStart === undefined) return;
    const line = readLineFrom(this.#file, lineStart);
    if (classifyLine(line, this.#shape) !== "managed") return;
    if (!equalBytes(readBlob(line, this.#shape), needle.subarray(1))) return;
    const { idStart, idEnd } = parseManagedLine(line, this.#shape);
    const id = line.buffer.subarray(idStart, idEnd);
    if (equalBytes(id, this.#record.id)) return;
    this.#findings.otherId = decoder.decode(id);
  }
}

/** The blob with the blank before it, or the whole key if it is one word. */
function makeBlobNeedle(key: Uint8Array): Uint8Array {
  const { typeStart, typeEnd, blobStart, blobEnd } = findKeyWords(
    key,
    0,
    key.length,
  );
  const hasBlob = blobEnd > blobStart;
  const blob = hasBlob
    ? key.subarray(blobStart, blobEnd)
    : key.subarray(typeStart, typeEnd);
  const needle = new Uint8Array(blob.length + 1);
  needle[0] = SPACE;
  needle.set(blob, 1);
  return needle;
}

function readBlob(line: LineSpan, shape: LineShape): Uint8Array {
  const { keyStart, keyEnd } = parseManagedLine(line, shape);
  const words = findKeyWords(line.buffer, keyStart, keyEnd);
  return words.blobEnd > words.blobStart
    ? line.buffer.subarray(words.blobStart, words.blobEnd)
    : line.buffer.subarray(words.typeStart, words.typeEnd);
}
