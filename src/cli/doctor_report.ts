/**
 * What doctor has to say of one check, and how it is said to people and to
 * scripts. Pure.
 * @module
 */
import { ConfigError, errorText, UsageError } from "../core/errors.ts";
import { maskControls } from "../keys/line.ts";

/** `failed` decides the exit status; `skipped` does not apply here. */
export type CheckResult = "ok" | "warning" | "failed" | "skipped";

/** What a check has found. */
export interface Finding {
  readonly result: CheckResult;
  /** A clause without period. Never a secret. */
  readonly text: string;
  /** What to do about it, one item a line. */
  readonly advice?: readonly string[];
}

/** A check that is done. */
export interface Check extends Finding {
  /** Stable name for scripts: small letters, `.` between parts. */
  readonly id: string;
  readonly elapsedMs: number;
}

/** What to do: whoever finds a fault has to say something. */
type Advice = readonly [first: string, ...more: string[]];

const ID_CHARS = 16;

/** All is well. */
export function ok(text: string): Finding {
  return { result: "ok", text };
}
/** It works, but not as somebody will have meant it. */
export function warning(text: string, ...advice: Advice): Finding {
  return { result: "warning", text, advice };
}
/** Logins fail because of it, or will. */
export function failed(text: string, ...advice: Advice): Finding {
  return { result: "failed", text, advice };
}
/** Does not apply here, and why. */
export function skipped(text: string): Finding {
  return { result: "skipped", text };
}

/** Makes a check and takes its time; what it throws is its failure. */
export async function timed(
  id: string,
  check: () => Finding | Promise<Finding>,
): Promise<Check> {
  const startMs = performance.now();
  let finding: Finding;
  try {
    finding = await check();
  } catch (error) {
    finding = failed(
      errorText(error),
      adviseError(error),
    );
  }
  return { id, ...finding, elapsedMs: performance.now() - startMs };
}

/** What to do about a check that could not be made. */
function adviseError(error: unknown): string {
  if (error instanceof UsageError) return "--help names the options";
  if (error instanceof ConfigError) {
    return "gitlab-shell config check names lines and keys";
  }
  return /permission denied|os error 13/i.test(errorText(error))
    ? "run the check as root, or as the account that sessions run as"
    : "docs/troubleshooting.md goes by what is seen";
}

/** One line, and one more for each advice. */
export function formatCheck({ id, result, text, advice, elapsedMs }: Check) {
  const word = result === "failed" ? "FAILED" : result;
  const time = `${elapsedMs.toFixed(1)} ms`.padStart(10);
  const lines = text.split("\n").map((line) => maskControls(line.trim()));
  const head = `${word.padEnd(8)}${id.padEnd(ID_CHARS)}${time}  `;
  const indent = " ".repeat(head.length);
  const todo = (advice ?? []).map((line) => `-> ${maskControls(line)}`);
  const [first = "", ...more] = [...lines, ...todo];
  return [head + first, ...more.map((line) => indent + line)].join("\n") + "\n";
}

/** The last line. */
export function formatSummary(checks: readonly Check[]): string {
  const count = (result: CheckResult) =>
    checks.filter((check) => check.result === result).length;
  const warnings = count("warning");
  return `${checks.length} checks: ${count("failed")} failed, ` +
    `${warnings} ${warnings === 1 ? "warning" : "warnings"}, ` +
    `${count("ok")} ok, ${count("skipped")} skipped\n`;
}

/** One document with all of it. */
export function formatJsonReport(checks: readonly Check[]): string {
  const report = {
    ok: checks.every(({ result }) => result !== "failed"),
    checks: checks.map(({ id, result, text, advice, elapsedMs }) => ({
      id,
      result,
      text,
      advice: advice ?? [],
      elapsed_ms: Math.round(elapsedMs * 1_000) / 1_000,
    })),
  };
  return `${JSON.stringify(report)}\n`;
}
