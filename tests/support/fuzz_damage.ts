/**
 * Damages good inputs, in the ways in which parsers break: lengths that lie,
 * bytes at the edge of something, parts lost, doubled or moved elsewhere.
 * @module
 */
import type { SeededRandom } from "./seeded_random.ts";

/** Longest input that is made. */
export const INPUT_BYTES_MAX = 8_192;

const EDGE_BYTES = [
  0x00,
  0x01,
  0x09,
  0x0a,
  0x0d,
  0x20,
  0x22,
  0x27,
  0x2f,
  0x3f,
  0x40,
  0x5c,
  0x7f,
  0x80,
  0xc0,
  0xfe,
  0xff,
] as const;
const EDGE_NUMBERS = [
  0,
  1,
  4,
  0x7f,
  0x80,
  0xff,
  0x100,
  0x7fff,
  0x8000,
  0xffff,
  0x10000,
  0x7fff_ffff,
  0x8000_0000,
  0xffff_ffff,
] as const;

/** What the damage is made from. */
export interface DamageMaterial {
  /** Inputs to start with, and to take parts from. */
  readonly pool: readonly Uint8Array[];
  /** What means something to the parser: keywords, magic bytes. */
  readonly words: readonly Uint8Array[];
}

/** Makes the next input: a good one with zero to six faults. */
export function makeInput(
  random: SeededRandom,
  material: DamageMaterial,
): Uint8Array {
  if (random.below(64) === 0) return random.bytes(random.below(64));
  let input: Uint8Array = random.pick(material.pool).slice();
  const faults = random.pick([0, 1, 1, 1, 1, 2, 2, 3, 4, 6]);
  for (let fault = 0; fault < faults; fault++) {
    input = damage(random, input, material).slice(0, INPUT_BYTES_MAX);
  }
  return input;
}

function damage(
  random: SeededRandom,
  input: Uint8Array,
  { pool, words }: DamageMaterial,
): Uint8Array {
  const at = random.below(input.length + 1);
  switch (random.below(10)) {
    case 0:
      return overwrite(input, at, Uint8Array.of(random.below(256)));
    case 1:
      return overwrite(input, at, Uint8Array.of(random.pick(EDGE_BYTES)));
    case 2:
      return overwrite(
        input,
        at,
        Uint8Array.of((input[at] ?? 0) ^ 1 << random.below(8)),
      );
    case 3:
      return overwrite(input, at, numberBytes(random));
    case 4:
      return replace(input, at, at + partBytes(random), NOTHING);
    case 5:
      return replace(input, at, at, random.bytes(partBytes(random)));
    case 6: {
      const from = random.below(input.length + 1);
      const part = input.slice(from, from + partBytes(random));
      return replace(input, at, at, part);
    }
    case 7: {
      const other = random.pick(pool);
      return join(
        input.subarray(0, at),
        other.subarray(random.below(other.length + 1)),
      );
    }
    case 8:
      if (words.length === 0) return input.subarray(0, at);
      return replace(input, at, at + partBytes(random), random.pick(words));
    default:
      if (words.length === 0) return input.subarray(0, at);
      return replace(input, at, at, random.pick(words));
  }
}

const NOTHING = new Uint8Array(0);

function partBytes(random: SeededRandom): number {
  return 1 + random.below(random.pick([1, 4, 16, 256]));
}

/** A number as lengths are written: one, two or four bytes, high one first. */
function numberBytes(random: SeededRandom): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, random.pick(EDGE_NUMBERS));
  return bytes.subarray(random.pick([0, 0, 2, 3]));
}

function overwrite(
  input: Uint8Array,
  at: number,
  bytes: Uint8Array,
): Uint8Array {
  return replace(input, at, at + bytes.length, bytes);
}

function replace(
  input: Uint8Array,
  start: number,
  end: number,
  bytes: Uint8Array,
): Uint8Array {
  return join(input.subarray(0, start), bytes, input.subarray(end));
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const sizeBytes = parts.reduce((sum, { length }) => sum + length, 0);
  const joined = new Uint8Array(sizeBytes);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
