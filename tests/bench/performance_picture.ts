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
import type { Question } from "./question.ts";
import { PEAK_NOTE } from "./process_timer.ts";
import { element, picture } from "./svg.ts";

const MARGIN = 24;
const COLOURS = 6;
/** Points that make a curve. */
const CURVE_POINTS_MIN = 3;

/** Draws a run. Contenders keep the colour of their first appearance. */
export function drawPerformance(
  questions: readonly Question[],
  title: string,
): string {
  const colourOf = makePalette(questions);
  const panels = [
    ...questions.filter(({ point }) => !point)
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

function makePalette(questions: readonly Question[]): ColourOf {
  const names = new Set(
    questions.flatMap(({ series }) => series.map(({ name }) => name)),
  );
  const places = new Map([...names].map((name, index) => [name, index]));
  return (name) => `c${(places.get(name) ?? 0) % COLOURS}`;
}
