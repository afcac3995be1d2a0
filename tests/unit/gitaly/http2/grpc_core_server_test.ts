/**
 * The lean carrier against gRPC's C++ core, in the form of Debian's package
 * python3-grpcio. Left out where the machine has none.
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import type {
  GrpcCall,
  GrpcCallStart,
  GrpcConnection,
} from "../../../../src/gitaly/grpc_call.ts";
import { LEAN_CARRIER } from "../../../../src/gitaly/http2/lean_carrier.ts";
import { SocketPipe } from "../../../../src/gitaly/socket.ts";
import { endOf, receiveAll } from "../../../support/lean_pair.ts";
import { makeTempDir } from "../../../support/temp_dir.ts";

const PYTHON = "/usr/bin/python3";
const SCRIPT =
  new URL("../../../support/grpc_core_server.py", import.meta.url).pathname;
const MESSAGE_BYTES = 131_072;
const bytesOf = (text: string) => new TextEncoder().encode(text);

const hasServer = (() => {
  try {
    return new Deno.Command(PYTHON, {
      args: ["-c", "import grpc"],
      stdout: "null",
      stderr: "null",
    }).outputSync().success;
  } catch {
    return false;
  }
})();

interface CoreServer {
  readonly connection: GrpcConnection;
  start(method: string, rest?: Partial<GrpcCallStart>): GrpcCall;
  /** Has the server refuse new calls, and end when the others have ended. */
  drain(): Promise<void>;
}

function testOnCore(
  name: string,
  run: (server: CoreServer) => Promise<void>,
): void {
  if (hasServer) {
    Deno.test(`gRPC's C++ core ${name}`, () => withServer(run));
  }
}

