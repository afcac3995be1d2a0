import { assertEquals, assertThrows } from "@std/assert";
import { SYSTEM_CLOCK } from "../../../src/core/host.ts";
import { Logger } from "../../../src/core/log.ts";
import { acceptAll, openListener } from "../../../src/ssh/listener.ts";

Deno.test("sshd.md case 10: openListener() names an address that is taken", () => {
  using first = openListener({ hostname: "127.0.0.1", port: 0 });
  const { port } = first.addr;
  assertThrows(
    () => openListener({ hostname: "127.0.0.1", port }),
    Error,
    `listen tcp 127.0.0.1:${port}: bind: address already in use`,
  );
});

Deno.test("openListener() without a host takes both families", async () => {
  using listener = openListener({ hostname: "", port: 0 });
  const { port } = listener.addr;
  const accepted = listener.accept();
  using _client = await Deno.connect({ hostname: "127.0.0.1", port });
  using _server = await accepted;
});

Deno.test("acceptAll() pauses longer each time while accepting fails", async () => {
  const abort = new AbortController();
  const pauses: number[] = [];
  const lines: string[] = [];
  using listener = openListener({ hostname: "127.0.0.1", port: 0 });
  listener.accept = () => Promise.reject(new Error("Too many open files"));
  await acceptAll(listener, () => {}, {
    log: new Logger({
      sink: { writeLine: (line) => lines.push(new TextDecoder().decode(line)) },
      clock: SYSTEM_CLOCK,
      threshold: 0,
      format: "json",
    }),
    clock: {
      ...SYSTEM_CLOCK,
      sleep(timeoutMs) {
        pauses.push(timeoutMs);
        if (pauses.length === 10) abort.abort();
        return Promise.resolve();
      },
    },
    signal: abort.signal,
  });
  assertEquals(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1_000, 1_000]);
  assertEquals(lines.length, 10);
  assertEquals(JSON.parse(lines[0] ?? "").msg, "Failed to accept connection");
});
