/**
 * The attacks: connections that say nothing, or a byte now and then, to hold
 * what they can for as long as they can.
 */
import { assert, assertEquals } from "@std/assert";
import { RawClient } from "../unit/ssh/raw_client.ts";
import { runSsh, startFixture } from "../unit/ssh/ssh_fixture.ts";

const FAILED =
  "connection: initServerConn: failed to initialize SSH connection";

/** Sends a byte every few milliseconds until the server has had enough. */
async function drip(port: number, bytes: (at: number) => number) {
  using tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  const startMs = performance.now();
  const heard = (async () => {
    const target = new Uint8Array(4_096);
    while (await tcp.read(target).catch(() => null) !== null);
  })();
  let isOver = false;
  void heard.then(() => isOver = true);
  for (let at = 0; !isOver; at++) {
    await tcp.write(Uint8Array.of(bytes(at))).catch(() => isOver = true);
    await new Promise((next) => setTimeout(next, 5));
  }
  await heard;
  return performance.now() - startMs;
}

function heldBytes(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

Deno.test("an identification that comes byte by byte has an end", async () => {
  await using fixture = await startFixture({ limits: { identMs: 300 } });
  // Never a line end: a line that ends is an identification.
  const elapsedMs = await drip(fixture.port, () => 0x41);
  assert(elapsedMs >= 290, `${elapsedMs}`);
  const record = await fixture.logged(FAILED);
  assertEquals(record["error_message"], "ssh: login timed out: i/o timeout");
});

Deno.test("an identification that never ends, ends", async () => {
  await using fixture = await startFixture();
  await drip(fixture.port, () => 0x41);
  const record = await fixture.logged(FAILED);
  assertEquals(
    record["error_message"],
    "ssh: overflow reading version string",
  );
});

Deno.test("a key exchange that comes byte by byte ends with the login grace", async () => {
  await using fixture = await startFixture({
    limits: { loginGraceMs: 400 },
  });
  const ident = new TextEncoder().encode("SSH-2.0-x\r\n\0\0\x01\x04\x04\x14");
  const elapsedMs = await drip(fixture.port, (at) => ident[at] ?? 0);
  assert(elapsedMs >= 390, `${elapsedMs}`);
  const record = await fixture.logged(FAILED);
  assertEquals(record["error_message"], "ssh: login timed out: i/o timeout");
});

Deno.test("one that exchanges keys and says no more ends with the login grace", async () => {
  await using fixture = await startFixture({ limits: { loginGraceMs: 500 } });
  await using client = await RawClient.connect(fixture.port);
  await client.requestAuth();
  await client.ended;
  const record = await fixture.logged(FAILED);
  assertEquals(record["error_message"], "ssh: login timed out: i/o timeout");
});

Deno.test("three hundred slow connections cost little and keep nobody out", async () => {
  await using fixture = await startFixture({ limits: { identMs: 20_000 } });
  const before = heldBytes();
  const slow = await Promise.all(Array.from({ length: 300 }, async () => {
    const tcp = await Deno.connect({
      hostname: "127.0.0.1",
      port: fixture.port,
    });
    await tcp.write(Uint8Array.of(0x53));
    return tcp;
  }));
  while (fixture.server.connectionCount < 300) {
    await new Promise((next) => setTimeout(next, 10));
  }
  assertEquals((await runSsh(fixture, ["x"])).code, 0);
  const costBytes = (heldBytes() - before) / 300;
  assert(costBytes < 512 * 1024, `${costBytes} bytes each`);
  for (const tcp of slow) tcp.close();
  await fixture.logged("access: finish", 301);
});
