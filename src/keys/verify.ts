/**
 * Comparing the managed file with what it ought to hold, and repairing it.
 * @module
 */
import { BitList } from "./bit_list.ts";
import { dropLaterRecords, RepeatPass, type Repeats } from "./drop_repeats.ts";
import {
  editKeyFile,
  type EditPlan,
  type EditSurroundings,
  RangeList,
} from "./edit_file.ts";
import { KeyFileError } from "./file_error.ts";
import { FileRegion } from "./file_region.ts";
import { readLastLine } from "./last_line.ts";
import { type LineShape, parseManagedLine } from "./line_class.ts";
import { type LineSpan, scanLines } from "./line_scan.ts";
import { LineSpool } from "./line_spool.ts";
import { matchLines, type MatchVisitor } from "./match_lines.ts";
import { findKeyWords, inspectKey } from "./public_key.ts";
import { type FileIdentity, identityOf } from "./target_file.ts";

/** What may be wrong with a line, and whether `--fix` repairs it. */
export const FINDING_KINDS = {
  missing: { isFault: true },
  extra: { isFault: true },
  duplicate: { isFault: true },
  altered: { isFault: true },
  options: { isFault: true },
  malformed: { isFault: true },
  weak: { isFault: false },
  unsupported: { isFault: false },
} as const;
/** Name of a kind of finding. */
export type FindingKind = keyof typeof FINDING_KINDS;

/** One thing that is not as it should be. */
export interface Finding {
  readonly kind: FindingKind;
  readonly id: string;
  /** Line in the file, counted from 1; absent for a missing one. */
  readonly line?: number;
  readonly detail?: string;
}

/** The result of a comparison. */
export interface VerifyReport extends Disposable {
  /** How many managed lines the file has. */
  managed: number;
  /** How many are as they should be. */
  good: number;
  readonly counts: Record<FindingKind, number>;
  /** Repeated records of the input. */
  repeats: Repeats;
  /** One `Finding` a line, as JSON. */
  readonly findings: LineSpool;
}

/** What the file ought to hold. */
export interface WantedLines {
  readonly spool: LineSpool;
  /**
   * The file is judged up to here: lines behind came after the question.
   * `Infinity` for all of it.
   */
  readonly judgedBytes: number;
  /** The file that the question was about, if it was about one. */
  readonly askedOf?: FileIdentity | undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What a comparison is told. */
export interface VerifyOptions {
  readonly shape: LineShape;
  /** Whether the file is repaired; the caller then holds the lock. */
  readonly isFix: boolean;
}

/**
 * Compares, and repairs if asked: what does not belong goes, what is missing
 * is added.
 * @throws {KeyFileError}
 */
export function verifyKeyFile(
  { spool, judgedBytes, askedOf }: WantedLines,
  { shape, isFix }: VerifyOptions,
  around: EditSurroundings,
): VerifyReport {
  const repeats = findRepeats(spool, shape);
  using unique = withoutLines(spool, repeats.dropped);
  let report: VerifyReport | undefined;
  const dryRun = { ...around, isDryRun: around.isDryRun || !isFix };
  editKeyFile({ ...dryRun, mayCreate: true }, (file, path) => {
    checkSameFile(askedOf, file, path);
    report?.[Symbol.dispose]();
    const judge = new LineJudge(shape, repeats);
    report = judge.report;
    const wanted = unique ?? spool;
    matchLines({
      shape,
      matchBy: "key",
      wantedCount: wanted.count,
      openWanted: () => wanted.open(),
      openFile: () => file && new FileRegion(file, 0, judgedBytes),
    }, judge);
    judge.nameMissing(wanted);
    return makePlan(judge, wanted, { file, shape });
  });
  if (!report) throw new TypeError("Cannot verify without looking");
  return report;
}

/** What was not asked about must not be judged. */
function checkSameFile(
  askedOf: FileIdentity | undefined,
  file: Deno.FsFile | undefined,
  path: string,
): void {
  if (!askedOf) return;
  const now = file && identityOf(file.statSync());
  const isSame = now?.ino === askedOf.ino && now.dev === askedOf.dev &&
    now.sizeBytes >= askedOf.sizeBytes;
  if (isSame) return;
  throw new KeyFileError(
    `could not judge ${path}: It was replaced while GitLab was being asked`,
  );
}

/** Applies the rule of `rebuild`, so that a rebuilt file has no findings. */
function findRepeats(spool: LineSpool, shape: LineShape): Repeats {
  const pass = new RepeatPass(shape);
  scanLines(spool.open(), (line) => pass.note(line));
  return dropLaterRecords(pass, () => spool.open());
}

function withoutLines(
  spool: LineSpool,
  dropped: BitList,
): LineSpool | undefined {
  if (dropped.count === 0) return undefined;
  const kept = new LineSpool();
  scanLines(spool.open(), ({ buffer, start, end, number }) => {
    if (!dropped.has(number)) kept.add(buffer.subarray(start, end));
  });
  return kept;
}

function makePlan(
  { removed, missing }: LineJudge,
  wanted: LineSpool,
  { file, shape }: { file: Deno.FsFile | undefined; shape: LineShape },
): EditPlan {
  removed.sort();
  const tail = file ? readLastLine(file, shape) : { lacksLineEnd: false };
  if (tail.torn && removed.offsets.at(-1) === tail.torn.offset) {
    removed.removeLast();
  }
  if (missing.count === 0) return { removed, ...tail };
  return {
    removed,
    ...tail,
    added: {
      kind: "lines",
      write: (out) =>
        scanLines(wanted.open(), ({ buffer, start, end, number }) => {
          if (missing.has(number)) out.write(buffer.subarray(start, end + 1));
        }),
    },
  };
}

/** Turns the outcome of the match into findings and repairs. */
class LineJudge implements MatchVisitor {
  readonly removed = new RangeList();
  /** Wanted lines that are to be added, by number. */
  readonly missing = new BitList();
  readonly report: VerifyReport;
  /** Those of them that no different line stood for. */
  readonly #absent = new BitList();
  readonly #shape: LineShape;

