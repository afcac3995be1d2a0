/**
 * Fuzz target: header blocks of a Gitaly that is none. A block is decoded or
 * refused, and makes no more than the limits allow, whatever a few bytes of it
 * claim.
 */
import { assert, assertEquals } from "@std/assert";
import { ProtocolError } from "../../src/core/errors.ts";
import { HpackDecoder } from "../../src/gitaly/http2/hpack_decoder.ts";
import { HpackEncoder } from "../../src/gitaly/http2/hpack_encoder.ts";
import { defineFuzzTarget, refusal } from "../support/fuzz_target.ts";

const LIMITS = { tableBytesMax: 4_096, listBytesMax: 16_384 } as const;
const ENTRY_BYTES = 32;

defineFuzzTarget(import.meta.url, {
  seeds: [
    "828684418cf1e3c2e5f23a6ba0ab90f4ff",
    "828684be5886a8eb10649cbf",
    "400a637573746f6d2d6b65790d637573746f6d2d686561646572",
    "203fe11f88be",
    "4882640258" + "85aec3771a4b",
    "0f0d03313233100473656372657404" + "74657874",
  ].map((hex) => Uint8Array.fromHex(hex)),
  words: ["ffffffff7f", "7f8080808000", "3fe11f", "20", "be", "8fffff", "40"]
    .map((hex) => Uint8Array.fromHex(hex)),
  inputs: 16_000,
  outcomes: [
    "decoded",
    "refused: Cannot find header",
    "refused: Cannot decode truncated header",
  ],
  run(input) {
    const decoder = new HpackDecoder(LIMITS);
    let outcome = "";
    // The second time, the dynamic table is what the first left behind.
    for (let time = 0; time < 2; time++) {
      try {
        const { fields, isTruncated } = decoder.decode(input);
        const bytes = fields.reduce(
          (sum, [name, value]) =>
            sum + name.length + value.length + ENTRY_BYTES,
          0,
        );
        assert(bytes <= LIMITS.listBytesMax);
        assert(decoder.tableBytes <= LIMITS.tableBytesMax);
        outcome = isTruncated ? "decoded in part" : "decoded";
        if (isTruncated || !fields.every(isAscii)) continue;
        const again = new HpackEncoder().encode(fields);
        const whole = new HpackDecoder(LIMITS).decode(again);
        assertEquals(whole.fields, fields);
      } catch (error) {
        return refusal(error, ProtocolError);
      }
    }
    return outcome;
  },
});

function isAscii([name, value]: readonly [string, string]): boolean {
  return /^[\0-\x7f]*$/.test(name + value);
}
