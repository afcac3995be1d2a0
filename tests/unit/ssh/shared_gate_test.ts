import { assert, assertEquals, assertThrows } from "@std/assert";
import { SharedGate } from "../../../src/ssh/shared_gate.ts";

const MANY = 20_000;

/** Views of the same memory, as threads have them. */
function openGates(threads: number): SharedGate[] {
  const memory = SharedGate.allocate(threads);
  return Array.from({ length: threads }, () => new SharedGate(memory));
}

Deno.test("SharedGate.countOf() tells how many there were in all threads", () => {
  const [one, other] = openGates(2).map((gate, at) => gate.countOf(at));
  assertEquals([one?.enter(), other?.enter(), one?.enter()], [0, 1, 2]);
  other?.leave();
  assertEquals([one?.value, other?.value], [2, 2]);
});

Deno.test("SharedGate.sourcesOf() bounds a source over all threads, and no other", () => {
  const sources = openGates(3).map((gate, at) => gate.sourcesOf(at));
  const places = sources.map((each) => each.enter("10.0.0.1/32", 3));
  assert(places.every((leave) => leave !== undefined));
  for (const each of sources) {
    assertEquals(each.enter("10.0.0.1/32", 3), undefined);
    assert(each.enter("10.0.0.2/32", 3));
  }
  places[1]?.();
  assert(sources[2]?.enter("10.0.0.1/32", 3));
  assertEquals(sources[1]?.enter("10.0.0.1/32", 3), undefined);
});

Deno.test("SharedGate.forget() gives back what one thread held, and only that", () => {
  const gates = openGates(2);
  const counts = gates.map((gate, at) => gate.countOf(at));
  const sources = gates.map((gate, at) => gate.sourcesOf(at));
  for (let round = 0; round < 5; round++) {
    for (const at of [0, 1]) {
      counts[at]?.enter();
      assert(sources[at]?.enter("a", 10));
    }
  }
  gates[0]?.forget(1);
  assertEquals(counts[0]?.value, 5);
  for (let round = 0; round < 5; round++) assert(sources[1]?.enter("a", 10));
  assertEquals(sources[0]?.enter("a", 10), undefined);
});

Deno.test("SharedGate.sourcesOf() uses places again", () => {
  const [gate] = openGates(1);
  const sources = gate?.sourcesOf(0);
  for (let round = 0; round < MANY; round++) {
    const leave = sources?.enter(`10.${round}`, 1);
    if (!leave) throw new Error(`No place in round ${round}`);
    assertEquals(sources?.enter(`10.${round}`, 1), undefined);
    leave();
  }
});

Deno.test("SharedGate.sourcesOf() still bounds sources when there are more than it has room for", () => {
  const [gate] = openGates(2);
  const sources = gate?.sourcesOf(0);
  const leaving: (() => void)[] = [];
  for (let at = 0; at < MANY; at++) {
    const leave = sources?.enter(`10.${at}`, 1);
    if (!leave) throw new Error(`No place for source ${at}`);
    leaving.push(leave);
  }
  for (let at = 0; at < MANY; at++) {
    assertEquals(sources?.enter(`10.${at}`, 1), undefined);
  }
  for (const leave of leaving) leave();
  for (let at = 0; at < MANY; at++) assert(sources?.enter(`10.${at}`, 1));
});

Deno.test("SharedGate refuses a thread that it has no room for", () => {
  const [gate] = openGates(2);
  for (const thread of [-1, 2, NaN]) {
    assertThrows(() => gate?.countOf(thread), RangeError);
  }
});

/** Takes a place as often as it can and lets go again; counts the excess. */
const RACER = `
import { SharedGate } from ${
  JSON.stringify(
    new URL("../../../src/ssh/shared_gate.ts", import.meta.url).href,
  )
};
self.onmessage = ({ data: { memory, thread, inside } }) => {
  const sources = new SharedGate(memory).sourcesOf(thread);
  const words = new Int32Array(inside);
  let most = 0, taken = 0;
  for (let round = 0; round < 30_000; round++) {
    const leave = sources.enter("a", 1);
    if (!leave) continue;
    taken++;
    most = Math.max(most, Atomics.add(words, 0, 1) + 1);
    Atomics.sub(words, 0, 1);
    leave();
  }
  self.postMessage({ most, taken });
};
`;

Deno.test("SharedGate.sourcesOf() never lets threads that race have more than the bound", async () => {
  const memory = SharedGate.allocate(2);
  const inside = new SharedArrayBuffer(4);
  const url = URL.createObjectURL(
    new Blob([RACER], { type: "text/javascript" }),
  );
  const results = await Promise.all([0, 1].map(async (thread) => {
    const worker = new Worker(url, { type: "module" });
    const done = Promise.withResolvers<{ most: number; taken: number }>();
    worker.onmessage = ({ data }) => done.resolve(data);
    worker.onerror = (event) => done.reject(event.error ?? event.message);
    worker.postMessage({ memory, thread, inside });
    const result = await done.promise;
    worker.terminate();
    return result;
  }));
  URL.revokeObjectURL(url);
  for (const { most, taken } of results) {
    assertEquals(most, 1);
    assert(taken > 0);
  }
});
