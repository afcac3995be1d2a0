/**
 * The picture of a run: the questions that a user asks first as bars, and what
 * grows as lines. Pure.
 * @module
 */
import {
  barPanel,
  type ColourOf,
  linePanel,
  type Panel,
  PANEL_WIDTH,
} from "./chart_panels.ts";
import { OURS, RIVAL } from "./bench_world.ts";
import type { Question } from "./question.ts";
import { PEAK_NOTE } from "./process_timer.ts";
import { element, picture } from "./svg.ts";

const MARGIN = 24;
const FELT_FAMILY = "openssh";
/** Points that make a curve. */
const CURVE_POINTS_MIN = 3;

/**
 * Draws a run: what has a goal, what a user feels, what is a sum, and curves.
 * A contender has one colour in all panels.
 */
export function drawPerformance(
  questions: readonly Question[],
  title: string,
): string {
  const colourOf = makePalette(questions);
  const panels = [
    ...questions.filter(isHeadline)
      .map((question) => barPanel(question, colourOf)),
    ...drawCurves(questions, colourOf),
  ];
  let y = MARGIN;
  const content = panels.map((panel) => {
    const moved = element(
      "g",
      { transform: `translate(${MARGIN} ${y})` },
      panel.content.join("\n"),
    );
    y += panel.height + MARGIN / 2;
    return moved;
  });
  const width = PANEL_WIDTH + 2 * MARGIN;
  return picture({ width, height: y + MARGIN, title }, content);
}

function isHeadline({ point, goals, isSum, family }: Question): boolean {
  return !point && (goals.length > 0 || isSum || family === FELT_FAMILY);
}

function drawCurves(
  questions: readonly Question[],
  colourOf: ColourOf,
): Panel[] {
  const byCurve = Map.groupBy(
    questions.filter(({ point }) => point),
    ({ point }) => point?.curve ?? "",
  );
  return [...byCurve].flatMap(([curve, own]) => {
    if (own.length < CURVE_POINTS_MIN) {
      return own.map((question) => barPanel(question, colourOf));
    }
    const hasPeak = own.every(({ series }) =>
      series.some(({ notes }) => PEAK_NOTE in notes)
    );
    const panels = [linePanel(curve, own, { colourOf })];
    if (hasPeak) {
      panels.push(linePanel(curve, own, { colourOf, note: PEAK_NOTE }));
    }
    return panels;
  });
}

/** Ours and the other build have a colour each; all others share the rest. */
function makePalette(questions: readonly Question[]): ColourOf {
  const names = new Set(
    questions.flatMap(({ series }) => series.map(({ name }) => name)),
  );
  const others = [...names].filter((name) =>
    !isOf(name, OURS) && !isOf(name, RIVAL)
  );
  const places = new Map(others.map((name, index) => [name, index]));
  return (name) => {
    if (isOf(name, OURS)) return name.startsWith("OpenSSH") ? "c4" : "c1";
    if (isOf(name, RIVAL)) return name.startsWith("OpenSSH") ? "c5" : "c2";
    return (places.get(name) ?? 0) % 2 === 0 ? "c0" : "c3";
  };
}

function isOf(contender: string, build: string): boolean {
  return contender.includes(build);
}
