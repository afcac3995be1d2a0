/**
 * The attack: a server whose every byte may be wrong. Whatever it sends, the
 * calls end with a status, nothing is thrown past them, and no more is held
 * or sent than the bytes that came can ask for.
 *
 * The suite sends 100,000; `HTTP2_MUTATIONS=10000000` is the whole proof, and
 * `HTTP2_MUTATION_SEED` begins elsewhere.
 */
import { assert, assertEquals } from "@std/assert";
import { converse, makeConversation } from "../support/http2_fuzz.ts";
import { SeededRandom } from "../support/seeded_random.ts";

const INPUTS = Number(Deno.env.get("HTTP2_MUTATIONS") ?? "100000");
const SEED = Number(Deno.env.get("HTTP2_MUTATION_SEED") ?? "20240607");
/** Timers that were called off are let go in turns of the event loop. */
const INPUTS_PER_TURN = 1_000;
/**
 * What the heap may have grown by at the end, whatever the number of inputs:
 * a timer that was called off lingers for five seconds (src/core/timer.ts).
 */
const GROWTH_BYTES_MAX = 256 * 1024 * 1024;
/** The preface and two requests, and answers to as many frames as fit. */
const SENT_BYTES_MAX = 10_000;

Deno.test(`${INPUTS} damaged conversations end with a status each`, async () => {
  const random = new SeededRandom(SEED);
  let earlyBytes = 0;
  const codes = new Map<number, number>();
  for (let input = 0; input < INPUTS; input++) {
    if (input === 20_000) earlyBytes = Deno.memoryUsage().heapUsed;
    if (input % INPUTS_PER_TURN === 0) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    const bytes = makeConversation(random);
    const result = await converse(bytes, random.below(bytes.length + 1));
    assertEquals(result.receivedBytes <= bytes.length, true);
    assertEquals(result.sentBytes <= SENT_BYTES_MAX, true);
    for (const code of result.codes) {
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  }
  const grownBytes = Deno.memoryUsage().heapUsed - earlyBytes;
  assert(grownBytes < GROWTH_BYTES_MAX, `The heap grew by ${grownBytes}`);
  // The inputs are worth something: good ends, bad ends and lost connections.
  for (const code of [0, 13, 14]) {
    assertEquals((codes.get(code) ?? 0) > 100, true, `gRPC code ${code}`);
  }
});
