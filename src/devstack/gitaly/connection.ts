/**
 * One accepted connection: finds out whether it is multiplexed and serves
 * gRPC on it.
 * Source: Gitaly, internal/grpc/backchannel and internal/grpc/listenmux.
 * @module
 */
import type { ByteDuplex } from "../../core/io.ts";
import { runBackchannel } from "./backchannel.ts";
import type { GitalyCore } from "./core.ts";
import { CALL_PATHS, CallService } from "./call_service.ts";
import type { CarrierConnection } from "./carrier.ts";
import { ObservedSocket } from "./observed_socket.ts";
import type { ConnectionRecord } from "./call_records.ts";
import { type Socket, SocketDuplex } from "../socket.ts";
import { YamuxSession } from "./yamux_session.ts";

const MAGIC = new TextEncoder().encode("backchannel");

/** An accepted connection, before its first byte. */
export interface AcceptedConnection {
  readonly id: number;
  readonly transport: ConnectionRecord["transport"];
  readonly conn: Socket & { handshake?(): Promise<unknown> };
}

/** A connection from its first byte to its end. */
export class Connection {
  readonly record: ConnectionRecord;
  readonly #core: GitalyCore;
  readonly #accepted: AcceptedConnection;
  readonly #socket: ObservedSocket;
  readonly #closed = Promise.withResolvers<void>();
  #session: YamuxSession | undefined;
  #carrier: CarrierConnection | undefined;

  constructor(core: GitalyCore, accepted: AcceptedConnection) {
    this.#core = core;
    this.#accepted = accepted;
    const fault = core.faults.connection?.(accepted.id) ?? {};
    this.#socket = new ObservedSocket(accepted.conn, fault);
    this.record = this.#makeRecord();
    core.connections.add(this.record);
    if (fault.isRefused) this.close();
    else if (!fault.isSilent) this.#serve().catch(() => this.close());
  }

  /** Lets running calls finish and refuses new ones. */
  drain(graceMs: number): void {
    this.#carrier?.drain(graceMs);
  }

  /** Ends the connection and all that runs on it. Idempotent. */
  close(): void {
    this.#socket.close();
    this.#session?.close();
    this.#carrier?.close();
    this.#closed.resolve();
    this.#core.connections.changed();
  }

  async #serve(): Promise<void> {
    const early = await this.#readFirstBytes();
    const isMultiplexed = early.length === MAGIC.length &&
      MAGIC.every((byte, at) => byte === early[at]);
    this.record.kind = isMultiplexed ? "multiplexed" : "plain";
    this.#core.connections.changed();
    if (!isMultiplexed) {
      return this.#serveCalls(new SocketDuplex(this.#socket, early), undefined);
    }
    // An old server reads the magic as a bad HTTP/2 preface.
    if (!this.#core.era.isMultiplexed) return this.close();
    await this.#serveMultiplexed();
  }

  /** TLS, then as many bytes as the magic has; fewer if the peer sends no more. */
  async #readFirstBytes(): Promise<Uint8Array> {
    const { handshakeMs } = this.#core.timeouts;
    const timer = setTimeout(() => this.close(), handshakeMs);
    try {
      await this.#accepted.conn.handshake?.();
      const early = new Uint8Array(MAGIC.length);
      let filled = 0;
      while (filled < early.length) {
        const sizeBytes = await this.#socket.read(early.subarray(filled));
        if (sizeBytes === null) break;
        filled += sizeBytes;
      }
      return early.subarray(0, filled);
    } finally {
      clearTimeout(timer);
    }
  }

  async #serveMultiplexed(): Promise<void> {
    const session = new YamuxSession(this.#socket, this.#core.yamux);
    this.#session = session;
    session.closed.then(() => this.close());
    this.#serveCalls(await session.first, session);
    if (this.#core.isBackchannelEager) this.#openBackchannel(session);
  }

  #serveCalls(duplex: ByteDuplex, session: YamuxSession | undefined): void {
    const service = new CallService(this.#core, {
      record: this.record,
      session,
    });
    this.#carrier = this.#core.carrier.serve(duplex, {
      paths: CALL_PATHS,
      onCall: (call) => void service.serve(call),
      onEnd: () => this.close(),
    });
  }

  async #openBackchannel(session: YamuxSession): Promise<void> {
    try {
      const stream = await session.open();
      this.record.backchannel = "opened";
      await runBackchannel(stream, () => {
        this.record.backchannel = "settled";
        this.#core.connections.changed();
      });
    } catch {
      // A caller that refuses it can still fetch and push.
    }
  }

  #makeRecord(): ConnectionRecord {
    const { id, transport } = this.#accepted;
    const socket = this.#socket;
    const session = () => this.#session;
    return {
      id,
      transport,
      kind: "undecided",
      get firstBytes() {
        return socket.firstBytes;
      },
      get receivedBytes() {
        return socket.receivedBytes;
      },
      get sentBytes() {
        return socket.sentBytes;
      },
      get openStreamIds() {
        return session()?.openStreamIds ?? [];
      },
      get failure() {
        return session()?.failure;
      },
      backchannel: "none",
      cut: () => this.close(),
      closed: this.#closed.promise,
    };
  }
}
