/**
 * Writers of gitlab-keys killed before each system call that changes a file,
 * one after the other: what random moments may miss.
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { programPath } from "../support/dist.ts";
import { ed25519Key } from "../support/key_samples.ts";
import { KeysRoot } from "../support/keys_root.ts";

const CALLS = [
  "openat",
  "write",
  "pwrite64",
  "fsync",
  "ftruncate",
  "chmod",
  "rename",
  "renameat2",
  "unlink",
] as const;
const POINTS_MAX = 400;
/** The runtime opens some 40 files before the program opens its first. */
const FIRST_POINT: ReadonlyMap<string, number> = new Map([["openat", 35]]);

const hasStrace = (() => {
  try {
    return new Deno.Command("strace", {
      args: ["-qq", "-o", "/dev/null", "true"],
      stdout: "null",
      stderr: "null",
    }).outputSync().success;
  } catch {
    return false;
  }
})();
const REASON = hasStrace ? "" : " (left out: no strace here, or it may not)";

interface Operation {
  readonly name: string;
  readonly args: readonly string[];
  readonly input?: string;
}

const OPERATIONS: readonly Operation[] = [
  { name: "add-key", args: ["add-key", "key-9", ed25519Key(9)] },
  { name: "add-key of another key", args: ["add-key", "key-1", ed25519Key(9)] },
  { name: "rm-key", args: ["rm-key", "key-1"] },
  {
    name: "batch-add-keys",
    args: ["batch-add-keys"],
    input: `key-7\t${ed25519Key(7)}\nkey-8\t${ed25519Key(8)}\n`,
  },
  {
    name: "rebuild",
    args: ["rebuild"],
    input: `key-1\t${ed25519Key(1)}\nkey-8\t${ed25519Key(8)}\n`,
  },
  { name: "compact", args: ["compact"] },
  { name: "clear", args: ["clear"] },
];

interface Point {
  readonly call: string;
  /** Counted from 1 in each thread. */
  readonly number: number;
}

const NEVER: Point = { call: "rename", number: 10_000 };

/** @returns Whether it came to its end before the call with that number. */
async function runUntil(
  root: KeysRoot,
  { args, input = "" }: Operation,
  { call, number }: Point,
): Promise<boolean> {
  const child = new Deno.Command("strace", {
    args: [
      "-f",
      "-qqq",
      "-o",
      "/dev/null",
      "-e",
      `trace=${call}`,
      "-e",
      `inject=${call}:signal=SIGKILL:when=${number}`,
      programPath("gitlab-keys"),
      ...args,
    ],
    env: root.env,
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  const feeding = writer.write(new TextEncoder().encode(input))
    .then(() => writer.close()).catch(() => {});
  const { code } = await child.status;
  await feeding;
  return code === 0;
}

for (const operation of OPERATIONS) {
  Deno.test({
    name:
      `${operation.name} killed before each of its system calls leaves no mixture${REASON}`,
    ignore: !hasStrace,
    async fn() {
      using root = new KeysRoot();
      const before = `# mine\n${"#".repeat(400)}\n${
        root.line("key-1", ed25519Key(1))
      }${root.line("key-2", ed25519Key(2))}foreign`;
      root.write(before);
      assert(await runUntil(root, operation, NEVER));
      const after = root.read();
      let kills = 0;
      for (const call of CALLS) {
        let number = FIRST_POINT.get(call) ?? 1;
        for (let isDone = false; !isDone; number++) {
          assert(number < POINTS_MAX);
          root.write(before);
          isDone = await runUntil(root, operation, { call, number });
          const now = root.read();
          const isWhole = now === before || now === after;
          assert(isWhole, `a mixture at ${call} ${number}`);
          assert(root.isLockFree());
          if (!isDone) kills++;
        }
      }
      assert(kills > 10, `${kills} kills`);
      // Whatever is left over does not stop the next one.
      root.write(before);
      assert(await runUntil(root, operation, NEVER));
      assertEquals(root.read(), after);
    },
  });
}
