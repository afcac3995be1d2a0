/**
 * Fuzz target: Git's framing. What is read does not depend on how it was cut,
 * and Git itself finds the same packets.
 */
import { assert, assertEquals } from "@std/assert";
import { ProtocolError } from "../../src/core/errors.ts";
import {
  decodePktLine,
  encodePktLine,
  encodePktMarker,
  PKT_LINE_BYTES_MAX,
  type PktLine,
} from "../../src/git/pkt_line.ts";
import { defineFuzzTarget, refusal } from "../support/fuzz_target.ts";
import { comparePktLines } from "../support/git_pkt_line.ts";

/** Git is asked about one input of so many: starting it takes a while. */
const COMPARED_EVERY = 250;

let turn = 0;

defineFuzzTarget(import.meta.url, {
  seeds: [
    "0000",
    "0001000200000009done\n0000",
    "0011argument HEAD0000",
    "0012argument x/y^0013argument --foo\n0000",
    "FFF0",
    "fff0" + "x".repeat(100),
  ],
  words: ["0000", "0001", "0002", "0003", "0004", "0005", "fff0", "fff1"],
  inputs: 12_000,
  outcomes: ["packets, then ", "refused: "],
  async run(input) {
    const packets: PktLine[] = [];
    let rest = input;
    let outcome = "packets, then more is needed";
    try {
      for (;;) {
        const packet = decodePktLine(rest);
        if (!packet) break;
        assert(packet.sizeBytes >= 4 && packet.sizeBytes <= rest.length);
        assert(packet.sizeBytes <= PKT_LINE_BYTES_MAX);
        const again = packet.kind === "data"
          ? encodePktLine(packet.payload)
          : encodePktMarker(packet.kind);
        assertEquals(
          decoder.decode(again),
          decoder.decode(rest.subarray(0, packet.sizeBytes)).replace(
            /^..../s,
            (digits) => digits.toLowerCase(),
          ),
        );
        packets.push(packet);
        rest = rest.subarray(packet.sizeBytes);
      }
      // Nothing is known of a packet before its last byte is there.
      const [first] = packets;
      if (first) {
        const short = input.subarray(0, first.sizeBytes - 1);
        assertEquals(decodePktLine(short), undefined);
      }
      if (rest.length === 0) outcome = "packets, then the end";
    } catch (error) {
      outcome = refusal(error, ProtocolError);
    }
    if (turn++ % COMPARED_EVERY === 0) await comparePktLines(input);
    return outcome;
  },
});

const decoder = new TextDecoder("latin1");
