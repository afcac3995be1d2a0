import { assertEquals, assertRejects } from "@std/assert";
import { BufferedInput } from "../../../../src/devstack/api/buffered_input.ts";
import {
  headerValues,
  openBody,
  readHttpHead,
  readWhole,
} from "../../../../src/devstack/api/http_message.ts";
import type { Socket } from "../../../../src/devstack/socket.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A socket that holds `text` and hands it out in two parts. */
function inputOf(text: string, splitAt = text.length): BufferedInput {
  const bytes = encoder.encode(text);
  const parts = [bytes.subarray(0, splitAt), bytes.subarray(splitAt)]
    .filter(({ length }) => length > 0);
  const socket: Socket = {
    read(buffer) {
      const part = parts.shift();
      if (!part) return Promise.resolve(null);
      buffer.set(part);
      return Promise.resolve(part.length);
    },
    write: ({ length }) => Promise.resolve(length),
    closeWrite: () => Promise.resolve(),
    close() {},
  };
  return new BufferedInput(socket);
}

const COUNTED =
  "POST /a?b HTTP/1.1\r\nhost: x\r\nContent-Length: 5\r\n\r\nhelloX";
const CHUNKED =
  "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: 1\r\n\r\nX";

for (const [name, text] of Object.entries({ COUNTED, CHUNKED })) {
  Deno.test(`readHttpHead() and openBody() read a ${name.toLowerCase()} request at every split point`, async () => {
    for (let splitAt = 0; splitAt < text.length; splitAt++) {
      const input = inputOf(text, splitAt);
      const head = await readHttpHead(input);
      assertEquals(head?.method, "POST");
      const body = await readWhole(openBody(input, head?.headers ?? []), 99);
      assertEquals(decoder.decode(body), "hello");
      const rest = await input.read(9);
      assertEquals(rest && decoder.decode(rest), "X");
    }
  });
}

Deno.test("readHttpHead() keeps header lines as they are", async () => {
  const head = await readHttpHead(
    inputOf("GET / HTTP/1.1\r\nA: 1\r\na:2\r\nB:  x  \r\n\r\n"),
  );
  assertEquals(head?.headers, [["A", "1"], ["a", "2"], ["B", "x"]]);
  assertEquals(headerValues(head?.headers ?? [], "a"), ["1", "2"]);
});

Deno.test("readHttpHead() gives nothing when the peer sends nothing", async () => {
  assertEquals(await readHttpHead(inputOf("")), undefined);
  assertEquals(await readHttpHead(inputOf("GET / HTTP")), undefined);
});

const REFUSED = [
  ["no HTTP", "HELO x\r\n\r\n"],
  ["HTTP/2", "PRI * HTTP/2.0\r\n\r\n"],
  ["a header without colon", "GET / HTTP/1.1\r\nhost\r\n\r\n"],
  ["a header without name", "GET / HTTP/1.1\r\n: x\r\n\r\n"],
] as const;
for (const [what, text] of REFUSED) {
  Deno.test(`readHttpHead() refuses ${what}`, async () => {
    await assertRejects(() => readHttpHead(inputOf(text)), SyntaxError);
  });
}

Deno.test("readHttpHead() refuses a head without end", async () => {
  const text = `GET / HTTP/1.1\r\nX: ${"x".repeat(65_530)}`;
  const input = inputOf(text + "x".repeat(100), 65_500);
  await assertRejects(() => readHttpHead(input), RangeError);
});

Deno.test("openBody() fails when the body ends too early", async () => {
  const input = inputOf("hel");
  const body = openBody(input, [["Content-Length", "5"]]);
  await assertRejects(() => readWhole(body, 99), SyntaxError);
});

Deno.test("readWhole() refuses a body above its bound", async () => {
  const body = openBody(inputOf("hello"), [["Content-Length", "5"]]);
  await assertRejects(() => readWhole(body, 4), RangeError);
});
