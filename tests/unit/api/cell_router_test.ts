import { assertEquals } from "@std/assert";
import type { CellClaim } from "../../../src/api/cell_claim.ts";
import {
  type CellClassification,
  CellRouter,
} from "../../../src/api/cell_router.ts";
import { GitalyError } from "../../../src/core/errors.ts";
import { Logger } from "../../../src/core/log.ts";
import { FakeClock } from "../../support/fake_host.ts";

type Reply = CellClassification | Error | "silence";

const CLAIM: CellClaim = { route: "group" };
const proxy = (address: string): Reply => ({ isProxied: true, address });
const status = (code: number) => new GitalyError(code, "said so");

/** Asks a router whose service answers like this, the last one for ever. */
async function ask(
  replies: readonly Reply[],
  { signal, timeoutMs = 5_000 }: { signal?: AbortSignal; timeoutMs?: number } =
    {},
) {
  const clock = new FakeClock();
  const records: Record<string, unknown>[] = [];
  const claims: CellClaim[] = [];
  const attempts: boolean[] = [];
  const log = new Logger({
    sink: {
      writeLine(line) {
        const { time: _, ...record } = JSON.parse(
          new TextDecoder().decode(line),
        );
        records.push(record);
      },
    },
    clock,
    threshold: -4,
    format: "json",
  });
  const router = new CellRouter({
    service: {
      async classify(claim, call) {
        claims.push(claim);
        const reply = replies[Math.min(claims.length, replies.length) - 1];
        if (reply === "silence") {
          await new Promise((_, reject) => {
            const stop = () => reject(call.signal.reason);
            if (call.signal.aborted) stop();
            call.signal.addEventListener("abort", stop);
          });
        }
        if (reply instanceof Error) throw reply;
        return reply as CellClassification;
      },
      close: () => {},
    },
    timeoutMs,
    cellEndpoint: { scheme: "http", port: 8181 },
    clock,
    random: () => 0.5,
    onAttempt: (isOk) => attempts.push(isOk),
  });
  const base = await router.route(CLAIM, {
    log,
    correlationId: "id",
    signal,
  });
  return { base, records, claims, attempts, sleepsMs: clock.sleepsMs };
}

Deno.test("internal-api.md case 115: a cell is dialled by itself", async () => {
  const { base, records } = await ask([proxy("cell-7:1")]);
  assertEquals(base, { url: "http://cell-7:8181", socketPath: undefined });
  assertEquals(records, [{
    level: "DEBUG",
    msg: "Topology Service resolved cell address",
    cell_address: "http://cell-7:8181",
  }]);
});

Deno.test("internal-api.md case 116: NotFound is final", async () => {
  const { base, claims, records } = await ask([status(5)]);
  assertEquals([base, claims.length], [undefined, 1]);
  assertEquals(records, [{
    level: "WARN",
    msg: "Topology Service classify failed after retries, " +
      "falling back to default host",
    max_attempts: 3,
    error_message: "rpc error: code = NotFound desc = said so",
  }]);
});

Deno.test("internal-api.md case 117: three questions, then the default host", async () => {
  const { base, claims, sleepsMs, records } = await ask([status(14)]);
  assertEquals([base, claims.length], [undefined, 3]);
  assertEquals(sleepsMs, [50, 75]);
  assertEquals(records.map(({ level }) => level), ["INFO", "INFO", "WARN"]);
  assertEquals(records[0]?.["retry_in_s"], 0.05);
});

Deno.test("internal-api.md case 118: a second question may be answered", async () => {
  const { base, claims, attempts } = await ask([
    new Error("no way"),
    proxy("cell-1"),
  ]);
  assertEquals([base?.url, claims.length], ["http://cell-1:8181", 2]);
  // internal-api.md 6.5: each attempt is counted.
  assertEquals(attempts, [false, true]);
});

for (const code of [2, 4, 8, 10, 13, 14]) {
  Deno.test(`internal-api.md 6.5: status ${code} is asked again`, async () => {
    assertEquals((await ask([status(code)])).claims.length, 3);
  });
}
for (const code of [1, 3, 5, 7, 9, 12, 16]) {
  Deno.test(`internal-api.md 6.5: status ${code} is final`, async () => {
    assertEquals((await ask([status(code)])).claims.length, 1);
  });
}

const FALLBACKS = [
  ["an empty address", "", "WARN", "a PROXY action with an empty cell address"],
  ["a URL", "http://x", "WARN", "an unusable cell address"],
  ["IPv6", "[::1]:80", "WARN", "an unusable cell address"],
] as const;
for (const [name, address, level, text] of FALLBACKS) {
  Deno.test(`internal-api.md case 119: ${name} is no cell`, async () => {
    const { base, claims, records } = await ask([proxy(address)]);
    assertEquals([base, claims.length], [undefined, 1]);
    assertEquals(records[0]?.["level"], level);
    assertEquals(
      records[0]?.["msg"],
      `Topology Service returned ${text}, falling back to default host`,
    );
  });
}

Deno.test("internal-api.md 6.5: no cell at all is final", async () => {
  const { base, claims, records } = await ask([
    { isProxied: false, address: "cell-1" },
  ]);
  assertEquals([base, claims.length], [undefined, 1]);
  assertEquals(records[0]?.["level"], "DEBUG");
});

Deno.test("each question has its own deadline", async () => {
  const { base, claims } = await ask(["silence", proxy("cell-1")], {
    timeoutMs: 20,
  });
  assertEquals([base?.url, claims.length], ["http://cell-1:8181", 2]);
});

Deno.test("a call that is given up asks no more, and says nothing", async () => {
  const signal = AbortSignal.abort(new Error("client left"));
  const { base, claims, records } = await ask(["silence"], { signal });
  assertEquals([base, claims.length, records], [undefined, 1, []]);
});
