/**
 * Fuzz target: responses of the internal API. Cut anywhere, the same head and
 * body come out, never more than came in, and what is kept has a bound.
 */
import { assert, assertEquals } from "@std/assert";
import {
  HEAD_BYTES_MAX,
  ResponseDecoder,
} from "../../src/api/http1_response.ts";
import { ProtocolError } from "../../src/core/errors.ts";
import {
  cutAtRandom,
  defineFuzzTarget,
  refusal,
} from "../support/fuzz_target.ts";

interface Read {
  readonly head: unknown;
  readonly body: string;
  readonly outcome: string;
}

function read(chunks: readonly Uint8Array[]): Read {
  const decoder = new ResponseDecoder();
  let body = "";
  let outcome = "read";
  try {
    for (const chunk of chunks) {
      for (const piece of decoder.push(chunk)) body += piece.toHex();
    }
    decoder.finish();
  } catch (error) {
    outcome = refusal(error, ProtocolError);
  }
  const { head } = decoder;
  return {
    head: head && { ...head, headers: [...head.headers] },
    body,
    outcome,
  };
}

defineFuzzTarget(import.meta.url, {
  seeds: [
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\nT: x\r\n\r\n",
    "HTTP/1.0 200 OK\r\n\r\nuntil the end",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 429 Too Many\r\nRetry-After: 60\r\nContent-Type: application/json\r\n\r\n{}",
    "HTTP/1.1 200 OK\nContent-Length: 1\nContent-Length: 1\n\nx",
  ],
  words: [
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "Content-Length: ",
    "Transfer-Encoding: chunked\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "0\r\n\r\n",
    "ffffffffffffffff\r\n",
    "x".repeat(17_000),
    "a: b\r\n".repeat(300),
    ":",
    " ",
    "-1",
  ],
  inputs: 12_000,
  outcomes: [
    "read",
    "refused: No status line",
    "refused: No header line",
    "refused: Response ended early",
  ],
  run(input, random) {
    const whole = read([input]);
    const pieces = read(cutAtRandom(input, random));
    // What stood before a fault in the same piece is not handed out.
    const body = whole.outcome === "read" ? whole.body : pieces.body;
    assertEquals(pieces, { ...whole, body });
    assert(whole.body.length / 2 <= input.length);
    assert(JSON.stringify(whole.head ?? {}).length <= 2 * HEAD_BYTES_MAX);
    return whole.outcome;
  },
});
