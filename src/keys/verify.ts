/**
 * Comparing the managed file with what it ought to hold, and repairing it.
 * @module
 */
import type { BitList } from "./bit_list.ts";
import { dropLaterRecords, RepeatPass, type Repeats } from "./drop_repeats.ts";
import {
  editKeyFile,
  type EditPlan,
  type EditSurroundings,
} from "./edit_file.ts";
import { KeyFileError } from "./file_error.ts";
import { FileRegion } from "./file_region.ts";
import { readLastLine } from "./last_line.ts";
import type { LineShape } from "./line_class.ts";
import { LineJudge, type VerifyReport } from "./line_judge.ts";
import { scanLines } from "./line_scan.ts";
import { LineSpool } from "./line_spool.ts";
import { matchLines } from "./match_lines.ts";
import { type FileIdentity, identityOf } from "./target_file.ts";

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
    const judge = new LineJudge({ shape, isFix }, repeats);
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
  if (tail.torn && removed.last()?.offset === tail.torn.offset) {
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
