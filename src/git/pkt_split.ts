/**
 * Takes a stream of pkt-lines apart without decoding them: whole packets, in
 * the bytes in which they came. Pure.
 * Source: Git, gitprotocol-common(5), "pkt-line Format"; GitLab Shell 14.56.1,
 * pktline, for the lengths that are accepted.
 * @module
 */
import { parsePktLength, PKT_LENGTH_BYTES } from "./pkt_line.ts";

const latin1 = new TextDecoder("latin1");
const NO_BYTES = new Uint8Array(0);

/**
 * What comes next: a whole packet, not yet all of one, or what can never
 * become one.
 */
export type NextPacket =
  | { readonly kind: "packet"; readonly bytes: Uint8Array }
  | { readonly kind: "incomplete" }
  | { readonly kind: "malformed" };

/** Collects what comes, and gives it out by packets. */
export class PktSplitter {
  #held: Uint8Array = NO_BYTES;
  #at = 0;

  /** @param bytes The caller's again on return. */
  push(bytes: Uint8Array): void {
    const rest = this.#held.subarray(this.#at);
    const both = new Uint8Array(rest.length + bytes.length);
    both.set(rest);
    both.set(bytes, rest.length);
    this.#held = both;
    this.#at = 0;
  }

  /**
   * Takes the next packet, its length included.
   * @returns Bytes that stay as they are.
   */
  next(): NextPacket {
    const sizeBytes = packetBytes(this.#held, this.#at);
    if (sizeBytes === undefined) return { kind: "incomplete" };
    if (sizeBytes < 0) return { kind: "malformed" };
    const start = this.#at;
    this.#at += sizeBytes;
    return { kind: "packet", bytes: this.#held.subarray(start, this.#at) };
  }

  /** Takes everything that was not taken as a packet. */
  takeRest(): Uint8Array {
    const rest = this.#held.subarray(this.#at);
    this.#held = NO_BYTES;
    this.#at = 0;
    return rest;
  }
}

/**
 * Size of the packet at `at`; the lengths 0 to 3 are packets of four bytes.
 * @returns `undefined` if not all of it is there, -1 if there is none.
 */
export function packetBytes(
  input: Uint8Array,
  at: number,
): number | undefined {
  if (input.length - at < PKT_LENGTH_BYTES) {
    const rest = latin1.decode(input.subarray(at));
    return /^[0-9a-f]*$/i.test(rest) ? undefined : -1;
  }
  const length = parsePktLength(input, at);
  if (length < 0) return -1;
  const sizeBytes = Math.max(length, PKT_LENGTH_BYTES);
  return input.length - at < sizeBytes ? undefined : sizeBytes;
}
