/**
 * The table of a run, as Markdown. Pure.
 * @module
 */
import {
  type Goal,
  judge,
  median,
  quantile,
  type Question,
  ratio,
  type Series,
  type Unit,
} from "./question.ts";

/** Share of the rounds that the spread leaves out at either end. */
const SPREAD_SHARE = 0.1;

/** The two lines that every table begins with. */
export const TABLE_HEAD = [
  "| what is waited or paid for | who | median | spread | against the first | besides | goal |",
  "| --- | --- | ---: | --- | ---: | --- | --- |",
];

/** The rows of a question, one for each contender. */
export function formatRows(question: Question): string[] {
  const [first] = question.series;
  return question.series.map((series, index) => {
    const cells = [
      index === 0 ? question.title : "",
      series.name,
      formatValue(median(series.values), question.unit),
      formatSpread(series, question),
      index === 0 || !first || question.isSum
        ? ""
        : `${formatNumber(ratio(series, first))} x`,
      formatNotes(series),
      formatVerdicts(question, series.name),
    ];
    return `| ${cells.join(" | ")} |`;
  });
}

/** All rows under one head, and the remarks below. */
export function formatTable(questions: readonly Question[]): string {
  const rows = questions.flatMap(formatRows);
  const remarks = new Set(questions.flatMap(({ remark }) => remark ?? []));
  const notes = [...remarks].flatMap((remark) => ["", remark]);
  return [...TABLE_HEAD, ...rows, ...notes].join("\n");
}

/** Goals that were not reached, one line each. */
export function listMisses(questions: readonly Question[]): string[] {
  return questions.flatMap((question) =>
    judge(question).filter(({ isReached }) => !isReached)
      .map(({ goal, found }) =>
        `${question.title}: ${goal.of} ${formatNumber(found ?? NaN)}, ` +
        `wanted ${formatGoal(goal, question.unit)}`
      )
  );
}

/**
 * Three digits are what such figures are worth.
 * @example
 * ```ts
 * import { formatNumber } from "./report.ts";
 * formatNumber(1234.5); // "1235"
 * formatNumber(1.2345); // "1.23"
 * ```
 */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (Number.isInteger(value)) return String(value);
  if (value >= 100) return value.toFixed(0);
  return value.toFixed(value >= 10 ? 1 : 2);
}

function formatValue(value: number, unit: Unit): string {
  return `${formatNumber(value)} ${unit}`;
}

function formatSpread(
  { values }: Series,
  { unit, samples = "rounds" }: Question,
): string {
  if (values.length < 2) return samples === "rounds" ? "one round" : "one";
  const low = formatNumber(quantile(values, SPREAD_SHARE));
  const high = formatNumber(quantile(values, 1 - SPREAD_SHARE));
  return `${low} to ${high} ${unit}, ${values.length} ${samples}`;
}

function formatNotes({ notes }: Series): string {
  return Object.entries(notes)
    .map(([name, value]) => `${formatNumber(value)} ${name}`).join(", ");
}

function formatVerdicts(question: Question, name: string): string {
  return judge(question).filter(({ goal }) => goal.of === name)
    .map(({ goal, found, isReached }) => {
      const bound = formatGoal(goal, question.unit);
      const shown = formatNumber(found ?? NaN);
      return isReached
        ? `${bound}: ${shown}`
        : `**${bound}: ${shown}, missed**`;
    }).join("; ");
}

function formatGoal(
  { against, atMost, atLeast, orAtLeast, note, less }: Goal,
  unit: Unit,
): string {
  const bound = atMost === undefined ? `>= ${atLeast}` : `<= ${atMost}`;
  const wait = less === undefined ? "" : ` besides ${less} ${unit}`;
  const subject = note === undefined ? wait : ` ${note}`;
  if (against === undefined) return `${bound}${subject || ` ${unit}`}`;
  const other = orAtLeast === undefined ? "" : ` or >= ${orAtLeast} ${unit}`;
  return `${bound} x ${against}${subject}${other}`;
}
