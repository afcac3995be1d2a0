/**
 * The attack: a server whose every byte may be wrong. Whatever it sends, the
 * calls end with a status, nothing is thrown past them, and no more is held
 * or sent than the bytes that came can ask for.
 */
import { assertEquals } from "@std/assert";
import { converse, makeConversation } from "../support/http2_fuzz.ts";
import { SeededRandom } from "../support/seeded_random.ts";

const INPUTS = 100_000;
/** The preface and two requests, and answers to as many frames as fit. */
const SENT_BYTES_MAX = 10_000;

Deno.test(`${INPUTS} damaged conversations end with a status each`, async () => {
  const random = new SeededRandom(20_240_607);
  const codes = new Map<number, number>();
  for (let input = 0; input < INPUTS; input++) {
    const bytes = makeConversation(random);
    const result = await converse(bytes, random.below(bytes.length + 1));
    assertEquals(result.receivedBytes <= bytes.length, true);
    assertEquals(result.sentBytes <= SENT_BYTES_MAX, true);
    for (const code of result.codes) {
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  }
  // The inputs are worth something: good ends, bad ends and lost connections.
  for (const code of [0, 13, 14]) {
    assertEquals((codes.get(code) ?? 0) > 100, true, `gRPC code ${code}`);
  }
});
