import { assert, assertEquals, assertThrows } from "@std/assert";
import type { SshdConfig } from "../../../src/config/config.ts";
import type { Clock } from "../../../src/core/host.ts";
import { Logger } from "../../../src/core/log.ts";
import {
  Admission,
  type AdmissionOptions,
  readAdmissionSettings,
} from "../../../src/ssh/admission.ts";
import type { AdmissionTicket } from "../../../src/ssh/admission_ticket.ts";
import {
  parsePenalties,
  type PenaltySettings,
  PenaltyTable,
} from "../../../src/ssh/penalties.ts";
import { SharedGate } from "../../../src/ssh/shared_gate.ts";
import { parseNetBlockSize, sourceOf } from "../../../src/ssh/source_block.ts";
import { isTurnedAway, parseMaxStartups } from "../../../src/ssh/startups.ts";
import { makeConfig } from "./ssh_fixture.ts";

/** A gate with a clock and dice of the test's own. */
function setUp(
  sshd: Partial<SshdConfig>,
  random = () => 0,
  sharing: Partial<AdmissionOptions> = {},
) {
  const state = { nowMs: 0 };
  const records: Record<string, unknown>[] = [];
  const clock: Clock = {
    nowMs: () => 0,
    monotonicMs: () => state.nowMs,
    sleep: () => Promise.resolve(),
  };
  const log = new Logger({
    sink: {
      writeLine: (line) =>
        records.push(JSON.parse(new TextDecoder().decode(line))),
    },
    clock,
    threshold: 0,
    format: "json",
  });
  const admission = new Admission({
    settings: readAdmissionSettings(makeConfig(sshd).sshd),
    log,
    clock,
    random,
    ...sharing,
  });
  const enter = (address: string): string => {
    const ticket = admission.enter();
    return typeof ticket === "string" ? ticket : ticket.bind(address) ?? "in";
  };
  const ticket = (address: string): AdmissionTicket => {
    const entered = admission.enter();
    if (typeof entered === "string") throw new Error(entered);
    assertEquals(entered.bind(address), undefined);
    return entered;
  };
  return { admission, state, records, enter, ticket };
}

function penaltiesOf(text: string): PenaltySettings {
  const settings = parsePenalties(text);
  if (!settings) throw new Error("No penalties");
  return settings;
}

const DROPS = [
  [9, 0, false],
  [10, 0.29, true],
  [10, 0.31, false],
  [55, 0.64, true],
  [55, 0.66, false],
  [99, 0.98, true],
  [100, 0.999, true],
] as const;
for (const [count, random, isAway] of DROPS) {
  Deno.test(`isTurnedAway() at ${count} of 10:30:100 with ${random}`, () => {
    const limit = { start: 10, percent: 30, full: 100 };
    assertEquals(isTurnedAway(limit, count, random), isAway);
  });
}

const STARTUPS = [
  ["10:30:100", { start: 10, percent: 30, full: 100 }],
  ["25", { start: 25, percent: 100, full: 25 }],
  ["none", undefined],
  ["", undefined],
] as const;
for (const [text, limit] of STARTUPS) {
  Deno.test(`parseMaxStartups() reads ${JSON.stringify(text)}`, () => {
    assertEquals(parseMaxStartups(text), limit);
  });
}
for (
  const text of ["0", "10:30", "10:0:100", "10:101:100", "100:30:10", "x", "-1"]
) {
  Deno.test(`parseMaxStartups() refuses ${text}`, () => {
    assertThrows(() => parseMaxStartups(text), Error, "sshd.max_startups");
  });
}

