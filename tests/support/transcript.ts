/**
 * Documents with commands in them, taken apart so that they can be run: fenced
 * blocks marked `console`, a prompt before each command, its output below.
 * @module
 */

/** One command and what it should print. */
export interface TranscriptStep {
  /** `#` for root on the server, `$` for a user elsewhere. */
  readonly prompt: "#" | "$";
  readonly command: string;
  /** May have `...` for anything on a line, or alone for any lines. */
  readonly expected: readonly string[];
  /** Line in the document, from 1. */
  readonly line: number;
}

/** What may print lines that look like a prompt. */
const PROMPT = /^([#$]) (.+)$/;

/**
 * Finds the steps of a document. A line of output that looks like a prompt is
 * taken for output when it begins with a capital letter.
 */
export function parseTranscript(markdown: string): TranscriptStep[] {
  const steps: (TranscriptStep & { expected: string[] })[] = [];
  let isOpen = false;
  for (const [at, text] of markdown.split("\n").entries()) {
    if (text.startsWith("```")) {
      isOpen = text === "```console";
      continue;
    }
    if (!isOpen) continue;
    const [, prompt, command = ""] = PROMPT.exec(text) ?? [];
    const isCommand = prompt !== undefined && !/^[A-Z]/.test(command);
    if (isCommand) {
      steps.push({
        prompt: prompt === "#" ? "#" : "$",
        command,
        expected: [],
        line: at + 1,
      });
    } else steps.at(-1)?.expected.push(text);
  }
  return steps;
}

/**
 * Compares output with what a document says.
 * @returns The first line that differs, or `undefined`.
 */
export function findDifference(
  output: string,
  expected: readonly string[],
): string | undefined {
  const source = expected.map((line) =>
    line === "..." ? "(?:.*\\n)*?" : `${lineToPattern(line)}\\n`
  );
  const text = output === "" || output.endsWith("\n") ? output : `${output}\n`;
  if (new RegExp(`^${source.join("")}$`).test(text)) return undefined;
  for (let count = source.length; count >= 0; count--) {
    const part = new RegExp(`^${source.slice(0, count).join("")}`);
    if (part.test(text)) {
      return `expected ${JSON.stringify(expected[count] ?? "no more")}`;
    }
  }
  return "differs from its start";
}

function lineToPattern(line: string): string {
  return line.split("...")
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join(".*?");
}
