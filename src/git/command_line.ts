/**
 * Splits the command line of an SSH session into words. Not a POSIX shell
 * parser: GitLab Shell's users meet the rules of the Go library that it links,
 * and a word that it splits elsewhere would ask GitLab about another project.
 * Pure: text in, words out; nothing is ever expanded or executed.
 * Source: GitLab Shell 14.56.1 with go-shellwords 1.0.13, environment and
 * backtick parsing off.
 * @module
 */
import { CommandLineError } from "../core/errors.ts";

const SEPARATORS = " \t\r\n";
const STOPS = ";&|<>";

/** Whether nothing, bare text or a closed quote has begun the current word. */
type WordStatus = "none" | "bare" | "quoted";

interface Splitter {
  readonly words: string[];
  buffer: string;
  status: WordStatus;
  isEscaped: boolean;
  inSingle: boolean;
  inDouble: boolean;
  inBackquote: boolean;
  inDollar: boolean;
}

/**
 * Splits `line`; whatever follows an unquoted `;`, `&`, `|`, `<` or `>` is not
 * looked at.
 * @returns The words, quotes removed; none for a blank line.
 * @throws {CommandLineError} If a quote, bracket or escape is not closed.
 * @example
 * ```ts
 * import { splitCommandLine } from "./command_line.ts";
 * splitCommandLine("git-upload-pack 'a b'"); // ["git-upload-pack", "a b"]
 * ```
 */
export function splitCommandLine(line: string): string[] {
  const state: Splitter = {
    words: [],
    buffer: "",
    status: "none",
    isEscaped: false,
    inSingle: false,
    inDouble: false,
    inBackquote: false,
    inDollar: false,
  };
  for (const char of line) {
    if (state.isEscaped) {
      state.isEscaped = false;
      append(state, char === "t" ? "\t" : char === "n" ? "\n" : char);
    } else if (STOPS.includes(char) && isOutside(state)) {
      if (char === ">" && /^[0-9]/.test(state.buffer)) dropWord(state);
      break;
    } else {
      take(state, char);
    }
  }
  emitWord(state);
  if (state.isEscaped || !isOutside(state)) throw rejected();
  return state.words;
}

/** Handles one character that is neither escaped nor ends the line. */
function take(state: Splitter, char: string): void {
  const { inSingle, inDouble, inBackquote, inDollar } = state;
  switch (char) {
    case "\\":
      if (inSingle) state.buffer += char;
      else state.isEscaped = true;
      return;
    case "`":
      if (inSingle || inDouble || inDollar) break;
      state.inBackquote = !inBackquote;
      break;
    case "(":
      if (inSingle || inDouble || inBackquote) break;
      if (inDollar || !state.buffer.endsWith("$")) throw rejected();
      state.inDollar = true;
      break;
    case ")":
      if (inSingle || inDouble || inBackquote) break;
      if (!inDollar) throw rejected();
      state.inDollar = false;
      break;
    case '"':
      if (inSingle || inDollar) break;
      if (inDouble) state.status = "quoted";
      state.inDouble = !inDouble;
      return;
    case "'":
      if (inDouble || inDollar) break;
      if (inSingle) state.status = "quoted";
      state.inSingle = !inSingle;
      return;
    default:
      if (!SEPARATORS.includes(char)) break;
      if (isOutside(state)) emitWord(state);
      else state.buffer += char;
      return;
  }
  append(state, char);
}

function isOutside(state: Splitter): boolean {
  return !state.inSingle && !state.inDouble && !state.inBackquote &&
    !state.inDollar;
}

function append(state: Splitter, char: string): void {
  state.buffer += char;
  state.status = "bare";
}

function emitWord(state: Splitter): void {
  if (state.status !== "none") state.words.push(state.buffer);
  dropWord(state);
}

function dropWord(state: Splitter): void {
  state.buffer = "";
  state.status = "none";
}

function rejected(): CommandLineError {
  return new CommandLineError("invalid command line string");
}