const BLOCKS = [
  ["10.1.2.3", "32:64", "10.1.2.3/32"],
  ["10.1.2.3", "20:64", "10.1.0.0/20"],
  ["::ffff:10.1.2.3", "24", "10.1.2.0/24"],
  ["2001:db8:1:2:3::4", "32:64", "20010db8000100020000000000000000/64"],
  ["2001:db8:1:2ff::", "32:57", "20010db8000102800000000000000000/57"],
  ["", "32:64", ""],
] as const;
for (const [address, size, source] of BLOCKS) {
  Deno.test(`sourceOf() puts ${address} with ${size} in ${source}`, () => {
    assertEquals(sourceOf(address, parseNetBlockSize(size)), source);
  });
}
for (const text of ["33:64", "32:129", "x", "32:", ":64", "1:2:3"]) {
  Deno.test(`parseNetBlockSize() refuses ${text}`, () => {
    assertThrows(() => parseNetBlockSize(text), Error, "net_block_size");
  });
}

for (const word of ["no", "false", "off", "No"]) {
  Deno.test(`parsePenalties() takes ${word} for none`, () => {
    assertEquals(parsePenalties(word), undefined);
  });
}
Deno.test("parsePenalties() keeps OpenSSH's times where none are given", () => {
  const settings = parsePenalties("yes");
  assertEquals(settings?.seconds, {
    authfail: 5,
    invaliduser: 5,
    noauth: 1,
    "grace-exceeded": 10,
    crash: 90,
  });
  assertEquals([settings?.min, settings?.max], [15, 600]);
  const others = parsePenalties("authfail:30s max:60,overflow:permissive");
  assertEquals([others?.seconds.authfail, others?.max], [30, 60]);
});
for (const text of ["maybe", "authfail", "authfail:x", "crash:-1", "yes no"]) {
  Deno.test(`parsePenalties() refuses ${text}`, () => {
    assertThrows(() => parsePenalties(text), Error, "per_source_penalties");
  });
}

Deno.test("PenaltyTable shuts a source out once it has more than the minimum, and lets it in again", () => {
  const settings = penaltiesOf("yes");
  const table = new PenaltyTable();
  const add = (nowMs: number) =>
    table.add("a", "authfail", { settings, nowMs });
  assertEquals([add(0), add(0), add(0)], [undefined, undefined, undefined]);
  assertEquals(table.isShutOut("a", 0), false);
  assertEquals(add(0), 20);
  assertEquals(table.isShutOut("a", 19_999), true);
  assertEquals(table.isShutOut("b", 0), false);
  assertEquals(table.isShutOut("a", 20_000), false);
  assertEquals(table.size, 0);
});

Deno.test("PenaltyTable forgets offences that are long ago, and never shuts out for more than the maximum", () => {
  const settings = penaltiesOf("yes");
  const table = new PenaltyTable();
  for (let round = 0; round < 100; round++) {
    table.add("slow", "authfail", { settings, nowMs: round * 6_000 });
  }
  assertEquals(table.isShutOut("slow", 99 * 6_000), false);
  for (let round = 0; round < 1_000; round++) {
    table.add("fast", "crash", { settings, nowMs: 0 });
  }
  assertEquals(table.isShutOut("fast", 599_999), true);
  assertEquals(table.isShutOut("fast", 600_000), false);
});

Deno.test("PenaltyTable keeps as many sources as it may", () => {
  const settings = penaltiesOf("max-sources:100");
  const table = new PenaltyTable();
  for (let source = 0; source < 10_000; source++) {
    table.add(String(source), "crash", { settings, nowMs: 0 });
  }
  assertEquals(table.size, 100);
  assertEquals(table.isShutOut("9999", 1), true);
  assertEquals(table.isShutOut("1", 1), false);
});

Deno.test("PenaltyTable.merge() takes over what is harder, by a clock of its own", () => {
  const settings = penaltiesOf("yes");
  const [from, to] = [new PenaltyTable(), new PenaltyTable()];
  from.add("over", "noauth", { settings, nowMs: 0 });
  from.add("long", "crash", { settings, nowMs: 0 });
  from.add("short", "authfail", { settings, nowMs: 0 });
  to.add("short", "crash", { settings, nowMs: 500_000 });
  const list = from.list(2_000);
  assertEquals(list, [
    { source: "long", remainingMs: 88_000, isActive: true },
    { source: "short", remainingMs: 3_000, isActive: false },
  ]);
  to.merge(list, { settings, nowMs: 500_000 });
  to.merge(list, { settings, nowMs: 500_000 });
  assertEquals(to.isShutOut("long", 587_999), true);
  assertEquals(to.isShutOut("long", 588_000), false);
  assertEquals(to.isShutOut("short", 589_999), true);
  const few = penaltiesOf("max-sources:1");
  const small = new PenaltyTable();
  small.merge(list, { settings: few, nowMs: 0 });
  assertEquals(small.size, 1);
});