async function withServer(
  run: (server: CoreServer) => Promise<void>,
): Promise<void> {
  using folder = makeTempDir();
  const path = `${folder.path}/s`;
  const child = new Deno.Command(PYTHON, {
    args: [SCRIPT, path],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = child.stdout.getReader();
  const { value } = await lines.read();
  assertMatch(new TextDecoder().decode(value), /^serving/);
  const conn = await Deno.connect({ transport: "unix", path });
  const connection = LEAN_CARRIER.connect(new SocketPipe(conn), {
    authority: "localhost",
    scheme: "http",
    keepaliveTimeMs: 20_000,
    keepaliveTimeoutMs: 20_000,
  });
  let draining: Promise<void> | undefined;
  const drain = () => draining ??= child.stdin.close();
  try {
    await run({
      connection,
      drain,
      start: (method, rest) =>
        connection.startCall({
          path: `/test.Echo/${method}`,
          metadata: [],
          isUnary: false,
          ...rest,
        }),
    });
  } finally {
    connection.close();
    await connection.closed;
    await drain();
    await lines.cancel();
    await child.status;
  }
}

Deno.test({
  name: "gRPC's C++ core is here" +
    (hasServer ? "" : " (left out: no python3-grpcio)"),
  ignore: !hasServer,
  fn: () => withServer(() => Promise.resolve()),
});

testOnCore("answers unary calls of any size", async ({ start }) => {
  for (const size of [0, 1, 16_383, 65_536, 1_000_000, 4 * 1024 * 1024]) {
    const call = start("unary", { isUnary: true });
    await call.send(new Uint8Array(size).fill(size % 251));
    const answer = await call.receive();
    assertEquals(answer?.length, size);
    assertEquals(answer?.every((byte) => byte === size % 251), true);
    assertEquals(await call.receive(), null);
    assertEquals(await endOf(call), "0 ");
  }
});

testOnCore("sends more than a message may have", async ({ start }) => {
  const call = start("unary", { isUnary: true });
  await call.send(new Uint8Array(4 * 1024 * 1024 + 1));
  assertEquals(await call.receive(), null);
  assertEquals(
    await endOf(call),
    "8 grpc: received message larger than max (4194305 vs. 4194304)",
  );
});

testOnCore("sends errors with details and any text", async ({ start }) => {
  for (const text of ["", "100% full", "zu voll: \u00fc\u20ac\n\tende"]) {
    const binary = String.fromCharCode(...bytesOf(text));
    const metadata = [["x-status", "8"], ["x-text-bin", binary]] as const;
    const call = start("unary", { isUnary: true, metadata });
    await call.send(bytesOf("x"));
    assertEquals(await call.receive(), null);
    const { code, message, detailsBin, retryPushback } = await call.status;
    assertEquals([code, message, detailsBin, retryPushback], [
      8,
      text,
      Uint8Array.of(8, 8, 0x12, 0),
      "7",
    ]);
  }
});

testOnCore("does not know a method", async ({ start }) => {
  const call = start("nonesuch", { isUnary: true });
  await call.send(bytesOf("x"));
  assertEquals((await call.status).code, 12);
});

testOnCore("streams 25 MiB to us", async ({ start }) => {
  const call = start("down");
  await call.send(new Uint8Array(200));
  await call.closeSend();
  for (let count = 0; count < 200; count++) {
    const message = await call.receive();
    assertEquals(message?.length, MESSAGE_BYTES);
    assertEquals(message?.every((byte) => byte === count), true);
  }
  assertEquals(await call.receive(), null);
  assertEquals(await endOf(call), "0 ");
});

testOnCore("takes a stream of 25 MiB", async ({ start }) => {
  const call = start("up");
  for (let count = 0; count < 200; count++) {
    await call.send(new Uint8Array(MESSAGE_BYTES));
  }
  await call.closeSend();
  assertEquals(await receiveAll(call), [String(200 * MESSAGE_BYTES)]);
  assertEquals(await endOf(call), "0 ");
});

testOnCore("echoes on twenty calls at once", async ({ start }) => {
  await Promise.all(Array.from({ length: 20 }, async (_, index) => {
    const call = start("both", { metadata: [["x-bin", "\0\xff"]] });
    for (let count = 0; count < 20; count++) {
      const text = `${index} ${count} ${"x".repeat(count * 997)}`;
      await call.send(bytesOf(text));
      const echo = await call.receive();
      assertEquals(echo && new TextDecoder().decode(echo), text);
    }
    await call.closeSend();
    assertEquals(await call.receive(), null);
    assertEquals(await endOf(call), "0 ");
  }));
});

testOnCore("survives calls that are cancelled", async ({ start }) => {
  for (let round = 0; round < 20; round++) {
    const control = new AbortController();
    const call = start("both", { signal: control.signal });
    await call.send(new Uint8Array(10_000));
    if (round % 2) await call.receive();
    control.abort();
    assertEquals(await endOf(call), "1 context canceled");
  }
  const call = start("unary", { isUnary: true });
  await call.send(bytesOf("still there"));
  assertEquals(await receiveAll(call), ["still there"]);
});

testOnCore("drains: a call goes on, a new one is not begun", async (server) => {
  const call = server.start("both");
  await call.send(bytesOf("before"));
  assertEquals(
    new TextDecoder().decode(await call.receive() ?? undefined),
    "before",
  );
  await server.drain();
  // Until GOAWAY is here the server itself cancels what we begin.
  let code = 0;
  for (let tries = 0; code !== 14 && tries < 1_000; tries++) {
    // A server that is kept busy with what it cancels may never get to it.
    await new Promise((resolve) => setTimeout(resolve, 10));
    const late = server.start("unary", { isUnary: true });
    await late.send(bytesOf("x")).catch(() => {});
    code = (await late.status).code;
  }
  assertEquals(code, 14);
  await call.send(bytesOf("after"));
  assertEquals(
    new TextDecoder().decode(await call.receive() ?? undefined),
    "after",
  );
  await call.closeSend();
  assertEquals(await call.receive(), null);
  assertEquals(await endOf(call), "0 ");
});
