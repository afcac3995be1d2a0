/**
 * A strict JSON tokenizer. `JSON.parse` will not do for protobuf's JSON: it
 * keeps the last of two equal names and says nothing.
 * Source: RFC 8259; wording of errors after Go's protojson 1.36.
 * @module
 */
import { ProtocolError } from "../../core/errors.ts";

/** One token. `raw` is its source text, `text` what a string token means. */
export interface JsonToken {
  readonly kind: "string" | "number" | "literal" | "mark" | "end";
  readonly raw: string;
  readonly text: string;
  readonly offset: number;
}

const SPACE = /[ \n\r\t]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const LITERAL = /true|false|null/y;
/** What may not follow a number or a literal. */
const WORD_CHAR = /[-+._a-zA-Z0-9]/y;
const WORD = /[-+._a-zA-Z0-9]{1,32}|./suy;
/** All but control characters, the quote and the backslash. */
const PLAIN_TEXT = /[ !#-[\]-\uffff]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

/** Hands out the tokens of one JSON text in order. */
export class JsonScanner {
  readonly #source: string;
  #at = 0;
  #peeked: JsonToken | undefined;

  /** @param source The whole text; well-formed Unicode, bounded by the caller. */
  constructor(source: string) {
    this.#source = source;
  }

  /** The next token, which stays next. @throws {ProtocolError} */
  peek(): JsonToken {
    return this.#peeked ??= this.#scan();
  }

  /**
   * Takes the next token.
   * @throws {ProtocolError} If the text goes on with something else than JSON.
   */
  read(): JsonToken {
    const token = this.peek();
    this.#peeked = undefined;
    return token;
  }

  /** Takes the next token if it is the mark `raw`. */
  takeMark(raw: string): boolean {
    const token = this.peek();
    if (token.kind !== "mark" || token.raw !== raw) return false;
    this.read();
    return true;
  }

  /** An error that says where it is, by line and column. */
  errorAt(offset: number, text: string): ProtocolError {
    return new ProtocolError(`${this.#position(offset)}: ${text}`, offset);
  }

  /** An error in the grammar, at `token`. */
  unexpected(token: JsonToken): ProtocolError {
    return this.#syntaxError(token.offset, `unexpected token ${token.raw}`);
  }

  #scan(): JsonToken {
    this.#match(SPACE);
    const offset = this.#at;
    const char = this.#source.charAt(offset);
    if (char === "") return { kind: "end", raw: "", text: "", offset };
    if (char === '"') return this.#scanString();
    if ("{}[],:".includes(char)) {
      this.#at++;
      return { kind: "mark", raw: char, text: "", offset };
    }
    return this.#scanWord(offset);
  }

  #scanWord(offset: number): JsonToken {
    const number = this.#match(NUMBER);
    const raw = number || this.#match(LITERAL);
    if (raw !== "" && this.#match(WORD_CHAR) === "") {
      const kind = number ? "number" : "literal";
      return { kind, raw, text: "", offset };
    }
    this.#at = offset;
    const shown = this.#match(WORD);
    throw this.#syntaxError(offset, `invalid value ${shown}`);
  }

  #scanString(): JsonToken {
    const offset = this.#at++;
    let text = "";
    for (;;) {
      text += this.#match(PLAIN_TEXT);
      const char = this.#source.charAt(this.#at);
      if (char === "") throw new ProtocolError("unexpected EOF", this.#at);
      if (char === "\\") text += this.#scanEscape(offset);
      else if (char === '"') break;
      else {
        const shown = char.charCodeAt(0).toString(16).padStart(2, "0");
        throw this.#syntaxError(
          offset,
          `invalid character '\\x${shown}' in string`,
        );
      }
    }
    this.#at++;
    const raw = this.#source.slice(offset, this.#at);
    return { kind: "string", raw, text, offset };
  }

  #scanEscape(stringAt: number): string {
    const escapeAt = this.#at;
    const escape = this.#match(ESCAPE);
    const unit = unescape(escape);
    if (unit.isWellFormed() && unit !== "") return unit;
    // Half of a character beyond U+FFFF: the other half must follow at once.
    const pair = unit + unescape(this.#match(ESCAPE));
    if (unit !== "" && pair.length === 2 && pair.isWellFormed()) return pair;
    const shown = this.#source.slice(escapeAt, escapeAt + (unit ? 6 : 2));
    throw this.#syntaxError(
      stringAt,
      `invalid escape code "${shown}" in string`,
    );
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  #syntaxError(offset: number, text: string): ProtocolError {
    const where = `syntax error ${this.#position(offset)}`;
    return new ProtocolError(`${where}: ${text}`, offset);
  }

  #position(offset: number): string {
    const lines = this.#source.slice(0, offset).split("\n");
    // Columns count characters, not halves of surrogate pairs.
    return `(line ${lines.length}:${[...lines.at(-1) ?? ""].length + 1})`;
  }
}

function unescape(escape: string): string {
  const char = escape.charAt(1);
  if (char === "u") return String.fromCharCode(parseInt(escape.slice(2), 16));
  return SHORT_ESCAPES.get(char) ?? char;
}
