/**
 * Fuzz target: what a client says, on its way into HTTP requests. What is sent
 * does not depend on how it was cut, is part of what was said, and says all of
 * it but what no server could read.
 */
import { assert, assertEquals } from "@std/assert";
import { FetchRounds } from "../../src/git/fetch_rounds.ts";
import { PktTail } from "../../src/git/pkt_tail.ts";
import {
  FetchRequestBody,
  PushRequestBody,
  type RequestBody,
} from "../../src/git/request_body.ts";
import { defineFuzzTarget } from "../support/fuzz_target.ts";

const latin1 = new TextDecoder("latin1");
const OLD = "7217a7c7e582c46cec22a130adf4b9d7d950fba0";
const ZERO = "0".repeat(40);
const pkt = (text: string) =>
  (text.length + 4).toString(16).padStart(4, "0") + text;

/** What of `pieces` is sent, as Latin-1. */
function pass(body: RequestBody, pieces: readonly Uint8Array[]): string {
  return pieces.map((piece) => latin1.decode(body.push(piece))).join("");
}

/** Kinds and bodies of all requests that `pieces` make. */
function listRounds(pieces: readonly Uint8Array[]): string[] {
  const rounds = new FetchRounds();
  const found: string[] = [];
  const take = (isEnded: boolean) => {
    for (let round; (round = rounds.next(isEnded));) {
      found.push(`${round.kind} ${latin1.decode(round.body)}`);
    }
  };
  for (const piece of pieces) {
    rounds.push(piece);
    take(false);
  }
  take(true);
  return found;
}

defineFuzzTarget(import.meta.url, {
  seeds: [
    `${pkt(`want ${OLD} multi_ack_detailed\n`)}00000009done\n`,
    `${pkt(`want ${OLD}\n`)}0000${pkt(`have ${OLD}\n`)}00000009done\nmore`,
    `${pkt(`want ${OLD}\n`)}${pkt("deepen 1\n")}00000009done\n`,
    `${pkt(`${OLD} ${ZERO} refs/heads/a\0report-status`)}0000`,
    `${pkt(`${OLD} ${ZERO} r\0 push-options`)}0000${pkt("x")}0000y`,
    `${pkt(`${ZERO} ${OLD} refs/heads/a\0report-status`)}0000PACK some data`,
    `${pkt("push-cert\0x")}${pkt(`${OLD} ${ZERO} r\n`)}${
      pkt("push-cert-end\n")
    }0000`,
  ],
  words: ["0000", "0001", "0009done\n", "ffff", "deepen", "shallow ", ZERO],
  inputs: 2_500,
  outcomes: ["ended", "raw", "open", "rounds 1", "rounds 2"],
  run(input, random) {
    const cut = random.below(input.length + 1);
    const halves = [input.subarray(0, cut), input.subarray(cut)];
    const bytes = Array.from(input, (_, at) => input.subarray(at, at + 1));
    const said = latin1.decode(input);
    let outcome = "";
    for (const Body of [FetchRequestBody, PushRequestBody]) {
      const body = new Body();
      const whole = pass(body, [input]);
      assertEquals(pass(new Body(), halves), whole);
      assertEquals(pass(new Body(), bytes), whole);
      assert(said.startsWith(whole), "more was sent than was said");
      if (body.isRaw) assertEquals(whole, said);
      // Nothing follows the end.
      if (body.isEnded) assertEquals(body.push(input).length, 0);
      outcome = body.isEnded ? "ended" : body.isRaw ? "raw" : "open";
    }
    const rounds = listRounds([input]);
    assertEquals(listRounds(halves), rounds);
    assertEquals(listRounds(bytes), rounds);
    assert(rounds.at(-1)?.startsWith("last "), "no last request");
    const tails = [[input], halves, bytes].map((pieces) => {
      const tail = new PktTail();
      for (const piece of pieces) tail.push(piece);
      return `${tail.state} ${tail.word}`;
    });
    assertEquals(new Set(tails).size, 1);
    return random.below(2) === 0
      ? outcome
      : `rounds ${Math.min(rounds.length, 3)}`;
  },
});
