/**
 * `gitlab-keys verify`: compares the file with a list of all keys, or with
 * what GitLab says of each, and repairs it if asked.
 * @module
 */
import { EXIT_FAILURE, EXIT_OK } from "../core/exit_status.ts";
import { LineEncoder } from "../keys/line_encoder.ts";
import { LineScanner } from "../keys/line_scan.ts";
import { LineSpool } from "../keys/line_spool.ts";
import { RecordParser } from "../keys/record_stream.ts";
import {
  type Finding,
  FINDING_KINDS,
  type FindingKind,
  type VerifyReport,
} from "../keys/line_judge.ts";
import { verifyKeyFile, type WantedLines } from "../keys/verify.ts";
import { askAboutFile, openRecordInput, readInput } from "./keys_input.ts";
import {
  formatCount,
  type KeysRun,
  LONG_LOCK_TIMEOUT_MS,
  print,
  surroundingsOf,
  withLock,
} from "./keys_run.ts";
import { warnOfRepeats } from "./keys_shrink.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const KINDS = Object.keys(FINDING_KINDS).filter((name) =>
  name in FINDING_KINDS
) as FindingKind[];

/**
 * Compares with `[<file>|-]`, or with GitLab for `--from-api`.
 * @returns 0 if nothing is wrong, or nothing is any more.
 */
export async function runVerify(run: KeysRun): Promise<number> {
  const { options } = run;
  const isFix = options.has("fix");
  const compare = (wanted: WantedLines) => {
    using _spool = wanted.spool;
    return verifyKeyFile(
      wanted,
      { shape: run.shape, isFix },
      surroundingsOf(run),
    );
  };
  let report: VerifyReport;
  if (options.has("from-api")) {
    // To ask takes long, and is about the lines that are there now; those
    // that come meanwhile are not judged.
    const wanted = await askAboutFile(run);
    report = isFix
      ? await withLock(run, LONG_LOCK_TIMEOUT_MS, () => compare(wanted))
      : compare(wanted);
  } else {
    const work = async () => compare(await readWanted(run));
    report = isFix
      ? await withLock(run, LONG_LOCK_TIMEOUT_MS, work)
      : await work();
  }
  using _report = report;
  warnOfRepeats(run, report.repeats, "ignored in the list");
  await printFindings(run, report);
  const isRepaired = isFix && !options.has("dry-run");
  return isRepaired || countFaults(report) === 0 ? EXIT_OK : EXIT_FAILURE;
}

async function readWanted(run: KeysRun): Promise<WantedLines> {
  const spool = new LineSpool();
  const encoder = new LineEncoder(run.shape);
  const parser = new RecordParser({ isStrict: false }, {
    onRecord: (record) => spool.add(encoder.encode(record).buffer),
    onInvalid: (error) => {
      throw error;
    },
  });
  try {
    using input = openRecordInput(run);
    await readInput(run, { input, parser }, () => spool.count);
  } catch (error) {
    spool[Symbol.dispose]();
    throw error;
  }
  return { spool, judgedBytes: Infinity };
}

async function printFindings(
  run: KeysRun,
  report: VerifyReport,
): Promise<void> {
  const isJson = run.options.has("json");
  let text = "";
  const scanner = new LineScanner(report.findings.open(), (line) => {
    const json = decoder.decode(line.buffer.subarray(line.start, line.end));
    text += `${isJson ? json : formatFinding(JSON.parse(json))}\n`;
  });
  for (let goesOn = true; goesOn;) {
    goesOn = scanner.step();
    if (text !== "") await run.host.io.stdout.write(encoder.encode(text));
    text = "";
  }
  await print(
    run,
    isJson ? formatJsonSummary(run, report) : formatSummary(run, report),
  );
}

function formatFinding({ kind, id, line, detail }: Finding): string {
  const where = line === undefined ? "" : ` line ${line}`;
  return `${kind} ${id}${where}${detail === undefined ? "" : `: ${detail}`}`;
}

function formatSummary(run: KeysRun, report: VerifyReport): string {
  const faults = countFaults(report);
  const lines = `${formatCount(report.managed, "managed line")}, ` +
    `${report.good} as they should be`;
  const found = KINDS.filter((kind) => report.counts[kind] > 0)
    .map((kind) => `${report.counts[kind]} ${kind}`);
  const what = found.length === 0 ? "" : `: ${found.join(", ")}`;
  const done = faults > 0 && run.options.has("fix")
    ? run.options.has("dry-run") ? ", would be repaired" : ", repaired"
    : "";
  return `${lines}${what}${done}`;
}

function formatJsonSummary(run: KeysRun, report: VerifyReport): string {
  const { managed, good, counts } = report;
  const repaired = run.options.has("fix") && !run.options.has("dry-run") &&
    countFaults(report) > 0;
  return JSON.stringify({ summary: { managed, good, ...counts, repaired } });
}

function countFaults({ counts }: VerifyReport): number {
  return KINDS.filter((kind) => FINDING_KINDS[kind].isFault)
    .reduce((sum, kind) => sum + counts[kind], 0);
}
