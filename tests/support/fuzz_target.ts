/**
 * Fuzz targets: one file `tests/hostile/NAME_fuzz_test.ts` each, which calls
 * `defineFuzzTarget` once. The suite then replays the target's corpus and a
 * fixed number of made-up inputs; `deno task fuzz` goes on for as long as it
 * is told to. All of it is seeded: the same seed makes the same inputs.
 *
 * An input whose outcome is new joins the pool that later ones are made from,
 * so that the inputs find their way past the first check of a parser.
 * @module
 */
import { stripVTControlCharacters as stripAnsiCode } from "node:util";
import { assert } from "@std/assert";
import { type DamageMaterial, makeInput } from "./fuzz_damage.ts";
import { SeededRandom } from "./seeded_random.ts";

/** A parser, and what must be true of it whatever it is fed with. */
export interface FuzzTarget {
  /** Good inputs. */
  readonly seeds: readonly (Uint8Array | string)[];
  /** What means something to the parser. */
  readonly words?: readonly (Uint8Array | string)[];
  /** Inputs that the suite makes; the longest takes a second or two. */
  readonly inputs: number;
  /** Beginnings of outcomes without each of which the inputs prove nothing. */
  readonly outcomes: readonly string[];
  /**
   * Feeds one input.
   * @returns What came of it, in a word or two.
   * @throws {Error} If something is not as it must be.
   */
  run(input: Uint8Array, random: SeededRandom): string | Promise<string>;
  /** Called when no more inputs come; may throw as `run`. */
  finish?(): void | Promise<void>;
}

/** A target with the name of its file. */
export interface NamedTarget extends FuzzTarget {
  readonly name: string;
}

/** An input that broke something. */
export class FuzzFailure extends Error {
  override name = "FuzzFailure";
  readonly input: Uint8Array;
  constructor(message: string, input: Uint8Array, options?: ErrorOptions) {
    super(message, options);
    this.input = input;
  }
}

/** Seed of the suite. */
export const SUITE_SEED = 20_261_129;
/** No input of this size may take longer, on a slow machine at that. */
const INPUT_TIME_MS_MAX = 2_000;
const POOL_INPUTS_MAX = 400;
const TESTDATA = new URL("../testdata/fuzz/", import.meta.url);

/** Parts between colons that belong to a message, by the first of them. */
const PARTS_SHOWN: ReadonlyMap<string, number> = new Map([
  ["ssh", 2],
  ["yaml", 2],
  ["json unmarshal", 3],
]);

const encoder = new TextEncoder();
const targets: NamedTarget[] = [];

/** Targets of the files that have been imported. */
export function definedTargets(): readonly NamedTarget[] {
  return targets;
}

/**
 * Makes a target known, and its tests.
 * @param file `import.meta.url` of the test file.
 */
export function defineFuzzTarget(file: string, target: FuzzTarget): void {
  const [, name] = /([a-z0-9_]+)_fuzz_test\.ts$/.exec(file) ?? [];
  if (name === undefined) {
    throw new TypeError(`Cannot name a fuzz target after ${file}`);
  }
  const named: NamedTarget = { ...target, name };
  targets.push(named);
  Deno.test(`${name}: ${target.inputs} damaged inputs, and the corpus`, async () => {
    const run = new FuzzRun(named, SUITE_SEED);
    await run.replay(await readCorpus(name));
    await run.make(target.inputs);
    await run.finish();
    for (const outcome of target.outcomes) {
      assert(
        [...run.outcomes.keys()].some((text) => text.startsWith(outcome)),
        `No input led to ${JSON.stringify(outcome)}, only to ${
          JSON.stringify([...run.outcomes.keys()])
        }`,
      );
    }
  });
}

/** One seeded run of a target. */
export class FuzzRun {
  /** How often each outcome came up. */
  readonly outcomes = new Map<string, number>();
  /** Inputs with an outcome that none had before. */
  readonly novel: { readonly outcome: string; readonly input: Uint8Array }[] =
    [];
  /** Inputs fed so far. */
  inputs = 0;

  readonly #target: NamedTarget;
  readonly #random: SeededRandom;
  readonly #material: DamageMaterial & { readonly pool: Uint8Array[] };

