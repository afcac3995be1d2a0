import { assertEquals } from "@std/assert";
import { NegotiationWatch } from "../../../../src/devstack/gitaly/negotiation.ts";

const OID = "1".repeat(40);
const NONE = {
  payloadSize: 0,
  packets: 0,
  caps: [],
  wants: 0,
  haves: 0,
  shallows: 0,
  deepen: "",
  filter: "",
};

function pkt(text: string): string {
  return (text.length + 4).toString(16).padStart(4, "0") + text;
}

function count(text: string, pieceBytes = Infinity) {
  const watch = new NegotiationWatch({
    timeoutMs: 60_000,
    endsWith: "done",
    onTimeout() {},
  });
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    watch.feed(bytes.subarray(at, at + pieceBytes));
  }
  watch.stop();
  return watch.statistics;
}

const V0 = `${pkt(`want ${OID} multi_ack\n`)}0000${pkt("done\n")}`;
const V2 = pkt("command=fetch\n") + pkt("agent=git/2.47\n") +
  pkt("object-format=sha1\n") + "0001" + pkt(`want ${OID}\n`) +
  pkt("done\n") + "0000";

Deno.test("gitaly.md case 61: statistics of a fetch in version 0", () => {
  assertEquals(count(V0), {
    ...NONE,
    payloadSize: `want ${OID} multi_ackdone`.length,
    packets: 2,
    wants: 1,
    caps: ["multi_ack"],
  });
});

Deno.test("gitaly.md case 61: statistics of a fetch in version 2", () => {
  const said = `command=fetchagent=git/2.47object-format=sha1want ${OID}done`;
  assertEquals(count(V2), {
    ...NONE,
    payloadSize: said.length,
    packets: 5,
    wants: 1,
  });
});

Deno.test("NegotiationWatch counts the same however the input is cut", () => {
  for (const text of [V0, V2]) {
    for (let pieceBytes = 1; pieceBytes < text.length; pieceBytes++) {
      assertEquals(count(text, pieceBytes), count(text));
    }
  }
});

Deno.test("NegotiationWatch counts haves, shallows, deepen and filter", () => {
  const lines = [
    `want ${OID} thin-pack ofs-delta\n`,
    `want ${OID} ignored\n`,
    `have ${OID}\n`,
    `shallow ${OID}\n`,
    "deepen 1\n",
    "deepen-since 7\n",
    "filter blob:none\n",
  ];
  const counted = count(lines.map(pkt).join(""));
  assertEquals(counted, {
    payloadSize: lines.join("").length - lines.length,
    packets: 7,
    caps: ["thin-pack", "ofs-delta"],
    wants: 2,
    haves: 1,
    shallows: 1,
    deepen: "deepen-since 7",
    filter: "blob:none",
  });
});

for (const line of ["have", "want", "filter", "deepen 1 2", "shallow a b"]) {
  Deno.test(`NegotiationWatch counts nothing behind ${line}`, () => {
    const counted = count(pkt(line) + pkt(`have ${OID}`));
    assertEquals([counted.packets, counted.haves], [1, 0]);
  });
}

Deno.test("NegotiationWatch counts nothing behind done", () => {
  assertEquals(count(V0 + pkt(`have ${OID}`)), count(V0));
});

async function timesOut(
  input: string,
  endsWith: "done" | "flush",
): Promise<boolean> {
  const fired = Promise.withResolvers<boolean>();
  const watch = new NegotiationWatch({
    timeoutMs: 20,
    endsWith,
    onTimeout: () => fired.resolve(true),
  });
  watch.feed(new TextEncoder().encode(input));
  // A timer that was set later cannot fire first.
  const later = setTimeout(() => fired.resolve(false), 40);
  const result = await fired.promise;
  clearTimeout(later);
  watch.stop();
  return result;
}

const TIMED: readonly (readonly [string, string, "done" | "flush", boolean])[] =
  [
    ["no input", "", "done", true],
    ["done with newline", "0009done\n", "done", false],
    ["case 58: done without newline", "0008done", "done", true],
    ["a flush where done is wanted", "0000", "done", true],
    ["a flush", "0000", "flush", false],
    ["half a flush", "000", "flush", true],
    ["input that is no pkt-line", "what?", "done", false],
  ];
for (const [what, input, endsWith, isTimedOut] of TIMED) {
  const verb = isTimedOut ? "does not stop" : "stops";
  Deno.test(`NegotiationWatch: ${what} ${verb} the clock of ${endsWith}`, async () => {
    assertEquals(await timesOut(input, endsWith), isTimedOut);
  });
}
