import { assert, assertEquals } from "@std/assert";
import { onKeyExchange } from "../../../../src/ssh/patch/key_exchange_hook.ts";
import type { Ssh2Protocol } from "../../../../src/ssh/ssh2_types.ts";
import { runSsh, startFixture } from "../ssh_fixture.ts";

Deno.test("onKeyExchange() tells of each exchange once, before it is used", () => {
  const protocol = { _kex: undefined } as unknown as Ssh2Protocol;
  const told: unknown[] = [];
  onKeyExchange(protocol, (exchange) => {
    told.push(exchange);
    assert(protocol._kex !== exchange, "not yet in its place");
  });
  const first = { type: "ecdh" } as never;
  const second = { type: "group" } as never;
  protocol._kex = first;
  protocol._kex = first;
  protocol._kex = second;
  protocol._kex = undefined;
  assertEquals(told, [first, second]);
});

Deno.test("the ground: ssh2 makes an exchange of its own for every rekey", async () => {
  const bytes = new Uint8Array(1_000_000);
  await using fixture = await startFixture({
    handle: async (_start, { io }) => {
      for (let round = 0; round < 8; round++) await io.stdout.write(bytes);
      return { exitStatus: 0 };
    },
  });
  // P-521 works through the hook alone, so a rekey that it did not hear of
  // would end the connection.
  const run = await runSsh(fixture, ["x"], {
    options: [
      "-o",
      "KexAlgorithms=ecdh-sha2-nistp521",
      "-o",
      "RekeyLimit=1M",
      "-v",
    ],
  });
  assertEquals([run.code, run.stdout.length], [0, 8_000_000]);
  const exchanges = run.stderr.split("SSH2_MSG_KEXINIT received").length - 1;
  assert(exchanges >= 5, `${exchanges} exchanges`);
});