Deno.test("Admission.learn() has a new thread know what the others do", () => {
  const [one, other] = [0, 1].map(() => setUp({ perSourcePenalties: "yes" }));
  if (!one || !other) throw new Error("Two are needed");
  one.ticket("10.0.0.1").punish("crash");
  one.admission.noteBalancer("192.0.2.7");
  other.state.nowMs = 1_000_000;
  other.admission.learn(structuredClone(one.admission.recall()));
  assertEquals(other.enter("10.0.0.1"), "per_source_penalties");
  other.ticket("192.0.2.7").punish("crash");
  assertEquals(other.enter("192.0.2.7"), "in");
  other.state.nowMs += 90_000;
  assertEquals(other.enter("10.0.0.1"), "in");
});

Deno.test("Admission counts connections until they have logged in or gone", () => {
  const { admission, enter, ticket } = setUp({ maxStartups: "2" });
  const first = ticket("10.0.0.1");
  ticket("10.0.0.2");
  assertEquals(enter("10.0.0.3"), "max_startups");
  first.leave();
  first.leave();
  assertEquals(admission.startupCount, 1);
  assertEquals(enter("10.0.0.3"), "in");
  assertEquals(enter("10.0.0.3"), "max_startups");
});

Deno.test("Admission drops some at random before it drops all", () => {
  let state = 1;
  const random = () => (state = state * 48_271 % 2_147_483_647) / 2 ** 31;
  const { enter } = setUp({ maxStartups: "10:30:100" }, random);
  let refused = 0;
  for (let round = 0; round < 60; round++) {
    if (enter("10.0.0.1") !== "in") refused++;
  }
  assert(refused > 5 && refused < 50, `${refused}`);
});

Deno.test("Admission bounds each source by itself", () => {
  const { enter, ticket, admission } = setUp({ perSourceMaxStartups: 2 });
  const first = ticket("10.0.0.1");
  ticket("10.0.0.1");
  assertEquals(enter("10.0.0.1"), "per_source_max_startups");
  assertEquals(enter("10.0.0.2"), "in");
  // The one that was refused holds no place.
  assertEquals(admission.startupCount, 3);
  first.leave();
  assertEquals(enter("10.0.0.1"), "in");
});

Deno.test("Admission takes what threads count together for its own bounds", () => {
  const memory = SharedGate.allocate(2);
  const [one, other] = [0, 1].map((thread) => {
    // A view of its own, as each thread has.
    const gate = new SharedGate(memory);
    return setUp({ perSourceMaxStartups: 2, maxStartups: "3" }, undefined, {
      count: gate.countOf(thread),
      sources: gate.sourcesOf(thread),
    });
  });
  if (!one || !other) throw new Error("Two are needed");
  const first = one.ticket("10.0.0.1");
  other.ticket("10.0.0.1");
  assertEquals(one.enter("10.0.0.1"), "per_source_max_startups");
  assertEquals(other.enter("10.0.0.1"), "per_source_max_startups");
  assertEquals(other.enter("10.0.0.2"), "in");
  assertEquals(one.enter("10.0.0.3"), "max_startups");
  assertEquals([one, other].map((gate) => gate.admission.startupCount), [3, 3]);
  first.leave();
  assertEquals(other.enter("10.0.0.1"), "in");
});

Deno.test("Admission takes a network of IPv6 addresses for one source", () => {
  const { enter } = setUp({ perSourceMaxStartups: 1 });
  assertEquals(enter("2001:db8::1"), "in");
  assertEquals(enter("2001:db8::ffff:2"), "per_source_max_startups");
  assertEquals(enter("2001:db8:0:1::1"), "in");
});

