/**
 * gRPC clients for tests of the Gitaly stand-in: grpc-js on a plain
 * connection, and grpc-js on stream 1 of a raw yamux client.
 * @module
 */
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import {
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceDefinition,
  type StatusObject,
} from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import { GITALY_DESCRIPTOR } from "../../../../src/gitaly/gen/descriptor.ts";
import { RawYamuxClient } from "./raw_yamux_client.ts";

/** Fields of any request, in lowerCamelCase. */
export type RequestFields = Readonly<Record<string, unknown>>;

/** How a call ended, and what came before. */
export interface CallOutcome {
  readonly code: number;
  readonly details: string;
  readonly detailsBin: Uint8Array | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Last one that came, if any. */
  readonly exitStatus: number | undefined;
  /** Negotiation statistics, if any came. */
  readonly statistics: Readonly<Record<string, unknown>> | undefined;
}

/** A call under way. */
export interface OpenCall {
  readonly outcome: Promise<CallOutcome>;
  /** Sends `stdin`. */
  write(stdin: string | Uint8Array): void;
  halfClose(): void;
  cancel(): void;
}

interface ResponseFields {
  readonly stdout?: Uint8Array;
  readonly stderr?: Uint8Array;
  readonly exitStatus?: { readonly value: number } | null;
  readonly packfileNegotiationStatistics?: Record<string, unknown> | null;
}

const SERVICE = fromJSON(GITALY_DESCRIPTOR as Parameters<typeof fromJSON>[0], {
  longs: Number,
  defaults: true,
  bytes: Buffer,
})["gitaly.SSHService"] as ServiceDefinition;

const CHANNEL_OPTIONS = {
  "grpc.enable_retries": 0,
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_http_proxy": 0,
};

/** Metadata with Gitaly's token and whatever else. */
export function makeMetadata(
  token: string,
  extra: Readonly<Record<string, string>> = {},
): Metadata {
  const metadata = new Metadata();
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = createHmac("sha256", token).update(timestamp)
    .digest("hex");
  metadata.set("authorization", `Bearer v2.${signature}.${timestamp}`);
  for (const [name, value] of Object.entries(extra)) metadata.set(name, value);
  return metadata;
}

/** A client on a plain connection. */
export class PlainClient implements Disposable {
  readonly #client: Client;

  /** @param address `unix:/path` or `127.0.0.1:4000`. */
  constructor(address: string) {
    this.#client = new Client(
      address,
      credentials.createInsecure(),
      CHANNEL_OPTIONS,
    );
  }

  /** Starts a call and sends its first message. */
  start(
    method: string,
    request: RequestFields,
    metadata: Metadata,
  ): OpenCall {
    const { path, requestSerialize, responseDeserialize } = SERVICE[
      method
    ] as MethodDefinition<RequestFields, ResponseFields>;
    const call = this.#client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      metadata,
    );
    const outcome = collect(call);
    call.write(request);
    return {
      outcome,
      write: (stdin) => void call.write({ stdin: Buffer.from(stdin) }),
      halfClose: () => void call.end(),
      cancel: () => call.cancel(),
    };
  }

  /** Runs a call that sends `stdin` and then half-closes. */
  run(
    method: string,
    request: RequestFields,
    { metadata, stdin = "" }: { metadata: Metadata; stdin?: string },
  ): Promise<CallOutcome> {
    const call = this.start(method, request, metadata);
    if (stdin !== "") call.write(stdin);
    call.halfClose();
    return call.outcome;
  }

  /** Calls a method without known messages. */
  callRaw(path: string, request: Uint8Array): Promise<Uint8Array> {
    const asIs = (bytes: Buffer) => bytes;
    return new Promise((resolve, reject) =>
      this.#client.makeUnaryRequest(
        path,
        asIs,
        asIs,
        Buffer.from(request),
        (error, response) =>
          error ? reject(error) : resolve(response ?? Buffer.of()),
      )
    );
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

