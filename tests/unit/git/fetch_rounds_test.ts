import { assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../../src/core/errors.ts";
import {
  type FetchRound,
  FetchRounds,
  REQUEST_BYTES_MAX,
} from "../../../src/git/fetch_rounds.ts";

const latin1 = new TextDecoder("latin1");
const bytes = (text: string) =>
  Uint8Array.from(text, (char) => char.charCodeAt(0));
const pkt = (text: string) =>
  (text.length + 4).toString(16).padStart(4, "0") + text;
const id = (digit: string) => digit.repeat(40);

const WANTS = pkt(`want ${id("1")} multi_ack_detailed deepen-since\n`) +
  pkt(`want ${id("2")}\n`) + "0000";
const DEEPEN = pkt(`want ${id("1")} multi_ack_detailed\n`) +
  pkt("deepen 1\n") + "0000";
const have = (digit: string) => pkt(`have ${id(digit)}\n`);
const ack = (digit: string, status: string) =>
  pkt(`ACK ${id(digit)} ${status}\n`);
const NAK = pkt("NAK\n");
const DONE = "0009done\n";

/** One request of the script and how it is answered. */
interface Exchange {
  readonly kind: FetchRound["kind"];
  readonly body: string;
  readonly answer: string;
  /** What the client reads of it; all of it if left out. */
  readonly shown?: string;
}

/** Says everything at once, or one byte at a time, and so with the answers. */
function play(
  said: string,
  exchanges: readonly Exchange[],
  isBytewise: boolean,
): void {
  const rounds = new FetchRounds();
  const pieces = (text: string) => isBytewise ? [...text] : [text];
  const input = pieces(said);
  let isEnded = false;
  for (const { kind, body, answer, shown = answer } of exchanges) {
    let round: FetchRound | undefined;
    while (!(round = rounds.next(isEnded))) {
      const piece = input.shift();
      if (piece === undefined) {
        assertEquals(isEnded, false, "no request although all was said");
        isEnded = true;
      } else rounds.push(bytes(piece));
    }
    assertEquals([round.kind, latin1.decode(round.body)], [kind, body]);
    const reader = rounds.readAnswer(round);
    let read = "";
    for (const piece of pieces(answer)) {
      read += latin1.decode(reader.push(bytes(piece)));
    }
    assertEquals(read + latin1.decode(reader.end()), shown);
  }
  assertEquals(rounds.next(true), undefined);
}

const SCRIPTS: readonly (readonly [string, string, readonly Exchange[]])[] = [
  ["a clone: one request, as it came", `${WANTS}${DONE}more`, [
    { kind: "last", body: WANTS + DONE, answer: `${NAK}PACK` },
  ]],
  ["haves that are done at once: one request", `${WANTS}${have("a")}${DONE}`, [
    {
      kind: "last",
      body: WANTS + have("a") + DONE,
      answer: `${ack("a", "common")}${pkt(`ACK ${id("a")}\n`)}PACK`,
    },
  ]],
  ["done before anything else", `${DONE}more`, [
    { kind: "last", body: DONE, answer: "x" },
  ]],
  ["nothing wanted", "0000", [{ kind: "last", body: "0000", answer: "" }]],
  ["nothing said", "", [{ kind: "last", body: "", answer: "" }]],
  ["no packet", `${WANTS}PACK`, [{ kind: "last", body: WANTS, answer: "" }]],
  ["half a packet at the end", `${WANTS}0010x`, [
    { kind: "last", body: WANTS, answer: "" },
  ]],
  [
    "two rounds: what is common is said again, and its ACK not shown again",
    `${WANTS}${have("a")}${have("b")}0000${have("c")}${DONE}`,
    [
      {
        kind: "haves",
        body: `${WANTS}${have("a")}${have("b")}0000`,
        answer: ack("b", "common") + NAK,
      },
      {
        kind: "last",
        body: `${WANTS}${have("b")}${have("c")}${DONE}`,
        answer: ack("b", "common") + ack("c", "common") +
          pkt(`ACK ${id("c")}\n`) + "PACK\0\xff",
        shown: ack("c", "common") + pkt(`ACK ${id("c")}\n`) + "PACK\0\xff",
      },
    ],
  ],
  [
    "three rounds, of which two found nothing",
    `${WANTS}${have("a")}0000${have("b")}0000${have("c")}0000${DONE}`,
    [
      { kind: "haves", body: `${WANTS}${have("a")}0000`, answer: NAK },
      { kind: "haves", body: `${WANTS}${have("b")}0000`, answer: NAK },
      {
        kind: "haves",
        body: `${WANTS}${have("c")}0000`,
        answer: ack("c", "common") + ack("c", "ready") + NAK,
      },
      {
        kind: "last",
        body: WANTS + have("c") + DONE,
        answer: ack("c", "common") + pkt(`ACK ${id("c")}\n`) + pkt("\x01PACK"),
        shown: pkt(`ACK ${id("c")}\n`) + pkt("\x01PACK"),
      },
    ],
  ],
  [
    "a shallow clone: the boundary is told once",
    `${DEEPEN}${DONE}`,
    [
      {
        kind: "shallow",
        body: `${DEEPEN}0000`,
        answer: `${pkt(`shallow ${id("1")}`)}0000${NAK}`,
        shown: `${pkt(`shallow ${id("1")}`)}0000`,
      },
      {
        kind: "last",
        body: DEEPEN + DONE,
        answer: `${pkt(`shallow ${id("1")}`)}0000${NAK}PACK`,
        shown: `${NAK}PACK`,
      },
    ],
  ],
  [
    "a shallow clone of nothing",
    `${DEEPEN}${DONE}`,
    [
      {
        kind: "shallow",
        body: `${DEEPEN}0000`,
        answer: `0000${NAK}`,
        shown: "0000",
      },
      {
        kind: "last",
        body: DEEPEN + DONE,
        answer: `0000${NAK}P`,
        shown: `${NAK}P`,
      },
    ],
  ],
  ["an error instead of a boundary", `${DEEPEN}${DONE}`, [
    { kind: "shallow", body: `${DEEPEN}0000`, answer: pkt("ERR no\n") },
    { kind: "last", body: DEEPEN + DONE, answer: pkt("ERR no\n") },
  ]],
  ["an error instead of an ACK", `${WANTS}${have("a")}0000${DONE}`, [
    {
      kind: "haves",
      body: `${WANTS}${have("a")}0000`,
      answer: pkt("ERR upload-pack: not our ref\n"),
    },
    { kind: "last", body: WANTS + DONE, answer: "" },
  ]],
  ["an answer that breaks off", `${WANTS}${DONE}`, [
    { kind: "last", body: WANTS + DONE, answer: "0008NA" },
  ]],
  ["a pack without side-band behind NAK", `${WANTS}${DONE}`, [
    { kind: "last", body: WANTS + DONE, answer: `${NAK}0008ACK not an ACK` },
  ]],
];
for (const [name, said, exchanges] of SCRIPTS) {
  for (const isBytewise of [false, true]) {
    const how = isBytewise ? "byte by byte" : "at once";
    Deno.test(`FetchRounds: ${name}, ${how}`, () => {
      play(said, exchanges, isBytewise);
    });
  }
}

Deno.test("FetchRounds: a negotiation has a limit", () => {
  const rounds = new FetchRounds();
  rounds.push(bytes("0000"));
  const packet = bytes(`fff0${"x".repeat(65_516)}`);
  assertThrows(() => {
    for (let sent = 0; sent <= REQUEST_BYTES_MAX; sent += packet.length) {
      rounds.push(packet);
      rounds.next(false);
    }
  }, ProtocolError);
});
