/**
 * Writers of gitlab-keys killed at random moments. However one dies, the file
 * is the old one or the new one, and nothing is left that stops the next.
 * `KEYS_CRASH_KILLS` changes their number.
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { programPath } from "../support/dist.ts";
import { ed25519Key } from "../support/key_samples.ts";
import { KeysRoot } from "../support/keys_root.ts";

const KILLS = Number(Deno.env.get("KEYS_CRASH_KILLS") ?? "1000");
const LINES = 1_500;

interface Operation {
  readonly name: string;
  readonly args: readonly string[];
  /** Standard input. */
  readonly input?: string;
}

const records = (from: number, to: number) => {
  let text = "";
  for (let at = from; at < to; at++) text += `key-${at}\t${ed25519Key(at)}\n`;
  return text;
};

const OPERATIONS: readonly Operation[] = [
  { name: "add-key", args: ["add-key", "key-9", ed25519Key(9)] },
  {
    name: "add-key of another key",
    args: ["add-key", "key-77", ed25519Key(9)],
  },
  { name: "rm-key", args: ["rm-key", "key-77"] },
  { name: "rm-key of two lines", args: ["rm-key", "key-5000"] },
  {
    name: "batch-add-keys",
    args: ["batch-add-keys"],
    input: records(6_000, 6_700),
  },
  { name: "rebuild", args: ["rebuild"], input: records(1_000, 3_200) },
];

/** A foreign line every now and then, and one id with two lines. */
function makeContent(root: KeysRoot): string {
  let content = "# mine\n";
  for (let at = 10; at < LINES; at++) {
    content += root.line(`key-${at}`, ed25519Key(at));
    if (at % 500 === 0) content += `foreign ${at} \u00e9\n`;
  }
  const twice = root.line("key-5000", ed25519Key(5_000));
  return `${twice}${content}${twice}`;
}

/** @returns How long it took, and whether it came to its end. */
async function runAndKill(
  root: KeysRoot,
  { args, input = "" }: Operation,
  killAfterMs: number | undefined,
): Promise<{ elapsedMs: number; isKilled: boolean }> {
  const startMs = performance.now();
  const child = new Deno.Command(programPath("gitlab-keys"), {
    args: [...args],
    env: root.env,
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  const feeding = writer.write(new TextEncoder().encode(input))
    .then(() => writer.close()).catch(() => {});
  const timer = killAfterMs === undefined
    ? undefined
    : setTimeout(() => killIfAlive(child), killAfterMs);
  const { signal, code } = await child.status;
  clearTimeout(timer);
  await feeding;
  assert(signal === "SIGKILL" || code === 0, `status ${code}`);
  return {
    elapsedMs: performance.now() - startMs,
    isKilled: signal === "SIGKILL",
  };
}

function killIfAlive(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It was faster.
  }
}

/** Removes what a killed writer may leave until the next one cleans up. */
function removeTemporaryFiles(root: KeysRoot): void {
  for (const name of root.names()) {
    const isKnown = name === "authorized_keys" ||
      name === "authorized_keys.lock" ||
      /^\.authorized_keys\.\d+\.[0-9a-f]{12}$/.test(name);
    assert(isKnown, name);
    if (name.startsWith(".")) Deno.removeSync(`${root.folder}/${name}`);
  }
}

interface Tally {
  old: number;
  new: number;
}

async function killMany(operation: Operation, kills: number): Promise<Tally> {
  using root = new KeysRoot();
  const before = makeContent(root);
  let fastestMs = Infinity;
  for (let round = 0; round < 3; round++) {
    root.write(before);
    const { elapsedMs } = await runAndKill(root, operation, undefined);
    fastestMs = Math.min(fastestMs, elapsedMs);
  }
  const after = root.read();
  assert(after !== before);
  const tally = { old: 0, new: 0 };
  for (let round = 0; round < kills; round++) {
    root.write(before);
    // Mostly in the second half of a run, where the writing is.
    const killAfterMs = fastestMs * (0.3 + 0.8 * Math.sqrt(Math.random()));
    const { isKilled } = await runAndKill(root, operation, killAfterMs);
    const now = root.read();
    assert(now === before || now === after, `${operation.name}: a mixture`);
    if (!isKilled) assertEquals(now, after);
    tally[now === before ? "old" : "new"]++;
    assert(root.isLockFree());
    removeTemporaryFiles(root);
  }
  return tally;
}

Deno.test(`keys-and-config.md case 91: ${KILLS} writers are killed, and no file is a mixture`, async (test) => {
  const each = Math.ceil(KILLS / OPERATIONS.length);
  // Two at a time: they are to be killed at odd moments, not at leisure.
  const waiting = OPERATIONS.map((operation) => ({ operation }));
  const tallies = new Map<string, Tally>();
  const lane = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { operation } = next;
      tallies.set(operation.name, await killMany(operation, each));
    }
  };
  await Promise.all([lane(), lane()]);
  for (const { name } of OPERATIONS) {
    const { old: before = 0, new: after = 0 } = tallies.get(name) ?? {};
    await test.step(`${name}: ${before} old, ${after} new`, () => {
      assertEquals(before + after, each);
    });
  }
});

Deno.test("what a killed writer left is removed after an hour", async () => {
  using root = new KeysRoot("x\n");
  const stale = `${root.folder}/.authorized_keys.4711.0123456789ab`;
  Deno.writeTextFileSync(stale, "half a file");
  const past = new Date(Date.now() - 3_700_000);
  Deno.utimeSync(stale, past, past);
  const { success } = await new Deno.Command(programPath("gitlab-keys"), {
    args: ["clear"],
    env: root.env,
  }).output();
  assertEquals(success, true);
  assertEquals(root.names(), ["authorized_keys", "authorized_keys.lock"]);
});
