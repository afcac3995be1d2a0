/**
 * The carrier that lets @grpc/grpc-js speak HTTP/2. It takes 40 to 70 ms to
 * load, so only long-lived programs and tests may import this file, late.
 *
 * grpc-js wants to open its sockets itself. The place where it would add TLS
 * is used to hand it our pipe instead, and the socket that it did open leads
 * to a listener of our own, is of no use, and is closed at once.
 * Source: grpc-js 1.14.7, ChannelCredentials and Http2SubchannelConnector.
 * @module
 */
import {
  CallCredentials,
  ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  connectivityState,
  Metadata,
  type StatusObject,
} from "@grpc/grpc-js";
import type { Socket } from "node:net";
import type { ByteDuplex } from "../core/io.ts";
import type {
  GrpcCall,
  GrpcCallStart,
  GrpcCarrier,
  GrpcConnection,
  GrpcConnectOptions,
  GrpcStatus,
} from "./grpc_call.ts";
import { NodeDuplex } from "./grpc_js_duplex.ts";

const WINDOW_BYTES = 8 * 1024 * 1024;
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;
const UNAVAILABLE = 14;

/** The carrier. */
export const GRPC_JS_CARRIER: GrpcCarrier = {
  name: "grpc-js",
  connect: (duplex, options) => new GrpcJsConnection(duplex, options),
};

type SecureConnector = ReturnType<ChannelCredentials["_createSecureConnector"]>;

/** Hands our pipe to grpc-js in the place of a socket. */
class PipeCredentials extends ChannelCredentials {
  readonly #pipe: NodeDuplex;
  readonly #isSecureScheme: boolean;
  readonly #onConnect: () => void;

  constructor(
    pipe: NodeDuplex,
    { scheme }: GrpcConnectOptions,
    onConnect: () => void,
  ) {
    super();
    this.#pipe = pipe;
    this.#isSecureScheme = scheme === "https";
    this.#onConnect = onConnect;
  }

  override _isSecure(): boolean {
    return this.#isSecureScheme;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(): SecureConnector {
    return {
      connect: (socket: Socket) => {
        socket.destroy();
        this.#onConnect();
        const secure = this.#isSecureScheme;
        // The type says socket; the HTTP/2 code takes any duplex.
        return Promise.resolve({
          socket: this.#pipe as unknown as Socket,
          secure,
        });
      },
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => CallCredentials.createEmpty(),
      destroy: () => {},
    };
  }
}

class GrpcJsConnection implements GrpcConnection {
  readonly closed: Promise<void>;
  readonly #pipe: NodeDuplex;
  readonly #client: Client;
  readonly #door = new Door();
  #isClosed = false;

  constructor(duplex: ByteDuplex, options: GrpcConnectOptions) {
    this.#pipe = new NodeDuplex(duplex);
    this.closed = new Promise((resolve) => {
      this.#pipe.once("close", resolve);
    }).then(() => this.close());
    // The call says what happened; without a listener Node would throw.
    this.#pipe.on("error", () => {});
    const credentials = new PipeCredentials(
      this.#pipe,
      options,
      () => this.#door.close(),
    );
    this.#client = new Client(
      `127.0.0.1:${this.#door.port}`,
      credentials,
      channelOptions(options),
    );
  }

  get isUsable(): boolean {
    if (this.#isClosed) return false;
    // After GOAWAY the channel has no connection and would open one.
    const state = this.#client.getChannel().getConnectivityState(false);
    return !this.sawSettings || state === connectivityState.READY ||
      state === connectivityState.CONNECTING;
  }

  get sawSettings(): boolean {
    return this.#pipe.hasReceived;
  }

  startCall(start: GrpcCallStart): GrpcCall {
    return new GrpcJsCall(this.#client, start);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#door.close();
    this.#client.close();
    this.#pipe.destroy();
  }
}

/** Where grpc-js connects to before it is given our pipe. */
class Door {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #visitors: Deno.Conn[] = [];
  #isClosed = false;

  constructor() {
    void this.#accept();
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener.close();
    for (const visitor of this.#visitors) visitor.close();
  }

  async #accept(): Promise<void> {
    for await (const visitor of this.#listener) {
      if (this.#isClosed) visitor.close();
      else this.#visitors.push(visitor);
    }
  }
}

function channelOptions(options: GrpcConnectOptions): ChannelOptions {
  return {
    "grpc.default_authority": options.authority,
    "grpc.keepalive_time_ms": options.keepaliveTimeMs,
    "grpc.keepalive_timeout_ms": options.keepaliveTimeoutMs,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.service_config_disable_resolution": 1,
    "grpc.enable_http_proxy": 0,
    "grpc.enable_retries": 0,
    "grpc.enable_channelz": 0,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
    "grpc-node.flow_control_window": WINDOW_BYTES,
  };
}

class GrpcJsCall implements GrpcCall {
  readonly status: Promise<GrpcStatus>;
  readonly #stream: ClientDuplexStream<Uint8Array, Uint8Array>;
  #hadHeaders = false;
  #hasEnded = false;
  #wakeReceiver: (() => void) | undefined;
  #removeAbort: () => void = () => {};

  constructor(client: Client, start: GrpcCallStart) {
    const metadata = new Metadata();
    for (const [name, value] of start.metadata) {
      metadata.add(name, name.endsWith("-bin") ? Buffer.from(value) : value);
    }
    this.#stream = client.makeBidiStreamRequest(
      start.path,
      (message: Uint8Array) => Buffer.from(message),
      (bytes: Buffer) => bytes,
      metadata,
    );
    const stream = this.#stream;
    stream.on("metadata", () => {
      this.#hadHeaders = true;
    });
    const wake = () => this.#wakeReceiver?.();
    stream.on("readable", wake);
    stream.on("end", wake);
    stream.on("error", wake);
    this.status = new Promise((resolve) => {
      stream.once("status", (status: StatusObject) => {
        this.#hasEnded = true;
        this.#removeAbort();
        resolve(this.#translate(status));
        wake();
      });
    });
    this.#watch(start.signal);
  }

  async send(message: Uint8Array): Promise<void> {
    if (this.#hasEnded) return;
    await Promise.race([
      new Promise<void>((resolve) => {
        this.#stream.write(message, () => resolve());
      }),
      this.status,
    ]);
  }

  closeSend(): Promise<void> {
    this.#stream.end();
    return Promise.resolve();
  }

  async receive(): Promise<Uint8Array | null> {
    for (;;) {
      const message = this.#stream.read() as Uint8Array | null;
      if (message !== null) return message;
      if (this.#hasEnded || this.#stream.readableEnded) return null;
      await new Promise<void>((resolve) => {
        this.#wakeReceiver = resolve;
      });
    }
  }

  cancel(): void {
    this.#stream.cancel();
  }

  #watch(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const abort = () => this.cancel();
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    this.#removeAbort = () => signal.removeEventListener("abort", abort);
  }

  #translate({ code, details, metadata }: StatusObject): GrpcStatus {
    const [detailsBin] = metadata.get("grpc-status-details-bin");
    const [pushback] = metadata.get("grpc-retry-pushback-ms");
    return {
      code,
      message: details,
      detailsBin: detailsBin instanceof Uint8Array ? detailsBin : undefined,
      isUnprocessed: code === UNAVAILABLE && !this.#hadHeaders &&
        /^Stream refused|^No connection established/.test(details),
      hadResponseHeaders: this.#hadHeaders,
      retryPushback: pushback === undefined ? undefined : String(pushback),
    };
  }
}
