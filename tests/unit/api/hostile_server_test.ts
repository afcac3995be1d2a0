/**
 * Servers that mean harm: each attack costs us the connection, a bounded time
 * and a bounded memory, and no more.
 */
import { assert, assertEquals } from "@std/assert";
import { BODY_BYTES_MAX } from "../../../src/api/attempt.ts";
import { SYSTEM_CLOCK } from "../../../src/core/host.ts";
import { assertFails, KEY, serveApi } from "../../support/api_harness.ts";
import { raw, type ScriptedAnswer, whole } from "../../support/scripted_api.ts";

const OK = "HTTP/1.1 200 OK\r\n";

/** Sends the same again and again until the client has had enough. */
function forever(start: string, piece: string | Uint8Array): ScriptedAnswer {
  return async (peer) => {
    await peer.send(start);
    while (await peer.send(piece));
  };
}

/** Sends one byte every other millisecond, far below any limit on size. */
function drip(start: string, byte: string): ScriptedAnswer {
  return async (peer) => {
    await peer.send(start);
    while (await peer.send(byte)) await SYSTEM_CLOCK.sleep(2);
  };
}

const HEADS: readonly (readonly [attack: string, answer: ScriptedAnswer])[] = [
  ["header lines without end", forever(OK, "A: 1\r\n".repeat(100))],
  ["one header line without end", forever(`${OK}A: `, "x".repeat(10_000))],
  ["a status line without end", forever("HTTP/1.1 200 ", "x".repeat(10_000))],
  [
    "interim responses without end",
    forever("", "HTTP/1.1 100 C\r\n\r\n".repeat(10)),
  ],
  ["blank bytes without end", forever("", "\r\n".repeat(1_000))],
  ["NUL bytes without end", forever("", new Uint8Array(10_000))],
];
for (const [attack, answer] of HEADS) {
  Deno.test(`a server that sends ${attack} is left three times`, async () => {
    await using served = serveApi([answer]);
    await assertFails(
      served.client.discover(KEY),
      "Internal API unreachable",
      0,
      "system",
    );
    assertEquals(served.api.connections, 3);
  });
}

const MEBIBYTE = "x".repeat(1024 * 1024);
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const BODIES: readonly (readonly [attack: string, answer: ScriptedAnswer])[] = [
  ["a body without end", forever(`${OK}\r\n`, MEBIBYTE)],
  ["chunks without end", forever(CHUNKED, `100000\r\n${MEBIBYTE}\r\n`)],
  ["a chunk of 2^53 bytes", forever(`${CHUNKED}1fffffffffffff\r\n`, MEBIBYTE)],
  ["a chunk of 2^64 bytes", raw(`${CHUNKED}ffffffffffffffff\r\n`)],
  [
    "a length of 10^15 - 1",
    forever(`${OK}Content-Length: 999999999999999\r\n\r\n`, MEBIBYTE),
  ],
  ["a chunk size without end", forever(CHUNKED, "0".repeat(10_000))],
  [
    "a chunk extension without end",
    forever(`${CHUNKED}1;`, "x".repeat(10_000)),
  ],
  ["trailers without end", forever(`${CHUNKED}0\r\n`, "A: 1\r\n".repeat(100))],
  ["JSON that nests without end", whole(200, "[".repeat(2_000_000))],
  ["a string of backslashes", whole(200, `{"id":"${"\\".repeat(2_000_001)}"}`)],
];
for (const [attack, answer] of BODIES) {
  Deno.test(`a server that sends ${attack} is left once`, async () => {
    await using served = serveApi([answer]);
    const before = Deno.memoryUsage().rss;
    await assertFails(served.client.discover(KEY), "parsing failed");
    assertEquals(served.api.connections, 1);
    const grownBytes = Deno.memoryUsage().rss - before;
    assert(grownBytes < 8 * BODY_BYTES_MAX, `grew by ${grownBytes}`);
  });
}

Deno.test("a gzip bomb is stopped at the limit", async () => {
  const zeros = new Blob([new Uint8Array(64 * 1024 * 1024)]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  const packed = new Uint8Array(await new Response(zeros).arrayBuffer());
  await using served = serveApi([
    whole(200, packed, { "Content-Encoding": "gzip" }),
  ]);
  await assertFails(served.client.discover(KEY), "parsing failed");
});

Deno.test("a body at the limit is read, one byte more is not", async () => {
  const body = (sizeBytes: number) => `{"id":5}${" ".repeat(sizeBytes - 8)}`;
  await using served = serveApi([
    whole(200, body(BODY_BYTES_MAX)),
    whole(200, body(BODY_BYTES_MAX + 1)),
  ]);
  assertEquals((await served.client.discover(KEY)).id, 5);
  await assertFails(served.client.discover(KEY), "parsing failed");
});

Deno.test("a head that drips is cut off by the deadline, three times", async () => {
  await using served = serveApi([drip(`${OK}A: `, "x")], { readTimeoutMs: 60 });
  await assertFails(
    served.client.discover(KEY),
    "Internal API unreachable",
    0,
    "system",
  );
  assertEquals(served.api.connections, 3);
});

Deno.test("a body that drips is cut off by the deadline, once", async () => {
  await using served = serveApi([drip(`${OK}\r\n`, " ")], {
    readTimeoutMs: 60,
  });
  await assertFails(served.client.discover(KEY), "parsing failed");
  assertEquals(served.api.connections, 1);
});

Deno.test("an unending answer to the rate limit's question is no hold-up", async () => {
  await using served = serveApi([
    forever("HTTP/1.1 429 Many\r\n\r\n", MEBIBYTE),
  ]);
  const question = {
    action: "git-upload-pack",
    project: "p",
    identity: KEY,
    remoteAddress: "",
    namespacePath: "",
  } as const;
  await assertFails(
    served.client.allowed(question),
    "Internal API unreachable",
    0,
    "system",
  );
  assertEquals(served.api.connections, 3);
});