Deno.test("Admission shuts out a source that fails, and no other", () => {
  const { state, enter, ticket, records } = setUp({
    perSourcePenalties: "yes",
  });
  for (let round = 0; round < 4; round++) {
    const connection = ticket("10.0.0.1");
    connection.punish("authfail");
    connection.leave();
  }
  assertEquals(enter("10.0.0.1"), "per_source_penalties");
  assertEquals(enter("10.0.0.2"), "in");
  assertEquals(
    records.map(({ msg, source, reason }) => [msg, source, reason]),
    [
      ["penalty: source is shut out", "10.0.0.1/32", "authfail"],
      ["connections refused before login", undefined, undefined],
    ],
  );
  state.nowMs = 20_000;
  assertEquals(enter("10.0.0.1"), "in");
});

Deno.test("Admission holds nothing against exempt addresses", () => {
  const { enter, ticket } = setUp({
    perSourcePenalties: "yes",
    perSourceMaxStartups: 5,
    perSourceExempt: ["10.0.0.0/8", "192.0.2.1"],
  });
  for (const address of ["10.0.0.1", "192.0.2.1"]) {
    for (let round = 0; round < 50; round++) ticket(address).punish("crash");
    assertEquals(enter(address), "in");
  }
});

Deno.test("Admission holds nothing against the sender of PROXY headers", () => {
  const { admission, enter, ticket } = setUp({
    perSourcePenalties: "yes",
    perSourceMaxStartups: 5,
  });
  admission.noteBalancer("192.0.2.7");
  for (let round = 0; round < 50; round++) ticket("192.0.2.7").punish("crash");
  assertEquals(enter("192.0.2.7"), "in");
});

Deno.test("Admission remembers a bounded number of balancers", () => {
  const { admission, ticket, enter } = setUp({ perSourcePenalties: "yes" });
  admission.noteBalancer("192.0.2.7");
  for (let round = 0; round < 2_000; round++) {
    admission.noteBalancer(`10.0.${round >> 8}.${round & 255}`);
  }
  ticket("192.0.2.7").punish("crash");
  assertEquals(enter("192.0.2.7"), "per_source_penalties");
});

Deno.test("Admission tells other threads of a balancer once", () => {
  const peers: string[] = [];
  const { admission } = setUp({}, undefined, {
    onBalancer: (peer) => peers.push(peer),
  });
  admission.noteBalancer("192.0.2.7");
  admission.noteBalancer("192.0.2.7");
  // What it was told itself it does not pass on.
  admission.learnBalancer("192.0.2.8");
  admission.noteBalancer("192.0.2.8");
  assertEquals(peers, ["192.0.2.7"]);
});

Deno.test("Admission takes new settings without forgetting who is in", () => {
  const { admission, enter, ticket } = setUp({ maxStartups: "1" });
  ticket("10.0.0.1");
  assertEquals(enter("10.0.0.2"), "max_startups");
  const { sshd } = makeConfig({ maxStartups: "2" });
  admission.update(readAdmissionSettings(sshd));
  assertEquals(enter("10.0.0.2"), "in");
  assertEquals(enter("10.0.0.2"), "max_startups");
});

Deno.test("Admission tells of refusals in one record for many", () => {
  const { state, enter, records } = setUp({ maxStartups: "1" });
  enter("10.0.0.1");
  for (let round = 0; round < 1_000; round++) enter("10.0.0.1");
  assertEquals(records.length, 1);
  state.nowMs = 10_000;
  enter("10.0.0.1");
  assertEquals(records.map(({ count }) => count), [1, 1_000]);
  assertEquals(records[1]?.["setting"], "sshd.max_startups");
});

Deno.test("readAdmissionSettings() names the list with a bad entry", () => {
  const { sshd } = makeConfig({ perSourceExempt: ["10.0.0.0/40"] });
  assertThrows(
    () => readAdmissionSettings(sshd),
    Error,
    'sshd.per_source_exempt: given string "10.0.0.0/40" is not a valid IP range',
  );
});
