/**
 * Secrets that cannot be printed by accident.
 * @module
 */

const encoder = new TextEncoder();

/** A password, token or signing key. Prints as `[hidden]` everywhere. */
export class Secret {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  /** The text itself, for the one place that signs or sends it. */
  reveal(): string {
    return this.#text;
  }
  /** Whether nothing is in it. */
  get isEmpty(): boolean {
    return this.#text === "";
  }
  /** Compares in time that depends on the lengths alone. */
  equals(other: Secret): boolean {
    const left = encoder.encode(this.#text);
    const right = encoder.encode(other.#text);
    let difference = left.length ^ right.length;
    for (let at = 0; at < left.length; at++) {
      difference |= (left[at] ?? 0) ^ (right[at] ?? 0);
    }
    return difference === 0;
  }
  toString(): string {
    return "[hidden]";
  }
  toJSON(): string {
    return "[hidden]";
  }
  [Symbol.for("Deno.customInspect")](): string {
    return "[hidden]";
  }
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "[hidden]";
  }
}
