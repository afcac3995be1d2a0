import { assertEquals, assertRejects } from "@std/assert";
import { withDeadline } from "../../../src/ssh/deadline.ts";

const never = () => new Promise<never>(() => {});

Deno.test("withDeadline() returns what the operation returns", async () => {
  const { signal } = new AbortController();
  assertEquals(await withDeadline(1_000, signal, () => Promise.resolve(5)), 5);
});

Deno.test("withDeadline() gives up on an operation that takes no notice", async () => {
  const { signal } = new AbortController();
  let limited: AbortSignal | undefined;
  const error = await assertRejects(() =>
    withDeadline(1, signal, (inner) => {
      limited = inner;
      return never();
    }), DOMException);
  assertEquals(error.name, "TimeoutError");
  assertEquals(limited?.aborted, true);
});

Deno.test("withDeadline() passes an abort on with its reason", async () => {
  const abort = new AbortController();
  const running = withDeadline(60_000, abort.signal, never);
  abort.abort(new TypeError("stop"));
  await assertRejects(() => running, TypeError, "stop");
  await assertRejects(
    () => withDeadline(1, abort.signal, never),
    TypeError,
    "stop",
  );
});
