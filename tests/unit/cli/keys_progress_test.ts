import { assertEquals } from "@std/assert";
import { Progress } from "../../../src/cli/keys_progress.ts";
import { FakeClock } from "../../support/fake_host.ts";

function show(
  options: {
    isTerminal?: boolean;
    isShown?: boolean;
    totalBytes?: number;
    totalKeys?: number;
  },
  steps: readonly (readonly [ms: number, keys: number, bytes: number])[],
): string[] {
  const printed: string[] = [];
  const clock = new FakeClock(0);
  const progress = new Progress({
    clock,
    command: "rebuild",
    isTerminal: options.isTerminal ?? false,
    isShown: options.isShown ?? true,
    totalBytes: options.totalBytes,
    totalKeys: options.totalKeys,
    print: (text) => void printed.push(text),
  });
  for (const [ms, keys, bytes] of steps) {
    clock.advance(ms);
    progress.update(keys, bytes);
  }
  progress.finish();
  return printed;
}

Deno.test("Progress draws on a terminal ten times a second at most", () => {
  const steps = [...Array(100).keys()].map((at) => [50, at * 10, at] as const);
  const drawn = show({ isTerminal: true, totalKeys: 1_000 }, steps);
  assertEquals(drawn.length, 51);
  assertEquals(
    drawn[24],
    "\r\x1b[K[###########.............]  49%  490 keys, 196/s, 2.5 s",
  );
  assertEquals(drawn.at(-1), "\r\x1b[K");
});

Deno.test("Progress knows the part from bytes, or says none", () => {
  assertEquals(
    show({ isTerminal: true, totalBytes: 1_000 }, [[200, 5, 250]])[0],
    "\r\x1b[K[######..................]  25%  5 keys, 25/s, 0.2 s",
  );
  assertEquals(
    show({ isTerminal: true }, [[200, 5, 250]])[0],
    "\r\x1b[K5 keys, 25/s, 0.2 s",
  );
});

Deno.test("Progress prints a plain line every ten seconds elsewhere", () => {
  const steps = [[5_000, 1, 1], [5_000, 2_000, 2], [9_999, 3, 3], [
    1,
    4_000,
    4,
  ]] as const;
  assertEquals(show({}, steps), [
    "gitlab-keys: rebuild: 2000 keys, 200/s, 10.0 s\n",
    "gitlab-keys: rebuild: 4000 keys, 200/s, 20.0 s\n",
  ]);
  assertEquals(show({ isShown: false }, steps), []);
});
