import { assert, assertEquals } from "@std/assert";
import { Deadline, isTimeout } from "../../../src/core/deadline.ts";

function aborted(signal: AbortSignal): Promise<unknown> {
  if (signal.aborted) return Promise.resolve(signal.reason);
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(signal.reason), {
      once: true,
    });
  });
}

Deno.test("Deadline aborts with a TimeoutError when its time has passed", async () => {
  const startMs = performance.now();
  using deadline = new Deadline(20);
  const reason = await aborted(deadline.signal);
  assert(isTimeout(reason));
  assert(performance.now() - startMs >= 19);
});

Deno.test("Deadline aborts at once when there is no time", async () => {
  using deadline = new Deadline(0);
  assert(isTimeout(await aborted(deadline.signal)));
});

Deno.test("Deadline passes its parent's reason on", async () => {
  const parent = new AbortController();
  using deadline = new Deadline(60_000, parent.signal);
  const reason = new Error("client has gone");
  parent.abort(reason);
  assertEquals(await aborted(deadline.signal), reason);
  assert(!isTimeout(reason));
});

Deno.test("Deadline follows a parent that has aborted already", () => {
  const reason = new Error("client has gone");
  using deadline = new Deadline(60_000, AbortSignal.abort(reason));
  assertEquals(deadline.signal.reason, reason);
});

Deno.test("Deadline that was disposed of neither fires nor follows", async () => {
  const parent = new AbortController();
  const deadline = new Deadline(10, parent.signal);
  deadline[Symbol.dispose]();
  parent.abort(new Error("client has gone"));
  using later = new Deadline(30);
  await aborted(later.signal);
  assertEquals(deadline.signal.aborted, false);
});

Deno.test("Deadline that is late fires once it watches, and no later", async () => {
  using deadline = new Deadline(20, undefined, { isLate: true });
  using other = new Deadline(40);
  await aborted(other.signal);
  assertEquals(deadline.signal.aborted, false);
  let calls = 0;
  deadline.watch(() => calls++);
  // A deadline of this kind keeps no test alive.
  using alive = new Deadline(1_000);
  const startMs = performance.now();
  assert(isTimeout(
    await Promise.race([deadline, alive]
      .map(({ signal }) => aborted(signal))),
  ));
  assertEquals([deadline.signal.aborted, calls], [true, 1]);
  assert(performance.now() - startMs < 500, "the time counts from the start");
});

Deno.test("Deadline that is late sees what its parent did before", () => {
  const parent = new AbortController();
  using deadline = new Deadline(60_000, parent.signal, { isLate: true });
  const reason = new Error("client has gone");
  parent.abort(reason);
  assertEquals(deadline.signal.aborted, false);
  deadline.watch();
  assertEquals(deadline.signal.reason, reason);
});

Deno.test("Deadline calls who watches it when it aborts, or has aborted", () => {
  const parent = new AbortController();
  using deadline = new Deadline(60_000, parent.signal, { isLate: true });
  const calls: string[] = [];
  deadline.watch(() => calls.push("watching"));
  assertEquals(calls, []);
  parent.abort(new Error("client has gone"));
  assertEquals(calls, ["watching"]);
  deadline.watch(() => calls.push("late"));
  assertEquals(calls, ["watching", "late"]);
});

Deno.test("Deadline that was disposed of watches no more", () => {
  const deadline = new Deadline(0, undefined, { isLate: true });
  deadline[Symbol.dispose]();
  deadline.watch();
  assertEquals(deadline.signal.aborted, false);
});

Deno.test("Deadline takes a time without end", () => {
  using deadline = new Deadline(Infinity);
  assertEquals(deadline.signal.aborted, false);
});

Deno.test("isTimeout() is false for any other reason", () => {
  assert(isTimeout(new DOMException("late", "TimeoutError")));
  assert(!isTimeout(new DOMException("stop", "AbortError")));
  assert(!isTimeout(new Error("TimeoutError")));
  assert(!isTimeout(undefined));
});
