/**
 * Fuzz target: a Gitaly whose every byte may be wrong. Two calls end with a
 * status each, and no more is received or sent than what came can ask for.
 */
import { assert } from "@std/assert";
import { defineFuzzTarget } from "../support/fuzz_target.ts";
import { converse, makeConversation } from "../support/http2_fuzz.ts";
import { SeededRandom } from "../support/seeded_random.ts";

/** The preface and two requests, and answers to as many frames as fit. */
const SENT_BYTES_MAX = 10_000;

const random = new SeededRandom(1);

defineFuzzTarget(import.meta.url, {
  seeds: Array.from({ length: 40 }, () => makeConversation(random)),
  words: [
    Uint8Array.fromHex("000000040100000000"),
    Uint8Array.fromHex("000008060000000000"),
    Uint8Array.fromHex("0000040800000000007fffffff"),
    Uint8Array.fromHex("00000403000000000100000008"),
    Uint8Array.fromHex("000000090400000001"),
  ],
  inputs: 4_000,
  outcomes: ["0", "13", "14"],
  async run(input, random) {
    const result = await converse(input, random.below(input.length + 1));
    assert(result.receivedBytes <= input.length);
    assert(
      result.sentBytes <= SENT_BYTES_MAX + input.length,
      `${result.sentBytes}`,
    );
    return [...new Set(result.codes)].toSorted().join(" and ");
  },
});
