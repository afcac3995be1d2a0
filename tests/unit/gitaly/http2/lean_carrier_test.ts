import { assertEquals } from "@std/assert";
import type { GrpcConnectOptions } from "../../../../src/gitaly/grpc_call.ts";
import { LEAN_CARRIER } from "../../../../src/gitaly/http2/lean_carrier.ts";
import {
  bytesOf,
  FakeHttp2Server,
  frame,
  join,
  settings,
  TYPE,
  uint32,
} from "../../../support/fake_http2_server.ts";
import { BIDI } from "../../../support/lean_pair.ts";

const OPTIONS: GrpcConnectOptions = {
  authority: "pings.example",
  scheme: "http",
  keepaliveTimeMs: 20,
  keepaliveTimeoutMs: 20_000,
};

/** Connects and tells how long the server was silent before the first PING. */
async function silenceMs(options: GrpcConnectOptions): Promise<number> {
  const server = new FakeHttp2Server();
  const startMs = performance.now();
  const connection = LEAN_CARRIER.connect(server, options);
  await server.next(TYPE.ping);
  connection.close();
  return performance.now() - startMs;
}

Deno.test("gitaly.md 9.2: too_many_pings doubles the time between pings of later connections", async () => {
  const server = new FakeHttp2Server();
  const connection = LEAN_CARRIER.connect(server, OPTIONS);
  const call = connection.startCall(BIDI);
  server.send(
    settings(),
    frame(
      [TYPE.goaway, 0],
      0,
      join(uint32(0), uint32(11), bytesOf("too_many_pings")),
    ),
  );
  assertEquals((await call.status).isUnprocessed, true);
  await connection.closed;
  assertEquals(await silenceMs(OPTIONS) >= 39, true);
});
