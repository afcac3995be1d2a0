/**
 * The two kinds of panel of the picture: bars for what is compared, lines for
 * what grows. Pure.
 * @module
 */
import { isRate, median, type Question } from "./question.ts";
import { formatNumber } from "./report.ts";
import { element, text } from "./svg.ts";

/** A part of the picture, drawn from its own upper left corner. */
export interface Panel {
  readonly height: number;
  readonly content: readonly string[];
}

/** Colour of a contender, the same in all panels. */
export type ColourOf = (contender: string) => string;

const WIDTH = 860;
const LABEL_WIDTH = 330;
const VALUE_WIDTH = 130;
const BAR_HEIGHT = 15;
const BAR_GAP = 4;
const HEAD_HEIGHT = 26;
const FOOT_HEIGHT = 12;
const PLOT = { left: 70, top: 34, width: 560, height: 190 } as const;
const POINT_RADIUS = 3;

/** Width that every panel keeps to. */
export const PANEL_WIDTH = WIDTH;

/** Bars of one question, as long as the values are large. */
export function barPanel(question: Question, colourOf: ColourOf): Panel {
  const { series, title, unit } = question;
  const largest = Math.max(...series.map(({ values }) => median(values)));
  const room = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
  const better = isRate(unit) ? "longer is better" : "shorter is better";
  const content = [
    text(title, { x: 0, y: 14, class: "head" }),
    text(better, { x: WIDTH, y: 14, class: "small", "text-anchor": "end" }),
  ];
  for (const [index, { name, values }] of series.entries()) {
    const value = median(values);
    const y = HEAD_HEIGHT + index * (BAR_HEIGHT + BAR_GAP);
    const width = Math.max(1, (value / largest) * room);
    const baseline = y + BAR_HEIGHT - 3;
    content.push(
      text(name, { x: LABEL_WIDTH - 8, y: baseline, "text-anchor": "end" }),
      element("rect", {
        class: colourOf(name),
        x: LABEL_WIDTH,
        y,
        width,
        height: BAR_HEIGHT,
      }),
      text(`${formatNumber(value)} ${unit}`, {
        x: LABEL_WIDTH + width + 6,
        y: baseline,
      }),
    );
  }
  content.push(...drawGoals(question, (value) => (value / largest) * room));
  const height = HEAD_HEIGHT + series.length * (BAR_HEIGHT + BAR_GAP) +
    FOOT_HEIGHT;
  return { height, content };
}

/** A stroke over a contender's bar where its goal is. */
function drawGoals(
  { series, goals }: Question,
  lengthOf: (value: number) => number,
): string[] {
  return goals.flatMap(({ of, against, atMost, atLeast, note, less = 0 }) => {
    const row = series.findIndex(({ name }) => name === of);
    const other = series.find(({ name }) => name === against);
    const bound = atMost ?? atLeast ?? NaN;
    if (note !== undefined || row < 0 || (against !== undefined && !other)) {
      return [];
    }
    const value = other ? bound * median(other.values) + less : bound;
    const x = LABEL_WIDTH + lengthOf(value);
    // A goal that lies beyond the paper is far from being missed or reached.
    if (!(x <= WIDTH)) return [];
    const y1 = HEAD_HEIGHT + row * (BAR_HEIGHT + BAR_GAP) - 2;
    const y2 = y1 + BAR_HEIGHT + 4;
    return [element("line", { class: "goal", x1: x, x2: x, y1, y2 })];
  });
}

/** One line of a growth curve. */
interface Line {
  readonly name: string;
  readonly points: readonly (readonly [at: number, value: number])[];
}

