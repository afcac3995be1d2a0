/**
 * The managed authorized_keys file, from a thousand keys to a million.
 * @module
 */
import { ed25519Key } from "../../support/key_samples.ts";
import { programPath } from "../../support/dist.ts";
import {
  BASE_ENV,
  type BenchWorld,
  type Family,
  OURS,
} from "../bench_world.ts";
import { writeRoot } from "../instant_root.ts";
import { measureProcess, PEAK_NOTE } from "../process_timer.ts";
import type { Goal, Question, Series, Unit } from "../question.ts";

const COUNTS = [1_000, 10_000, 100_000, 1_000_000];
const QUICK_COUNTS = [1_000, 10_000];
const JUDGED_COUNT = 1_000_000;
const ROUNDS = 3;
const PEAK_MIB_MAX = 150;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const KEY_LETTERS = 8;
const LINES_A_WRITE = 10_000;
const MIB_BYTES = 1_048_576;
/** 200 MB/s. */
const ENOUGH_MIB_PER_S = 191;
const GREP = "grep -o";

/** A root with a managed file of so many keys. */
interface KeysPlace {
  readonly count: number;
  readonly root: string;
  readonly list: string;
  readonly file: string;
}

/** gitlab-keys on files of all sizes. */
export const keysFamily: Family = {
  name: "keys",
  sizesMib: () => [],
  async run(world, tell) {
    for (const count of world.isQuick ? QUICK_COUNTS : COUNTS) {
      const place = await makePlace(world, count);
      const rounds = world.rounds(ROUNDS);
      tell(await askRebuild(place));
      tell(await askAdd(place, rounds));
      tell(await askList(place, rounds));
      await Deno.remove(place.root, { recursive: true });
    }
  },
};

async function makePlace(
  { folder }: BenchWorld,
  count: number,
): Promise<KeysPlace> {
  const root = `${folder}/keys-${count}`;
  const file = `${root}/authorized_keys`;
  await writeRoot(root, [`auth_file: ${file}`]);
  await Deno.writeTextFile(file, "", { mode: 0o600 });
  const list = `${root}/list`;
  await writeRecords(list, count);
  return { count, root, list, file };
}

/** `key-<n> TAB ssh-ed25519 …`, each key another one. */
async function writeRecords(path: string, count: number): Promise<void> {
  const key = ed25519Key(0);
  const [head, tail] = [key.slice(0, -KEY_LETTERS - 4), key.slice(-4)];
  let text = "";
  for (let number = 1; number <= count; number++) {
    let letters = "";
    for (let rest = number, at = 0; at < KEY_LETTERS; at++) {
      letters += ALPHABET.charAt(rest % ALPHABET.length);
      rest = Math.floor(rest / ALPHABET.length);
    }
    text += `key-${number}\t${head}${letters}${tail}\n`;
    if (number % LINES_A_WRITE !== 0 && number !== count) continue;
    await Deno.writeTextFile(path, text, { append: true });
    text = "";
  }
}

async function askRebuild(place: KeysPlace): Promise<Question> {
  const ours = await time(place, {
    rounds: 1,
    script: () => `exec "$0" rebuild < ${place.list}`,
  });
  const text = await Deno.readTextFile(place.file);
  const lines = text.split("\n").length - 1;
  if (lines < place.count) throw new Error(`rebuild left ${lines} lines`);
  return describe(place, "rebuild", { series: [ours], atMost: 15_000 });
}

async function askAdd(place: KeysPlace, rounds: number): Promise<Question> {
  const sizeBytes = (await Deno.stat(place.file)).size;
  const ours = await time(place, {
    rounds,
    script: (round) =>
      `exec "$0" add-key key-${place.count + 1 + round} ` +
      `"${ed25519Key(round + 1)}"`,
  });
  const grownBytes = (await Deno.stat(place.file)).size - sizeBytes;
  if (grownBytes < rounds) throw new Error("add-key has added nothing");
  return describe(place, "add-key", { series: [ours], atMost: 1_500 });
}

async function askList(place: KeysPlace, rounds: number): Promise<Question> {
  const sizeMib = (await Deno.stat(place.file)).size / MIB_BYTES;
  const output = `${place.root}/ids`;
  const toRate = ({ values, ...others }: Series): Series => ({
    ...others,
    values: values.map((timeMs) => sizeMib / (timeMs / 1000)),
  });
  const ours = await time(place, {
    rounds,
    script: () => `exec "$0" list-key-ids > ${output}`,
  });
  const ids = (await Deno.readTextFile(output)).split("\n").length - 1;
  if (ids < place.count) throw new Error(`list-key-ids printed ${ids} ids`);
  const grep = await time(place, {
    rounds,
    name: GREP,
    script: () => `exec grep -o 'key-[0-9]*' ${place.file} > ${output}`,
  });
  return describe(place, "list-key-ids", {
    series: [toRate(ours), toRate(grep)],
    unit: "MiB/s",
    against: GREP,
    atLeast: 1,
    orAtLeast: ENOUGH_MIB_PER_S,
  });
}

function describe(
  { count }: KeysPlace,
  command: string,
  { series, unit = "ms", ...bound }: {
    series: Series[];
    unit?: Unit;
    against?: string;
    atMost?: number;
    atLeast?: number;
    orAtLeast?: number;
  },
): Question {
  const goals: Goal[] = count === JUDGED_COUNT
    ? [{ of: OURS, ...bound }, {
      of: OURS,
      note: PEAK_NOTE,
      atMost: PEAK_MIB_MAX,
    }]
    : [];
  return {
    family: "keys",
    title: `gitlab-keys ${command}, ${count} keys`,
    unit,
    series,
    goals,
    point: { curve: `gitlab-keys ${command}`, at: count, unit: "keys" },
  };
}

async function time(
  { root }: KeysPlace,
  { rounds, script, name = OURS }: {
    rounds: number;
    script: (round: number) => string;
    name?: string;
  },
): Promise<Series> {
  const values: number[] = [];
  let peakMib = 0;
  for (let round = 0; round < rounds; round++) {
    const { wallMs, peakRssMib } = await measureProcess({
      name,
      command: "sh",
      args: ["-c", script(round), programPath("gitlab-keys")],
      env: { ...BASE_ENV, GITLAB_SHELL_DIR: root },
    });
    values.push(wallMs);
    peakMib = Math.max(peakMib, peakRssMib);
  }
  return { name, values, notes: { [PEAK_NOTE]: peakMib } };
}