/** A client whose gRPC runs on stream 1 of a yamux session. */
export class MultiplexedClient implements AsyncDisposable {
  readonly yamux: RawYamuxClient;
  readonly grpc: PlainClient;
  readonly #listener: Deno.UnixListener;
  readonly #folder: string;
  readonly #pumps: Promise<unknown>[] = [];

  private constructor(
    yamux: RawYamuxClient,
    listener: Deno.UnixListener,
    folder: string,
  ) {
    this.yamux = yamux;
    this.#listener = listener;
    this.#folder = folder;
    this.grpc = new PlainClient(`unix:${folder}/relay`);
    this.#pumps.push(this.#relay());
  }

  /** @param path The server's unix socket. */
  static async connect(path: string): Promise<MultiplexedClient> {
    const folder = await Deno.makeTempDir();
    const listener = Deno.listen({
      transport: "unix",
      path: `${folder}/relay`,
    });
    const yamux = await RawYamuxClient.connect(path);
    await yamux.openStream(1);
    return new MultiplexedClient(yamux, listener, folder);
  }

  /**
   * Answers the next sidechannel.
   * @returns Number of its stream, and the id that it named.
   */
  async acceptSidechannel(
    streamId = 2,
    answer = "ok",
  ): Promise<{ streamId: number; id: bigint }> {
    const greeting = await this.yamux.take(streamId, 19);
    const magic = new TextDecoder().decode(greeting.subarray(0, 11));
    if (magic !== "sidechannel") throw new Error(`Unexpected magic ${magic}`);
    const id = new DataView(greeting.buffer, greeting.byteOffset + 11, 8)
      .getBigInt64(0);
    await this.yamux.send({ streamId }, new TextEncoder().encode(answer));
    return { streamId, id };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.grpc[Symbol.dispose]();
    this.yamux.close();
    this.#listener.close();
    await this.yamux.ended;
    await Promise.allSettled(this.#pumps);
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #relay(): Promise<void> {
    const conn = await this.#listener.accept();
    this.#pumps.push(this.#pumpIn(conn));
    const buffer = new Uint8Array(16_384);
    for (;;) {
      const sizeBytes = await conn.read(buffer).catch(() => null);
      if (sizeBytes === null) return this.yamux.close();
      const payload = buffer.slice(0, sizeBytes);
      await this.yamux.send({ streamId: 1 }, payload).catch(() => {});
    }
  }

  async #pumpIn(conn: Deno.Conn): Promise<void> {
    for (;;) {
      const bytes = await this.yamux.takeSome(1);
      if (bytes === null) break;
      for (let at = 0; at < bytes.length;) {
        at += await conn.write(bytes.subarray(at));
      }
      await this.yamux.grant(1, bytes.length).catch(() => {});
    }
    conn.close();
  }
}

function collect(
  call: ClientDuplexStream<RequestFields, ResponseFields>,
): Promise<CallOutcome> {
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const texts = { stdout: "", stderr: "" };
  let exitStatus: number | undefined;
  let statistics: Record<string, unknown> | undefined;
  call.on("data", (message: ResponseFields) => {
    for (const name of ["stdout", "stderr"] as const) {
      const bytes = message[name];
      if (bytes) texts[name] += decoders[name].decode(bytes, { stream: true });
    }
    if (message.exitStatus) exitStatus = message.exitStatus.value;
    statistics = message.packfileNegotiationStatistics ?? statistics;
  });
  // "status" tells all; an "error" without listener would end the test.
  call.on("error", () => {});
  return new Promise((resolve) =>
    call.on("status", ({ code, details, metadata }: StatusObject) => {
      const [bin] = metadata.get("grpc-status-details-bin");
      const detailsBin = bin instanceof Uint8Array ? bin : undefined;
      resolve({ code, details, detailsBin, ...texts, exitStatus, statistics });
    })
  );
}
