/**
 * Blocks of lines for the remote user, as GitLab Shell frames them on standard
 * error. They imitate what a Git client prints for side-band messages.
 * Source: GitLab Shell 14.56.1, console package.
 * @module
 */
import { isGoBlank } from "./go_text.ts";

const PREFIX = "remote: ";
const BLANK = `${PREFIX}\n`;
const RULER = `${PREFIX}${"=".repeat(72)}\n`;
const DIVIDER = BLANK + RULER + BLANK;

/**
 * Frames messages of the API.
 * @returns The block, or nothing if no message says anything.
 */
export function formatInfoBlock(messages: readonly string[]): string {
  return frame(BLANK, messages);
}

/**
 * Frames an error or a refusal between rulers.
 * @returns The block, or nothing if no message says anything.
 */
export function formatWarningBlock(messages: readonly string[]): string {
  return frame(DIVIDER, messages);
}

function frame(edge: string, messages: readonly string[]): string {
  if (messages.every(isGoBlank)) return "";
  // A line break inside a message gets no prefix of its own, as in Go.
  const lines = messages.map((message) => `${PREFIX}${message}\n`);
  return edge + lines.join("") + edge;
}