  constructor(shape: LineShape, repeats: Repeats) {
    this.#shape = shape;
    const findings = new LineSpool();
    this.report = {
      managed: 0,
      good: 0,
      counts: {
        missing: 0,
        extra: 0,
        duplicate: 0,
        altered: 0,
        options: 0,
        malformed: 0,
        weak: 0,
        unsupported: 0,
      },
      repeats,
      findings,
      [Symbol.dispose]: () => findings[Symbol.dispose](),
    };
  }

  onExtra(line: LineSpan): void {
    this.#condemn("extra", line);
  }

  onEqual(line: LineSpan, isFirst: boolean): void {
    if (!isFirst) return this.#condemn("duplicate", line);
    this.report.managed++;
    this.report.good++;
    const { keyStart, keyEnd } = parseManagedLine(line, this.#shape);
    const { type, form, isSupported, weakness } = inspectKey(
      line.buffer,
      keyStart,
      keyEnd,
    );
    if (!isSupported) {
      this.#find("unsupported", line, `sshd does not know the type "${type}"`);
    } else if (form !== "complete") {
      this.#find("unsupported", line, "sshd cannot read the key");
    } else if (weakness !== undefined) {
      this.#find("weak", line, weakness);
    }
  }

  onDifferent(line: LineSpan): void {
    const { hasOurOptions, keyStart, keyEnd } = parseManagedLine(
      line,
      this.#shape,
    );
    if (!hasOurOptions) return this.#condemn("options", line);
    const { form } = inspectKey(line.buffer, keyStart, keyEnd);
    const { blobStart, blobEnd } = findKeyWords(line.buffer, keyStart, keyEnd);
    const isBroken = form === "torn" || blobStart === blobEnd;
    this.#condemn(isBroken ? "malformed" : "altered", line);
  }

  onMissing(wanted: number, isAltered: boolean): void {
    this.missing.set(wanted);
    if (!isAltered) this.#absent.set(wanted);
  }

  onRepeated(): void {}

  /** Adds the findings for which there is no line, by their ids. */
  nameMissing(wanted: LineSpool): void {
    if (this.#absent.count === 0) return;
    scanLines(wanted.open(), (line) => {
      if (!this.#absent.has(line.number)) return;
      this.#add({ kind: "missing", id: this.#idText(line) });
    });
  }

  #condemn(kind: FindingKind, line: LineSpan): void {
    this.report.managed++;
    this.removed.add(line.offset, line.lengthBytes);
    this.#find(kind, line);
  }

  #find(kind: FindingKind, line: LineSpan, detail?: string): void {
    this.#add({
      kind,
      id: this.#idText(line),
      line: line.number + 1,
      ...(detail === undefined ? {} : { detail }),
    });
  }

  #add(finding: Finding): void {
    this.report.counts[finding.kind]++;
    this.report.findings.add(encoder.encode(JSON.stringify(finding)));
  }

  #idText(line: LineSpan): string {
    const { idStart, idEnd } = parseManagedLine(line, this.#shape);
    return decoder.decode(line.buffer.subarray(idStart, idEnd));
  }
}
