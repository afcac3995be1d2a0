/**
 * One connection to a Gitaly: gRPC on stream 1 of a yamux session, and the
 * streams that the server opens beside it. Servers before 13.11 know no yamux;
 * to them gRPC is spoken on the socket itself.
 * Source: Gitaly 18.9, backchannel and sidechannel; 20 s for everything up to
 * the server's first SETTINGS frame.
 * @module
 */
import type { ByteDuplex } from "../core/io.ts";
import { Timer } from "../core/timer.ts";
import type {
  GrpcCarrier,
  GrpcConnection,
  GrpcConnectOptions,
} from "./grpc_call.ts";
import { acceptServerStream } from "./server_stream.ts";
import type { SidechannelRegistry } from "./sidechannel_registry.ts";
import { type Socket, SocketPipe } from "./socket.ts";
import { type YamuxEnd, YamuxSession } from "./yamux_session.ts";

/** Tells a server that yamux follows. */
const MULTIPLEX_MAGIC = new TextEncoder().encode("backchannel");

/** What a connection is made with. */
export interface ConnectionSetup {
  readonly carrier: GrpcCarrier;
  readonly grpc: GrpcConnectOptions;
  readonly registry: SidechannelRegistry;
  /** `false` for servers that know no yamux. */
  readonly isMultiplexed: boolean;
  /** How long the server's first SETTINGS frame may take. */
  readonly settingsTimeoutMs: number;
}

/** A connection that stands, or stood. */
export class GitalyConnection {
  /** For calls. */
  readonly grpc: GrpcConnection;
  readonly isMultiplexed: boolean;
  /** Settles when the connection is gone. Never rejects. */
  readonly closed: Promise<void>;
  readonly #lower: { close(): void };
  readonly #settingsTimer = new Timer(() => this.#checkSettings());
  #sessionEnd: YamuxEnd | undefined;
  #timedOut = false;

  constructor(socket: Socket, setup: ConnectionSetup) {
    this.isMultiplexed = setup.isMultiplexed;
    let duplex: ByteDuplex;
    if (setup.isMultiplexed) {
      const session = this.#openSession(socket, setup.registry);
      const stream = session.openStream();
      // The connection means nothing without its first stream.
      duplex = {
        read: () => stream.read(),
        write: (bytes) => stream.write(bytes),
        closeWrite: () => stream.closeWrite(),
        close: () => session.close(),
      };
      this.#lower = session;
    } else {
      duplex = new SocketPipe(socket);
      this.#lower = duplex;
    }
    this.grpc = setup.carrier.connect(duplex, setup.grpc);
    this.#settingsTimer.start(setup.settingsTimeoutMs);
    this.closed = this.grpc.closed.then(() => this.close());
  }

  /** Whether new calls may be started. */
  get isUsable(): boolean {
    return this.grpc.isUsable;
  }

  /**
   * Whether the server closed it as one that knows no yamux does: after the
   * magic, and before a byte of its settings.
   */
  get wasMagicRefused(): boolean {
    return this.isMultiplexed && !this.grpc.sawSettings && !this.#timedOut &&
      this.#sessionEnd?.by === "peer";
  }

  /** Ends the connection and what runs over it. Idempotent. */
  close(): void {
    this.#settingsTimer.stop();
    this.grpc.close();
    this.#lower.close();
  }

  #openSession(socket: Socket, registry: SidechannelRegistry): YamuxSession {
    const session = new YamuxSession(socket, {
      preamble: MULTIPLEX_MAGIC,
      onStream: (stream) =>
        void acceptServerStream(stream, { registry, connection: this }),
    });
    void session.ended.then((end) => {
      this.#sessionEnd = end;
    });
    return session;
  }

  #checkSettings(): void {
    if (this.grpc.sawSettings) return;
    // From below, so that the calls see a lost connection and not a choice.
    this.#timedOut = true;
    this.#lower.close();
  }
}
