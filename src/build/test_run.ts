/**
 * Runs Deno's own test runner and reads what came of it.
 * @module
 */

/** How many tests ended how. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** A run that has ended. */
export interface TestRun {
  readonly counts: TestCounts;
  /** What an author needs to see; empty when everything passed. */
  readonly report: string;
}

const SUMMARY =
  /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed(?: \([^)]*\))?(?: \| (\d+) ignored(?: \([^)]*\))?)?/gm;
/** The heading above the failures, with what Deno draws around it. */
const ERRORS_HEADING = /^ ERRORS $/m;
// deno-lint-ignore no-control-regex
const COLOUR = /\u001b\[[0-9;]*m/g;
/** Far above what the longest suite takes on two processors. */
const RUN_TIMEOUT_MS = 20 * 60_000;
/** Of a run that broke off, the end tells more than the beginning. */
const REPORT_CHARS_MAX = 20_000;

/** Sums up counts. */
export function addCounts(one: TestCounts, other: TestCounts): TestCounts {
  return {
    passed: one.passed + other.passed,
    failed: one.failed + other.failed,
    skipped: one.skipped + other.skipped,
  };
}

/**
 * The line that ends every run of the tests.
 * @example
 * ```ts
 * import { formatCounts } from "./test_run.ts";
 * formatCounts({ passed: 3, failed: 0, skipped: 0 }); // "3 passed, 0 failed"
 * ```
 */
export function formatCounts(counts: TestCounts): string {
  const { passed, failed, skipped } = counts;
  const ending = skipped > 0 ? `, ${skipped} skipped` : "";
  return `${passed} passed, ${failed} failed${ending}`;
}

/**
 * Reads the output of `deno test`.
 * @param text What it wrote, colours included.
 * @param succeeded Whether its exit status was 0. A run that failed without a
 * failed test counts as one: a file that does not load, say.
 */
export function parseRun(text: string, succeeded: boolean): TestRun {
  const plain = text.replaceAll(COLOUR, "");
  const [, passed, failed, ignored] = [...plain.matchAll(SUMMARY)].at(-1) ?? [];
  const counts: TestCounts = {
    passed: Number(passed ?? 0),
    failed: Number(failed ?? 0),
    skipped: Number(ignored ?? 0),
  };
  if (succeeded) return { counts, report: "" };
  const at = plain.search(ERRORS_HEADING);
  return {
    counts: { ...counts, failed: Math.max(1, counts.failed) },
    report: (at >= 0 ? plain.slice(at) : plain).slice(-REPORT_CHARS_MAX),
  };
}

/**
 * Runs tests to their end.
 * @param root Folder of the repository.
 * @param args Arguments of `deno test`: flags, then files.
 */
export async function runTests(
  root: string,
  args: readonly string[],
): Promise<TestRun> {
  const signal = AbortSignal.timeout(RUN_TIMEOUT_MS);
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--allow-all", "--no-check", "--frozen", ...args],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal,
  }).output();
  const decoder = new TextDecoder();
  const text = `${decoder.decode(stderr)}${decoder.decode(stdout)}`;
  if (!signal.aborted) return parseRun(text, success);
  const minutes = RUN_TIMEOUT_MS / 60_000;
  return parseRun(`${text}\nKilled after ${minutes} minutes\n`, false);
}