  constructor(target: NamedTarget, seed: number) {
    this.#target = target;
    this.#random = new SeededRandom(seed);
    this.#material = {
      pool: target.seeds.map(toBytes),
      words: (target.words ?? []).map(toBytes),
    };
  }

  /**
   * Feeds the seeds and `inputs`, which join the pool.
   * @throws {FuzzFailure} If one breaks something.
   */
  async replay(inputs: readonly Uint8Array[]): Promise<void> {
    this.#material.pool.push(...inputs);
    for (const input of [...this.#material.pool]) await this.#feed(input);
  }

  /**
   * Makes and feeds `count` inputs.
   * @throws {FuzzFailure} If one breaks something.
   */
  async make(count: number): Promise<void> {
    for (let made = 0; made < count; made++) {
      await this.#feed(makeInput(this.#random, this.#material));
    }
  }

  /** Ends the run; see `FuzzTarget.finish`. */
  async finish(): Promise<void> {
    await this.#target.finish?.();
  }

  async #feed(input: Uint8Array): Promise<void> {
    this.inputs++;
    const startMs = performance.now();
    let outcome: string;
    try {
      const result = this.#target.run(input, this.#random);
      outcome = typeof result === "string" ? result : await result;
    } catch (cause) {
      throw this.#failure(cause, input);
    }
    const tookMs = performance.now() - startMs;
    if (tookMs > INPUT_TIME_MS_MAX) {
      throw this.#failure(new Error(`It takes ${tookMs} ms`), input);
    }
    const count = this.outcomes.get(outcome) ?? 0;
    this.outcomes.set(outcome, count + 1);
    if (count > 0) return;
    this.novel.push({ outcome, input });
    const { pool } = this.#material;
    if (pool.length < POOL_INPUTS_MAX) pool.push(input.slice());
  }

  #failure(cause: unknown, input: Uint8Array): FuzzFailure {
    const shown = input.toHex();
    return new FuzzFailure(
      `${this.#target.name}, input ${this.inputs}: ${cause}\n${shown}`,
      input,
      { cause },
    );
  }
}

/**
 * Reads the inputs that are kept for a target: `tests/testdata/fuzz/NAME.txt`,
 * a line `WHAT<tab>HEX` each.
 * @returns None if the target has no such file.
 */
export async function readCorpus(name: string): Promise<Uint8Array[]> {
  const text = await Deno.readTextFile(corpusPath(name)).catch(() => "");
  return text.split("\n").flatMap((line) => {
    const [, hex] = line.startsWith("#") ? [] : line.split("\t");
    return hex === undefined ? [] : [Uint8Array.fromHex(hex)];
  });
}

/** Adds an input to those that are kept. */
export async function keepInput(
  name: string,
  { what, input }: { readonly what: string; readonly input: Uint8Array },
): Promise<void> {
  const label = stripAnsiCode(what).replaceAll(/[^!-~]+/g, " ").slice(0, 100);
  const line = `${label}\t${input.toHex()}\n`;
  const text = await Deno.readTextFile(corpusPath(name)).catch(() => "");
  if (!text.includes(line)) {
    await Deno.writeTextFile(corpusPath(name), line, { append: true });
  }
}

/**
 * Makes an outcome of a refusal: its class and its text without what differs
 * from input to input.
 * @throws What `error` is, if it is none of `classes`.
 */
export function refusal(
  error: unknown,
  ...classes: readonly (new (...args: never[]) => Error)[]
): string {
  if (
    !(error instanceof Error) || !classes.some((kind) => error instanceof kind)
  ) {
    throw error;
  }
  const text = error.message.replace(/["'][^]*$/, "…")
    .replaceAll(/[0-9]+/g, "0");
  const parts = text.split(": ");
  // What stands last often is the input itself.
  const shown = PARTS_SHOWN.get(parts[0] ?? "") ?? 1;
  return `refused: ${parts.slice(0, shown).join(": ").slice(0, 60)}`;
}

/** Cuts `input` into chunks at random places, so that a parser cannot rely on any. */
export function cutAtRandom(
  input: Uint8Array,
  random: SeededRandom,
): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < input.length;) {
    const size = 1 + random.below(random.pick([1, 8, 64, input.length]));
    chunks.push(input.slice(at, at + size));
    at += size;
  }
  return chunks;
}

function corpusPath(name: string): URL {
  return new URL(`${name}.txt`, TESTDATA);
}

function toBytes(input: Uint8Array | string): Uint8Array {
  return typeof input === "string" ? encoder.encode(input) : input;
}
