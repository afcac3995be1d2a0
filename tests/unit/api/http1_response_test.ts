import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  HEAD_BYTES_MAX,
  HEADER_LINES_MAX,
  INTERIM_HEADS_MAX,
  LINE_BYTES_MAX,
  ResponseDecoder,
} from "../../../src/api/http1_response.ts";
import { ProtocolError } from "../../../src/core/errors.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

interface Decoded {
  status: number;
  headers: Record<string, readonly string[]>;
  contentLength: number | undefined;
  body: string;
}

/** Feeds the pieces one by one, each from a buffer that is then spoilt. */
function decodePieces(pieces: readonly Uint8Array[]): Decoded {
  const response = new ResponseDecoder();
  let body = "";
  for (const piece of pieces) {
    const buffer = piece.slice();
    for (const part of response.push(buffer)) body += decoder.decode(part);
    buffer.fill(0xff);
  }
  if (!response.isComplete) response.finish();
  const { head } = response;
  if (!head) throw new Error("There is no head");
  return {
    status: head.status,
    headers: Object.fromEntries(head.headers),
    contentLength: head.contentLength,
    body,
  };
}

function decode(text: string): Decoded {
  return decodePieces([encoder.encode(text)]);
}

const WHOLE: readonly (readonly [name: string, text: string, Decoded])[] = [
  [
    "a body with its length",
    "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 5\r\n\r\nhello",
    {
      status: 200,
      headers: { "content-type": ["a/b"], "content-length": ["5"] },
      contentLength: 5,
      body: "hello",
    },
  ],
  [
    "a body in chunks, with extension and trailer",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nhel\r\n02 \r\nlo\r\n0\r\nX-T: 1\r\n\r\n",
    {
      status: 200,
      headers: { "transfer-encoding": ["Chunked"] },
      contentLength: undefined,
      body: "hello",
    },
  ],
  [
    "a body until the end of the connection",
    "HTTP/1.0 403 \r\n\r\nhello",
    { status: 403, headers: {}, contentLength: undefined, body: "hello" },
  ],
  [
    "no reason phrase, bare LF, repeats, blanks around values",
    "HTTP/1.1 404\nA:  1 \t\na:2\nB:\nContent-Length: 0\n\n",
    {
      status: 404,
      headers: { a: ["1", "2"], b: [""], "content-length": ["0"] },
      contentLength: 0,
      body: "",
    },
  ],
  [
    "interim responses before it",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    {
      status: 200,
      headers: { "content-length": ["2"] },
      contentLength: 2,
      body: "ok",
    },
  ],
  [
    "204, whatever it says of a body",
    "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
    {
      status: 204,
      headers: { "content-length": ["5"] },
      contentLength: 0,
      body: "",
    },
  ],
  [
    "304 without a body",
    "HTTP/1.1 304 Not Modified\r\n\r\n",
    { status: 304, headers: {}, contentLength: 0, body: "" },
  ],
  [
    "chunks win over a length",
    "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    {
      status: 200,
      headers: { "content-length": ["99"], "transfer-encoding": ["chunked"] },
      contentLength: undefined,
      body: "x",
    },
  ],
  [
    "the same length twice",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    {
      status: 200,
      headers: { "content-length": ["1", "1"] },
      contentLength: 1,
      body: "x",
    },
  ],
];
for (const [name, text, expected] of WHOLE) {
  Deno.test(`ResponseDecoder reads ${name}`, () => {
    assertEquals(decode(text), expected);
  });

  Deno.test(`ResponseDecoder reads ${name}, split at every byte`, () => {
    const bytes = encoder.encode(text);
    for (let at = 0; at <= bytes.length; at++) {
      const pieces = [bytes.subarray(0, at), bytes.subarray(at)];
      assertEquals(decodePieces(pieces), expected, `split at ${at}`);
    }
  });

  Deno.test(`ResponseDecoder reads ${name}, a byte at a time`, () => {
    const pieces = [...encoder.encode(text)].map((byte) => Uint8Array.of(byte));
    assertEquals(decodePieces(pieces), expected);
  });
}

