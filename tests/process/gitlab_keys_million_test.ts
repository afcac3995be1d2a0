/**
 * A file of 1,000,000 keys: each command from a cold start, with what the
 * kernel says it took. The bounds are those of processor time, which other
 * work on the machine changes little; the disk's is in the time that passed.
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { ChildUsage } from "../bench/measure_child.ts";
import { programPath } from "../support/dist.ts";
import { ed25519Key } from "../support/key_samples.ts";
import { KeysRoot } from "../support/keys_root.ts";

const KEYS = 1_000_000;
const PEAK_MIB_MAX = 150;
const WALL_MS_MAX = 120_000;
const MEASURE = new URL("../bench/measure_child.ts", import.meta.url).pathname;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** `key-<n> TAB ssh-ed25519 …`, each key another one. */
function writeRecords(path: string): void {
  using file = Deno.openSync(path, { write: true, create: true });
  const encoder = new TextEncoder();
  const key = ed25519Key(0);
  const [head, tail] = [key.slice(0, -12), key.slice(-4)];
  let text = "";
  for (let number = 1; number <= KEYS; number++) {
    let letters = "";
    for (let rest = number, at = 0; at < 8; at++) {
      letters += ALPHABET.charAt(rest % ALPHABET.length);
      rest = Math.floor(rest / ALPHABET.length);
    }
    text += `key-${number}\t${head}${letters}${tail}\n`;
    if (number % 10_000 === 0) {
      let bytes = encoder.encode(text);
      while (bytes.length > 0) bytes = bytes.subarray(file.writeSync(bytes));
      text = "";
    }
  }
}

async function measure(
  root: KeysRoot,
  script: string,
): Promise<ChildUsage> {
  const result = `${root.path}/usage.json`;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      "--no-config",
      MEASURE,
      result,
      "sh",
      "-c",
      `cd ${root.path}; exec ${programPath("gitlab-keys")} ${script}`,
    ],
    env: root.env,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  // `verify` exits 1, as it finds what the commands before it have done.
  const isGood = code === (script.startsWith("verify") ? 1 : 0);
  assert(isGood, new TextDecoder().decode(stderr));
  return JSON.parse(Deno.readTextFileSync(result));
}

Deno.test("keys-and-config.md case 94: a million keys", async (test) => {
  using root = new KeysRoot("# mine\nforeign\n");
  writeRecords(`${root.path}/list`);
  const bounds = [
    ["rebuild < list", 15_000],
    [`add-key key-${KEYS + 1} "${ed25519Key(1)}"`, 1_500],
    [`rm-key key-${KEYS / 2}`, 1_500],
    // The file has 200 MB, nearly.
    ["list-key-ids > ids", 1_000],
    ["verify list > found", 15_000],
    [`add-key key-7 "${ed25519Key(2)}"`, 1_500],
  ] as const;
  for (const [script, cpuMsMax] of bounds) {
    const { wallMs, cpuMs, peakRssMib } = await measure(root, script);
    const [name] = script.split(" ");
    const figures = `${Math.round(cpuMs)} ms of ${Math.round(wallMs)} ms, ` +
      `${Math.round(peakRssMib)} MiB`;
    await test.step(`${name}: ${figures}`, () => {
      assert(cpuMs < cpuMsMax, `${cpuMs} ms`);
      assert(wallMs < WALL_MS_MAX, `${wallMs} ms`);
      assert(peakRssMib < PEAK_MIB_MAX, `${peakRssMib} MiB`);
    });
  }
  await test.step("and nothing is lost", () => {
    const ids = Deno.readTextFileSync(`${root.path}/ids`).split("\n");
    assertEquals(ids.length, KEYS + 1);
    assertEquals([ids[0], ids.at(-2)], ["1", String(KEYS + 1)]);
    const found = Deno.readTextFileSync(`${root.path}/found`).split("\n");
    assertEquals(found.slice(0, -2), [
      `extra key-${KEYS + 1} line ${KEYS + 4}`,
      `missing key-${KEYS / 2}`,
    ]);
  });
});
