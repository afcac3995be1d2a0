/**
 * Fuzz target: what Gitaly multiplexes. However the stream was cut, the same
 * bytes come out on the same band, and the same fault ends it.
 */
import { assertEquals } from "@std/assert";
import { ProtocolError } from "../../src/core/errors.ts";
import {
  encodeSideBandPacket,
  SideBandDecoder,
} from "../../src/git/side_band.ts";
import {
  cutAtRandom,
  defineFuzzTarget,
  refusal,
} from "../support/fuzz_target.ts";

interface Read {
  readonly output: [string[], string[]];
  readonly outcome: string;
  readonly fault: string;
}

function read(chunks: readonly Uint8Array[]): Read {
  const output: [string[], string[]] = [[], []];
  const decoder = new SideBandDecoder();
  try {
    for (const chunk of chunks) {
      decoder.feed(chunk);
      while (decoder.next()) {
        output[decoder.band - 1]?.push(decoder.payload.toHex());
      }
    }
    decoder.end();
    return { output, outcome: "read", fault: "" };
  } catch (error) {
    return {
      output,
      outcome: refusal(error, ProtocolError),
      fault: `${error}`,
    };
  }
}

const text = new TextEncoder();

defineFuzzTarget(import.meta.url, {
  seeds: [
    encodeSideBandPacket(1, text.encode("hello")),
    encodeSideBandPacket(2, text.encode("remote: a\n")),
    "0006\x01a0006\x02b0005\x01",
    "0000",
    "0006\x03a",
    "fff0\x01" + "x".repeat(100),
  ],
  words: ["0005\x01", "0006\x02x", "0004", "fff1\x01", "\x03"],
  inputs: 16_000,
  outcomes: ["read", "refused: unexpected EOF", "refused: unexpected band"],
  run(input, random) {
    const whole = read([input]);
    const pieces = read(cutAtRandom(input, random));
    for (const band of [0, 1] as const) {
      assertEquals(
        pieces.output[band].join(""),
        whole.output[band].join(""),
      );
    }
    assertEquals(pieces.fault, whole.fault);
    return whole.outcome;
  },
});
