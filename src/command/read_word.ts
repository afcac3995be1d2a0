/**
 * The answer to a question on the terminal: one word from the first line.
 * Source: GitLab Shell 14.56.1, its use of Go's fmt.Fscanln.
 * @module
 */
import { isGoSpace } from "../core/go_text.ts";
import type { ByteReader } from "../core/io.ts";

/** A word, and what Go would say was wrong with the line. */
export interface WordAnswer {
  /** Empty if the line, or the input, ends before it begins. */
  readonly word: string;
  readonly problem:
    | "unexpected newline"
    | "expected newline"
    | "EOF"
    | undefined;
}

/**
 * Reads no further than the line goes.
 * @param bytesMax Where the input ends, whatever else there is.
 * @throws {Error} What the input failed with.
 */
export async function readWord(
  input: ByteReader,
  bytesMax: number,
): Promise<WordAnswer> {
  const bytes = new Uint8Array(bytesMax);
  for (let sizeBytes = 0;;) {
    const piece = await input.read();
    if (piece !== null) {
      const rest = piece.subarray(0, bytesMax - sizeBytes);
      bytes.set(rest, sizeBytes);
      sizeBytes += rest.length;
    }
    const isEnd = piece === null || sizeBytes === bytesMax;
    // `stream` keeps back a character of which the rest is still to come.
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    const text = decoder.decode(bytes.subarray(0, sizeBytes), {
      stream: !isEnd,
    });
    const answer = scanWord(text, isEnd);
    if (answer) return answer;
  }
}

/**
 * Finds the word in what has come so far.
 * @param isEnd Whether nothing more will come.
 * @returns `undefined` if it takes more to tell.
 * @example
 * ```ts
 * import { scanWord } from "./read_word.ts";
 * scanWord(" yes please\n", false)?.word; // "yes"
 * scanWord("ye", false); // undefined
 * ```
 */
export function scanWord(text: string, isEnd: boolean): WordAnswer | undefined {
  let start = 0;
  while (start < text.length && isGoSpace(text.charAt(start))) {
    if (text.charAt(start) === "\n") {
      return { word: "", problem: "unexpected newline" };
    }
    start++;
  }
  let end = start;
  while (end < text.length && !isGoSpace(text.charAt(end))) end++;
  const word = text.slice(start, end);
  for (; end < text.length; end++) {
    const char = text.charAt(end);
    if (char === "\n") return { word, problem: undefined };
    if (!isGoSpace(char)) return { word, problem: "expected newline" };
  }
  if (!isEnd) return undefined;
  return { word, problem: word === "" ? "EOF" : undefined };
}