Deno.test("ResponseDecoder ignores what follows the response", () => {
  const text =
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 500 No\r\n\r\n";
  assertEquals(decode(text).body, "x");
});

Deno.test("ResponseDecoder says at every byte whether the response ended early", () => {
  const text =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
  const bytes = encoder.encode(text);
  for (let size = 0; size < bytes.length; size++) {
    const response = new ResponseDecoder();
    response.push(bytes.subarray(0, size));
    assertEquals(response.isComplete, false);
    assertThrows(() => response.finish(), ProtocolError, "ended early");
  }
});

const REFUSED: readonly (readonly [fault: string, text: string])[] = [
  ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n"],
  ["HTTP/2 in words", "HTTP/2.0 200 OK\r\n\r\n"],
  ["HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n"],
  ["a lower-case protocol", "http/1.1 200 OK\r\n\r\n"],
  ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
  ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"],
  ["a status below 100", "HTTP/1.1 099 OK\r\n\r\n"],
  ["a status with a sign", "HTTP/1.1 -20 OK\r\n\r\n"],
  ["a NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n"],
  ["an empty line before the status", "\r\nHTTP/1.1 200 OK\r\n\r\n"],
  ["a switch of protocols", "HTTP/1.1 101 Switching\r\n\r\n"],
  ["a header without a colon", "HTTP/1.1 200 OK\r\nHello\r\n\r\n"],
  ["a header without a name", "HTTP/1.1 200 OK\r\n: x\r\n\r\n"],
  ["a blank before the colon", "HTTP/1.1 200 OK\r\nA : x\r\n\r\n"],
  ["a folded line", "HTTP/1.1 200 OK\r\nA: x\r\n y\r\n\r\n"],
  ["a CR inside a line", "HTTP/1.1 200 OK\r\nA: x\ry\r\n\r\n"],
  ["a NUL in a value", "HTTP/1.1 200 OK\r\nA: x\0\r\n\r\n"],
  [
    "two lengths",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
  ],
  ["a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"],
  ["a length with a sign", "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n"],
  ["a hexadecimal length", "HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\n"],
  ["a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n"],
  ["an empty length", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n"],
  [
    "a length that no number holds",
    "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999\r\n\r\n",
  ],
  [
    "another coding",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
  ],
  [
    "two codings",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
  ],
];
const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const REFUSED_CHUNKS: readonly (readonly [fault: string, text: string])[] = [
  ["no size", "\r\n"],
  ["a size that is no number", "xyz\r\n"],
  ["a size with a sign", "-1\r\n"],
  ["a size with 0x", "0x1\r\n"],
  ["a size of 17 digits", "00000000000000001\r\n"],
  ["a size that no number holds", "ffffffffffffffff\r\n"],
  ["a size without CRLF", "1\nx\r\n"],
  ["more than it said", "1\r\nxy\r\n0\r\n\r\n"],
  ["an end without CRLF", "1\r\nx\n0\r\n\r\n"],
];
for (
  const [fault, text] of [
    ...REFUSED,
    ...REFUSED_CHUNKS.map(([fault, text]) =>
      [`a chunk with ${fault}`, CHUNKED + text] as const
    ),
  ]
) {
  Deno.test(`ResponseDecoder refuses ${fault}`, () => {
    const response = new ResponseDecoder();
    assertThrows(() => response.push(encoder.encode(text)), ProtocolError);
  });
}

Deno.test("ResponseDecoder ignores chunks of HTTP/1.0, as Go does", () => {
  const text =
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
  assertEquals(decode(text).body, "1\r\nx\r\n0\r\n\r\n");
});

Deno.test("ResponseDecoder has a limit on one line", () => {
  const most = `A: ${"x".repeat(LINE_BYTES_MAX - "A: \r\n".length)}`;
  const head = (line: string) => `HTTP/1.1 204 No\r\n${line}\r\n\r\n`;
  assertEquals(decode(head(most)).status, 204);
  assertThrows(() => decode(head(`${most}x`)), ProtocolError, "too long");
});

Deno.test("ResponseDecoder has a limit on a line that never ends, before it has it all", () => {
  const response = new ResponseDecoder();
  response.push(encoder.encode("HTTP/1.1 200 OK\r\nA: "));
  const piece = encoder.encode("x".repeat(1024));
  assertThrows(
    () => {
      for (let sent = 0; sent <= LINE_BYTES_MAX; sent += 1024) {
        response.push(piece);
      }
    },
    ProtocolError,
    "too long",
  );
});

Deno.test("ResponseDecoder has a limit on the head, interim ones included", () => {
  const line = `A: ${"x".repeat(1000)}\r\n`;
  const count = Math.ceil(HEAD_BYTES_MAX / line.length);
  assertThrows(
    () => decode(`HTTP/1.1 200 OK\r\n${line.repeat(count)}\r\n`),
    ProtocolError,
    "Head of the response is too long",
  );
  const half = line.repeat(count / 2 + 1);
  assertThrows(
    () => decode(`HTTP/1.1 103 H\r\n${half}\r\nHTTP/1.1 200 OK\r\n${half}\r\n`),
    ProtocolError,
    "Head of the response is too long",
  );
});

Deno.test("ResponseDecoder has a limit on header lines", () => {
  const head = (count: number) =>
    `HTTP/1.1 204 No\r\n${"A: 1\r\n".repeat(count)}\r\n`;
  assertEquals(
    decode(head(HEADER_LINES_MAX)).headers["a"]?.length,
    HEADER_LINES_MAX,
  );
  assertThrows(
    () => decode(head(HEADER_LINES_MAX + 1)),
    ProtocolError,
    "Too many headers",
  );
});

Deno.test("ResponseDecoder has a limit on trailer lines", () => {
  const body = (count: number) =>
    `${CHUNKED}0\r\n${"A: 1\r\n".repeat(count)}\r\n`;
  assertEquals(decode(body(HEADER_LINES_MAX)).body, "");
  assertThrows(
    () => decode(body(HEADER_LINES_MAX + 1)),
    ProtocolError,
    "Too many headers",
  );
});

Deno.test("ResponseDecoder has a limit on interim responses", () => {
  const interim = (count: number) =>
    `${"HTTP/1.1 100 C\r\n\r\n".repeat(count)}HTTP/1.1 204 No\r\n\r\n`;
  assertEquals(decode(interim(INTERIM_HEADS_MAX)).status, 204);
  assertThrows(
    () => decode(interim(INTERIM_HEADS_MAX + 1)),
    ProtocolError,
    "Too many interim responses",
  );
});

Deno.test("ResponseDecoder answers arbitrary bytes with ProtocolError or nothing", () => {
  const random = new SeededRandom(1);
  const seeds = [...WHOLE, ...REFUSED].map(([, text]) => encoder.encode(text));
  for (let round = 0; round < 3000; round++) {
    const bytes = round % 2 === 0
      ? random.bytes(random.below(200))
      : random.pick(seeds).slice();
    for (let flips = random.below(4); flips > 0; flips--) {
      bytes[random.below(bytes.length || 1)] = random.below(256);
    }
    const response = new ResponseDecoder();
    try {
      for (let at = 0; at < bytes.length;) {
        const size = 1 + random.below(20);
        const parts = response.push(bytes.subarray(at, at + size));
        for (const part of parts) assert(part.length <= size);
        at += size;
      }
      if (!response.isComplete) response.finish();
      assert(response.head);
    } catch (error) {
      assert(error instanceof ProtocolError, String(error));
    }
  }
});
