/**
 * The carrier that runs on @grpc/grpc-js.
 * @module
 */
import { Buffer } from "node:buffer";
import {
  type handleBidiStreamingCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import type { ByteDuplex } from "../../core/io.ts";
import type {
  CarrierConnection,
  CarrierEvents,
  IncomingCall,
  ServerCarrier,
} from "./carrier.ts";
import { toNodeDuplex } from "./node_duplex.ts";
import type { StatusError } from "./status.ts";

type Stream = ServerDuplexStream<Buffer, Buffer>;

const SERVER_OPTIONS = {
  // One server per connection: nobody looks at the statistics of each.
  "grpc.enable_channelz": 0,
  "grpc.keepalive_time_ms": 300_000,
  "grpc.keepalive_timeout_ms": 20_000,
};
const DETAILS_KEY = "grpc-status-details-bin";
const asIs = (bytes: Buffer): Buffer => bytes;

/** The carrier. A server of its own for each connection tells calls apart. */
export const GRPC_JS_CARRIER: ServerCarrier = {
  serve: (duplex, events) => new GrpcJsConnection(duplex, events),
};

class GrpcJsConnection implements CarrierConnection {
  readonly #server = new Server(SERVER_OPTIONS);
  readonly #injector: ReturnType<Server["createConnectionInjector"]>;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(duplex: ByteDuplex, events: CarrierEvents) {
    const handle: handleBidiStreamingCall<Buffer, Buffer> = (stream) =>
      events.onCall(new GrpcJsCall(stream));
    this.#server.addService(
      describe(events.paths),
      Object.fromEntries(events.paths.map((path) => [path, handle])),
    );
    const credentials = ServerCredentials.createInsecure();
    this.#injector = this.#server.createConnectionInjector(credentials);
    const node = toNodeDuplex(duplex);
    // Failures end in "close"; without a listener they would end the process.
    node.on("error", () => {}).on("close", () => events.onEnd());
    this.#injector.injectConnection(node);
  }

  drain(graceMs: number): void {
    // Sends GOAWAY and waits. The injector's own drain does the same with a
    // timer that nobody can stop.
    this.#injector.destroy();
    this.#timer ??= setTimeout(() => this.close(), graceMs);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#injector.destroy();
    this.#server.forceShutdown();
  }
}

/** Every method as a stream of bytes: on the wire a unary call is one too. */
function describe(paths: readonly string[]): ServiceDefinition {
  return Object.fromEntries(paths.map((path) => [path, {
    path,
    requestStream: true,
    responseStream: true,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  }]));
}

class GrpcJsCall implements IncomingCall {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #stream: Stream;
  readonly #caller = new AbortController();
  readonly #failSends = new Set<(error: Error) => void>();
  #hasInputEnded = false;
  #isStopped = false;
  #isEnded = false;
  #wakeReader: (() => void) | undefined;

  constructor(stream: Stream) {
    this.#stream = stream;
    this.path = stream.getPath();
    this.metadata = readMetadata(stream.metadata);
    const endInput = () => {
      this.#hasInputEnded = true;
      this.#wakeReader?.();
    };
    stream.on("readable", () => this.#wakeReader?.());
    stream.on("end", endInput).on("error", endInput);
    stream.on("cancelled", () => {
      this.#caller.abort(new Error("call cancelled"));
      this.stop();
    });
  }

  get signal(): AbortSignal {
    return this.#caller.signal;
  }

  async receive(): Promise<Uint8Array | null> {
    for (;;) {
      const message: Buffer | null = this.#stream.read();
      if (message !== null) return message;
      if (this.#hasInputEnded) return null;
      await new Promise<void>((wake) => this.#wakeReader = wake);
    }
  }

  send(message: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isStopped) return reject(new Error("call has ended"));
      // grpc-js forgets the callback of a call that was cancelled meanwhile.
      this.#failSends.add(reject);
      const { buffer, byteOffset, length } = message;
      const bytes = Buffer.from(buffer, byteOffset, length);
      this.#stream.write(bytes, (error?: Error | null) => {
        this.#failSends.delete(reject);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  stop(): void {
    this.#isStopped = this.#hasInputEnded = true;
    for (const fail of this.#failSends) fail(new Error("call has ended"));
    this.#failSends.clear();
    this.#wakeReader?.();
  }

  end(status: StatusError | undefined): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.stop();
    if (this.signal.aborted) return;
    if (!status) return void this.#stream.end();
    const metadata = new Metadata();
    const { code, message, detailsBin } = status;
    if (detailsBin) metadata.set(DETAILS_KEY, Buffer.from(detailsBin));
    const error = new Error(message);
    const parts = { code, details: message, metadata };
    this.#stream.emit("error", Object.assign(error, parts));
  }
}

function readMetadata(metadata: Metadata): Record<string, string> {
  const names = Object.keys(metadata.getMap());
  return Object.fromEntries(
    names.map((name) => [name, metadata.get(name).map(String).join(", ")]),
  );
}
