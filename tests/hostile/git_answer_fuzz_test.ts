/**
 * Fuzz target: what a server answers to the rounds of a fetch. What the client
 * is given does not depend on how it was cut, and adds nothing to the answer.
 */
import { assert, assertEquals } from "@std/assert";
import { FetchRounds } from "../../src/git/fetch_rounds.ts";
import { FetchTurn, PushTurn } from "../../src/git/conversation_turn.ts";
import { defineFuzzTarget } from "../support/fuzz_target.ts";

const latin1 = new TextDecoder("latin1");
const encoder = new TextEncoder();
const ID = "7217a7c7e582c46cec22a130adf4b9d7d950fba0";
const pkt = (text: string) =>
  (text.length + 4).toString(16).padStart(4, "0") + text;
const ASKED = `${pkt(`want ${ID}\n`)}0000${pkt(`have ${ID}\n`)}00000009done\n`;
const DEEPENED = `${pkt(`want ${ID}\n`)}${pkt("deepen 1\n")}00000009done\n`;

/** What the client is given of the answers to a fetch, all of them the same. */
function show(asked: string, pieces: readonly Uint8Array[]): string[] {
  const rounds = new FetchRounds();
  rounds.push(encoder.encode(asked));
  const shown: string[] = [];
  for (let round; (round = rounds.next(true));) {
    const answer = rounds.readAnswer(round);
    const parts = pieces.map((piece) => latin1.decode(answer.push(piece)));
    shown.push(parts.join("") + latin1.decode(answer.end()));
    assert(latin1.decode(round.body).length < 2_000, "a request has grown");
  }
  return shown;
}

defineFuzzTarget(import.meta.url, {
  seeds: [
    `${pkt("NAK\n")}PACK`,
    `${pkt(`ACK ${ID} common\n`)}${pkt("NAK\n")}`,
    `${pkt(`ACK ${ID} ready\n`)}${pkt(`ACK ${ID}\n`)}${pkt("\x01PACK")}0000`,
    `${pkt(`shallow ${ID}`)}0000${pkt("NAK\n")}`,
    `${pkt("ERR upload-pack: not our ref\n")}`,
  ],
  words: ["0000", "NAK\n", "ACK ", " common", "shallow ", "PACK", ID],
  inputs: 2_500,
  outcomes: ["whole", "shortened", "empty"],
  run(input, random) {
    const cut = random.below(input.length + 1);
    const halves = [input.subarray(0, cut), input.subarray(cut)];
    const bytes = Array.from(input, (_, at) => input.subarray(at, at + 1));
    const said = latin1.decode(input);
    let outcome = "empty";
    for (const asked of [ASKED, DEEPENED]) {
      const shown = show(asked, [input]);
      assertEquals(show(asked, halves), shown);
      assertEquals(show(asked, bytes), shown);
      for (const text of shown) {
        assert(text.length <= said.length, "more was shown than was said");
        if (text.length === 0) continue;
        outcome = text === said ? "whole" : "shortened";
      }
    }
    for (const Turn of [FetchTurn, PushTurn]) {
      const turns = [[input], halves, bytes].map((pieces) => {
        const turn = new Turn({ startsServer: true });
        for (const piece of pieces) turn.onServer(piece);
        return turn.isServers;
      });
      // Of a push it is the first flush at the end of a piece that counts.
      if (Turn === FetchTurn) assertEquals(new Set(turns).size, 1);
    }
    return outcome;
  },
});
