/**
 * Uploads that go wrong half way: whatever happens, the store never has an
 * object that is not whole and right, and nothing of it stays behind.
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { SAMPLE } from "../../src/devstack/sample.ts";
import { programPath } from "../support/dist.ts";
import { D, errorReply, F, GREETING, t } from "../support/lfs_session.ts";
import { ShellStand, testOnStand } from "../support/shell_stand.ts";

const MIB = 1024 * 1024;
const SIZE = 16 * MIB;
const PACKET_BYTES = 32_768;
const encoder = new TextEncoder();

const data = new Uint8Array(SIZE);
for (let at = 0; at < SIZE; at += 65_536) {
  crypto.getRandomValues(data.subarray(at, at + 65_536));
}
const OID = createHash("sha256").update(data).digest("hex");

let stand: ShellStand;
Deno.test.beforeAll(async () => {
  const configLines = ["lfs:", "  pure_ssh_protocol: true"];
  stand = await ShellStand.start({ configLines });
});
Deno.test.afterAll(() => stand[Symbol.asyncDispose]());

/** Packets of `bytes`, without their end. */
function packetsOf(bytes: Uint8Array): Uint8Array[] {
  const packets: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += PACKET_BYTES) {
    const piece = bytes.subarray(at, at + PACKET_BYTES);
    const length = (piece.length + 4).toString(16).padStart(4, "0");
    packets.push(encoder.encode(length), piece);
  }
  return packets;
}

/** The command and its arguments, up to the data. */
async function formatHead(size = SIZE): Promise<Uint8Array> {
  const { stdout } = await stand.session({
    command: `git-lfs-transfer ${SAMPLE.project}.git upload`,
    stdin: t("batch") + D + t(`${OID} ${SIZE}`) + F,
  });
  const [, id = "", token = ""] = / (id=\S+) (token=\S+)/.exec(stdout) ?? [];
  assert(id !== "", stdout);
  return encoder.encode(
    t(`put-object ${OID}`) + t(`size=${size}`) + t(id) + t(token) + D,
  );
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Runs one upload, then asks for the version. @returns The first reply. */
async function upload(parts: readonly Uint8Array[]): Promise<string> {
  const input = concat([...parts, encoder.encode(t("version 1") + F)]);
  const { stdout, exitStatus } = await stand.session({
    command: `git-lfs-transfer ${SAMPLE.project}.git upload`,
    stdin: input,
  });
  const version = t("status 200") + D + F;
  assertEquals(exitStatus, 0);
  assert(stdout.startsWith(GREETING) && stdout.endsWith(version), stdout);
  return stdout.slice(GREETING.length, -version.length);
}

/** Waits until the store has done with every upload, and looks at it. */
async function assertNothingStored(mark: number): Promise<void> {
  const { lfs } = stand.stack;
  await lfs.requests.until((record) =>
    lfs.requests.all.indexOf(record) >= mark && record.route === "upload"
  );
  assertEquals(await lfs.state.store.list(), []);
}

const FLUSH = encoder.encode(F);
const wrongId = (bytes: Uint8Array) =>
  errorReply(
    400,
    `error: corrupt data: invalid object ID, expected ${OID}, got ${
      createHash("sha256").update(bytes).digest("hex")
    }`,
  );

testOnStand("lfs.md case 63: the last byte is another one", async () => {
  const mark = stand.stack.lfs.requests.all.length;
  const other = data.slice();
  other[SIZE - 1] = (other[SIZE - 1] ?? 0) ^ 1;
  const head = await formatHead();
  assertEquals(
    await upload([head, ...packetsOf(other), FLUSH]),
    wrongId(other),
  );
  await assertNothingStored(mark + 1);
});

testOnStand("lfs.md case 63: the data ends too early", async () => {
  const mark = stand.stack.lfs.requests.all.length;
  const half = data.subarray(0, SIZE - 1);
  const head = await formatHead();
  assertEquals(await upload([head, ...packetsOf(half), FLUSH]), wrongId(half));
  await assertNothingStored(mark + 1);
});

testOnStand("lfs.md case 62: there is a byte too many", async () => {
  const mark = stand.stack.lfs.requests.all.length;
  const more = concat([data, new Uint8Array(1)]);
  const head = await formatHead();
  assertEquals(await upload([head, ...packetsOf(more), FLUSH]), wrongId(more));
  await assertNothingStored(mark + 1);
});

testOnStand("lfs.md case 61: the size is another one", async () => {
  for (const size of [SIZE - 1, SIZE + 1]) {
    const mark = stand.stack.lfs.requests.all.length;
    const head = await formatHead(size);
    assertEquals(
      await upload([head, ...packetsOf(data), FLUSH]),
      errorReply(
        400,
        `error: corrupt data: invalid object size, expected ${size}, got ${SIZE}`,
      ),
    );
    await assertNothingStored(mark + 1);
  }
});

testOnStand("a length that is none, in the middle of the data", async () => {
  const mark = stand.stack.lfs.requests.all.length;
  const head = await formatHead();
  const half = packetsOf(data.subarray(0, SIZE / 2));
  const reply = await upload([head, ...half, encoder.encode("zzzz")]);
  assertEquals(reply, errorReply(500, "internal error"));
  await assertNothingStored(mark + 1);
});

testOnStand("lfs.md case 71: the client goes away in the middle", async () => {
  const mark = stand.stack.lfs.requests.all.length;
  const head = await formatHead();
  const child = startUpload();
  const writer = child.stdin.getWriter();
  await writer.write(concat([head, ...packetsOf(data.subarray(0, SIZE / 2))]));
  child.kill("SIGKILL");
  await writer.close().catch(() => {});
  await child.output();
  await assertNothingStored(mark + 1);
});

testOnStand(
  "lfs.md case 68: the store refuses at once and hangs up",
  async () => {
    const { lfs } = stand.stack;
    // Its answer may be lost with the connection; the next ones are no better.
    const refusal = { status: 413, body: "{}" };
    lfs.script.enqueue("upload", ...new Array(5).fill(refusal));
    const head = await formatHead();
    const reply = await upload([head, ...packetsOf(data), FLUSH]);
    assertEquals(reply, errorReply(500, "internal error"));
    assertEquals(await lfs.state.store.list(), []);
    while (lfs.script.take("upload")) continue;
  },
);

testOnStand("and after all that the object is stored", async () => {
  const head = await formatHead();
  assertEquals(
    await upload([head, ...packetsOf(data), FLUSH]),
    t("status 200") + F,
  );
  assertEquals(await stand.stack.lfs.state.store.list(), [OID]);
});

function startUpload(): Deno.ChildProcess {
  return new Deno.Command(programPath("gitlab-shell"), {
    args: ["key-1"],
    env: {
      GITLAB_SHELL_DIR: stand.stack.shellRoot.path,
      SSH_CONNECTION: "127.0.0.1 0 127.0.0.2 65535",
      SSH_ORIGINAL_COMMAND: `git-lfs-transfer ${SAMPLE.project}.git upload`,
    },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}
