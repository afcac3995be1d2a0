/**
 * What is wrong with the lines of a managed file, and what mends it.
 * @module
 */
import { BitList } from "./bit_list.ts";
import type { Repeats } from "./drop_repeats.ts";
import { type LineShape, parseManagedLine } from "./line_class.ts";
import { type LineSpan, scanLines } from "./line_scan.ts";
import { LineSpool } from "./line_spool.ts";
import type { MatchVisitor } from "./match_lines.ts";
import { findKeyWords, inspectKey } from "./public_key.ts";
import { RangeList } from "./range_list.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

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

/** Turns the outcome of the match into findings and repairs. */
export class LineJudge implements MatchVisitor {
  readonly removed = new RangeList();
  /** Wanted lines that are to be added, by number. */
  readonly missing = new BitList();
  readonly report: VerifyReport;
  /** Those of them that no different line stood for. */
  readonly #absent = new BitList();
  readonly #shape: LineShape;
  readonly #isFix: boolean;

  /** @param isFix Whether repairs are collected besides findings. */
  constructor(
    { shape, isFix }: { readonly shape: LineShape; readonly isFix: boolean },
    repeats: Repeats,
  ) {
    this.#shape = shape;
    this.#isFix = isFix;
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
    if (this.#isFix) this.removed.add(line.offset, line.lengthBytes);
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
