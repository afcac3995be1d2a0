/** The lean carrier against a server that knows nothing of it: grpc-js. */
import { assertEquals } from "@std/assert";
import {
  Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type StatusObject,
} from "@grpc/grpc-js";
import type {
  GrpcCall,
  GrpcCallStart,
} from "../../../../src/gitaly/grpc_call.ts";
import { LEAN_CARRIER } from "../../../../src/gitaly/http2/lean_carrier.ts";
import { SocketPipe } from "../../../../src/gitaly/socket.ts";
import { endOf, receiveAll } from "../../../support/lean_pair.ts";
import { makeTempDir } from "../../../support/temp_dir.ts";

const METHODS = ["unary", "down", "up", "both"] as const;
const MESSAGE_BYTES = 131_072;
const bytesOf = (text: string) => new TextEncoder().encode(text);

const HANDLERS = {
  /** Gives back the request, or the status that it asks for. */
  unary(call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) {
    const wanted = call.metadata.get("x-status")[0];
    if (wanted === undefined) return answer(null, call.request);
    const metadata = new Metadata();
    metadata.set("grpc-status-details-bin", Buffer.from([8, 8, 0x12, 0]));
    metadata.set("grpc-retry-pushback-ms", "7");
    const details = String(call.metadata.get("x-text")[0] ?? "");
    answer({ code: Number(wanted), details, metadata } as StatusObject);
  },
  /** Sends as many messages as the request has bytes. */
  async down(call: ServerWritableStream<Buffer, Buffer>) {
    for (let count = 0; count < call.request.length; count++) {
      const message = Buffer.alloc(MESSAGE_BYTES, count);
      if (call.write(message)) continue;
      await new Promise((resolve) => call.once("drain", resolve));
    }
    call.end();
  },
  /** Counts the bytes that come. */
  up(
    call: ServerReadableStream<Buffer, Buffer>,
    answer: sendUnaryData<Buffer>,
  ) {
    let size = 0;
    call.on("data", (message: Buffer) => size += message.length);
    call.on("end", () => answer(null, Buffer.from(String(size))));
  },
  /** Echoes, and says at the end how the caller ended. */
  both(call: ServerDuplexStream<Buffer, Buffer>) {
    call.sendMetadata(new Metadata());
    call.on("data", (message: Buffer) => call.write(message));
    call.on("end", () => call.end());
    call.on("cancelled", () => call.end());
  },
};

const passBytes = (bytes: Buffer) => bytes;

/** Runs `work` with a connection to a server. */
async function withServer(
  work: (
    start: (method: string, rest?: Partial<GrpcCallStart>) => GrpcCall,
  ) => Promise<void>,
): Promise<void> {
  using folder = makeTempDir();
  const path = `${folder.path}/s`;
  const server = new Server({ "grpc.enable_channelz": 0 });
  const methods = METHODS.map((name) => [name, {
    path: `/test.Echo/${name}`,
    requestStream: name === "up" || name === "both",
    responseStream: name === "down" || name === "both",
    requestSerialize: passBytes,
    requestDeserialize: passBytes,
    responseSerialize: passBytes,
    responseDeserialize: passBytes,
  }]);
  server.addService(Object.fromEntries(methods), HANDLERS);
  await new Promise((resolve, reject) =>
    server.bindAsync(
      `unix:${path}`,
      ServerCredentials.createInsecure(),
      (error, port) => error ? reject(error) : resolve(port),
    )
  );
  const conn = await Deno.connect({ transport: "unix", path });
  const connection = LEAN_CARRIER.connect(new SocketPipe(conn), {
    authority: "localhost",
    scheme: "http",
    keepaliveTimeMs: 20_000,
    keepaliveTimeoutMs: 20_000,
  });
  try {
    await work((method, rest) =>
      connection.startCall({
        path: `/test.Echo/${method}`,
        metadata: [],
        isUnary: false,
        ...rest,
      })
    );
  } finally {
    connection.close();
    await connection.closed;
    server.forceShutdown();
    // grpc-js lets go of its sockets in turns of their own.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

Deno.test("grpc-js answers a unary call", async () => {
  await withServer(async (start) => {
    for (const text of ["", "request", "x".repeat(1_000_000)]) {
      const call = start("unary", { isUnary: true });
      await call.send(bytesOf(text));
      assertEquals(await receiveAll(call), [text]);
      assertEquals(await endOf(call), "0 OK");
    }
  });
});

Deno.test("grpc-js takes a message of 4 MiB and sends it back", async () => {
  await withServer(async (start) => {
    const call = start("unary", { isUnary: true });
    await call.send(new Uint8Array(4 * 1024 * 1024));
    assertEquals((await call.receive())?.length, 4 * 1024 * 1024);
    assertEquals(await endOf(call), "0 OK");
  });
});

Deno.test("grpc-js sends errors with details, text beyond ASCII and a pushback", async () => {
  await withServer(async (start) => {
    const metadata = [["x-status", "8"], ["x-text", "100% full"]] as const;
    const call = start("unary", { isUnary: true, metadata });
    await call.send(bytesOf("x"));
    assertEquals(await call.receive(), null);
    assertEquals(await call.status, {
      code: 8,
      message: "100% full",
      detailsBin: Uint8Array.of(8, 8, 0x12, 0),
      isUnprocessed: false,
      hadResponseHeaders: false,
      retryPushback: "7",
    });
  });
});

Deno.test("grpc-js does not know a method", async () => {
  await withServer(async (start) => {
    const call = start("nonesuch", { isUnary: true });
    await call.send(bytesOf("x"));
    assertEquals((await call.status).code, 12);
  });
});

Deno.test("grpc-js sends a stream of large messages", async () => {
  await withServer(async (start) => {
    const call = start("down");
    await call.send(new Uint8Array(200));
    await call.closeSend();
    for (let count = 0; count < 200; count++) {
      const message = await call.receive();
      assertEquals(message?.length, MESSAGE_BYTES);
      assertEquals(message?.every((byte) => byte === count), true);
    }
    assertEquals(await call.receive(), null);
    assertEquals(await endOf(call), "0 OK");
  });
});

Deno.test("grpc-js takes a stream of large messages", async () => {
  await withServer(async (start) => {
    const call = start("up");
    for (let count = 0; count < 200; count++) {
      await call.send(new Uint8Array(MESSAGE_BYTES));
    }
    await call.closeSend();
    assertEquals(await receiveAll(call), [String(200 * MESSAGE_BYTES)]);
    assertEquals(await endOf(call), "0 OK");
  });
});

Deno.test("grpc-js echoes on twenty calls at once", async () => {
  await withServer(async (start) => {
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
      assertEquals(await endOf(call), "0 OK");
    }));
  });
});

Deno.test("grpc-js survives calls that are cancelled", async () => {
  await withServer(async (start) => {
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
});
