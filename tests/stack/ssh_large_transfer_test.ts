/**
 * Transfers that outlive their keys, with OpenSSH's client. The suite moves
 * tens of MiB and has the client ask for new keys every few of them;
 * `SSH_TRANSFER_MIB=5120` moves 5 GiB each way under the client's own limits,
 * which are 1 GiB with chacha20-poly1305 and 64 GiB with AES.
 */
import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import type { SessionHandler } from "../../src/ssh/session_handler.ts";
import {
  DONE,
  sshArgs,
  type SshFixture,
  startFixture,
} from "../unit/ssh/ssh_fixture.ts";

const GIVEN_MIB = Number(Deno.env.get("SSH_TRANSFER_MIB") ?? "0");
const SIZE_MIB = GIVEN_MIB > 0 ? GIVEN_MIB : 32;
const LIMITS = GIVEN_MIB > 0 ? [] : ["-o", "RekeyLimit=4M"];
const MIB = 1024 * 1024;
const CIPHERS = ["chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com"];

/** Blocks that differ, so that one that is lost or repeated shows. */
function* blocks(): Generator<Uint8Array<ArrayBuffer>> {
  const block = crypto.getRandomValues(new Uint8Array(MIB / 16));
  for (let count = 0; count < SIZE_MIB * 16; count++) {
    new DataView(block.buffer).setUint32(0, count);
    yield block;
  }
}

/** Takes what comes and answers with its hash; or sends, and keeps the hash. */
function makePump() {
  const state = { sentHash: "" };
  const handle: SessionHandler = async ({ command }, { io }) => {
    const hash = createHash("sha256");
    if (command === "download") {
      for (const block of blocks()) {
        hash.update(block);
        await io.stdout.write(block.slice());
      }
      state.sentHash = hash.digest("hex");
      return DONE;
    }
    for (let data = await io.stdin.read(); data; data = await io.stdin.read()) {
      hash.update(data);
    }
    await io.stdout.write(new TextEncoder().encode(hash.digest("hex")));
    return DONE;
  };
  return { state, handle };
}

function startSsh(fixture: SshFixture, cipher: string, command: string) {
  return new Deno.Command("ssh", {
    args: ["-v", "-o", "LogLevel=DEBUG1", "-c", cipher, ...LIMITS]
      .concat([...sshArgs(fixture), command]),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { SSH_AUTH_SOCK: "" },
  }).spawn();
}

async function readText(stream: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>)
    .text();
}

function countExchanges(debugText: string): number {
  return debugText.split("SSH2_MSG_KEXINIT received").length - 1;
}

/** About as many as the client's limit asks for; it counts in its own time. */
function checkExchanges(debugText: string, cipher: string): void {
  const limitMib = GIVEN_MIB === 0
    ? 4
    : cipher.startsWith("chacha20")
    ? 1_024
    : 65_536;
  const exchanges = countExchanges(debugText);
  assert(exchanges > SIZE_MIB / limitMib / 2, `${exchanges} exchanges`);
}

function report(what: string, startMs: number): void {
  if (GIVEN_MIB === 0) return;
  const seconds = (performance.now() - startMs) / 1000;
  console.log(`${what}: ${(SIZE_MIB / seconds).toFixed(0)} MiB/s`);
}

for (const cipher of CIPHERS) {
  Deno.test(`sshd.md case 47: ${SIZE_MIB} MiB down, ${cipher}`, async () => {
    const { state, handle } = makePump();
    await using fixture = await startFixture({ handle });
    const startMs = performance.now();
    const child = startSsh(fixture, cipher, "download");
    const debugging = readText(child.stderr);
    await child.stdin.close();
    const hash = createHash("sha256");
    for await (const data of child.stdout) hash.update(data);
    assertEquals((await child.status).code, 0);
    report(`down, ${cipher}`, startMs);
    assertEquals(hash.digest("hex"), state.sentHash);
    checkExchanges(await debugging, cipher);
  });

  Deno.test(`sshd.md case 47: ${SIZE_MIB} MiB up, ${cipher}`, async () => {
    const { handle } = makePump();
    await using fixture = await startFixture({ handle });
    const startMs = performance.now();
    const child = startSsh(fixture, cipher, "upload");
    const debugging = readText(child.stderr);
    const answering = readText(child.stdout);
    const hash = createHash("sha256");
    const writer = child.stdin.getWriter();
    for (const block of blocks()) {
      hash.update(block);
      await writer.write(block.slice());
    }
    await writer.close();
    assertEquals((await child.status).code, 0);
    report(`up, ${cipher}`, startMs);
    assertEquals(await answering, hash.digest("hex"));
    checkExchanges(await debugging, cipher);
  });
}