/** A curve's questions, both axes by powers of ten. */
export function linePanel(
  title: string,
  questions: readonly Question[],
  { colourOf, note }: { colourOf: ColourOf; note?: string },
): Panel {
  const lines = collectLines(questions, note);
  const scale = makeScale(lines);
  const [first] = questions;
  const unit = note ?? first?.unit ?? "";
  const content = [text(`${title}: ${unit}`, { x: 0, y: 14, class: "head" })];
  content.push(...drawAxes(scale, first?.point?.unit ?? ""));
  for (const [index, { name, points }] of lines.entries()) {
    const places = points.map(([at, value]) => [scale.x(at), scale.y(value)]);
    const y = PLOT.top + 12 + index * 18;
    content.push(
      element("polyline", {
        class: colourOf(name),
        points: places.map((place) =>
          place.map((length) => length?.toFixed(1)).join(",")
        ).join(" "),
      }),
      ...places.map(([cx = 0, cy = 0]) =>
        element("circle", { class: colourOf(name), cx, cy, r: POINT_RADIUS })
      ),
      element("rect", {
        class: colourOf(name),
        x: PLOT.left + PLOT.width + 14,
        y: y - 9,
        width: 10,
        height: 10,
      }),
      text(name, { x: PLOT.left + PLOT.width + 30, y }),
    );
  }
  return { height: PLOT.top + PLOT.height + 44, content };
}

function collectLines(questions: readonly Question[], note?: string): Line[] {
  const names = new Set(
    questions.flatMap(({ series }) => series.map(({ name }) => name)),
  );
  return [...names].map((name) => ({
    name,
    points: questions.flatMap(({ series, point }) => {
      const own = series.find((one) => one.name === name);
      const value = note === undefined
        ? median(own?.values ?? [])
        : own?.notes[note] ?? NaN;
      // A logarithm of nothing has no place on paper.
      return point && value > 0 && point.at > 0
        ? [[point.at, value] as const]
        : [];
    }),
  })).filter(({ points }) => points.length > 0);
}

/** Where values are on the paper, and which of them are written on the axes. */
interface Scale {
  x(at: number): number;
  y(value: number): number;
  readonly xTicks: readonly number[];
  readonly yTicks: readonly number[];
}

function makeScale(lines: readonly Line[]): Scale {
  const all = lines.flatMap(({ points }) => points);
  const xs = all.map(([at]) => at);
  const values = all.map(([, value]) => value);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const bottom = 10 ** Math.floor(Math.log10(Math.min(...values)));
  const top = 10 ** Math.ceil(Math.log10(Math.max(...values) * 1.001));
  const share = (value: number, low: number, high: number) =>
    high === low ? 0.5 : Math.log(value / low) / Math.log(high / low);
  const yTicks: number[] = [];
  for (let tick = bottom; tick <= top * 1.001; tick *= 10) yTicks.push(tick);
  return {
    x: (at) => PLOT.left + share(at, left, right) * PLOT.width,
    y: (value) => PLOT.top + (1 - share(value, bottom, top)) * PLOT.height,
    xTicks: [...new Set(xs)].toSorted((one, other) => one - other),
    yTicks,
  };
}

function drawAxes({ x, y, xTicks, yTicks }: Scale, unit: string): string[] {
  const right = PLOT.left + PLOT.width;
  const bottom = PLOT.top + PLOT.height;
  const rows = yTicks.flatMap((tick) => [
    element("line", {
      class: "grid",
      x1: PLOT.left,
      x2: right,
      y1: y(tick),
      y2: y(tick),
    }),
    text(String(Number(tick.toPrecision(3))), {
      x: PLOT.left - 6,
      y: y(tick) + 4,
      class: "small",
      "text-anchor": "end",
    }),
  ]);
  const columns = xTicks.flatMap((tick) => [
    element("line", {
      class: "grid",
      x1: x(tick),
      x2: x(tick),
      y1: PLOT.top,
      y2: bottom,
    }),
    text(String(tick), {
      x: x(tick),
      y: bottom + 14,
      class: "small",
      "text-anchor": "middle",
    }),
  ]);
  const name = text(unit, {
    x: right,
    y: bottom + 28,
    class: "small",
    "text-anchor": "end",
  });
  return [...rows, ...columns, name];
}
