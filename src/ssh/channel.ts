/**
 * One channel: windows, the three streams, and the order of the last words.
 * Rows F34 to F38 and sections 11.3 and 11.4: ssh2's channel repeats old
 * output, forgets stderr, never calls back after a close, ignores a full
 * socket and lets a client send more than its window, so ours is used.
 * Source: RFC 4254, sections 5 and 6; GitLab Shell 14.56.1.
 * @module
 */
import { Buffer } from "node:buffer";
import { ProtocolError } from "../core/errors.ts";
import type { StandardStreams } from "../core/io.ts";
import type { ChannelOpen } from "./ssh_messages.ts";
import { StdinQueue } from "./stdin_queue.ts";
import type { SshTransport } from "./transport.ts";

/** Bytes that a client may send before we have read some. */
export const WINDOW_BYTES = 2 * 1024 * 1024;
/** Largest piece of data that a client may send. */
export const PACKET_BYTES_MAX = 32 * 1024;
/** Used-up window above which what was read is given back. */
const WINDOW_SLACK_BYTES = 96 * 1024;
const PEER_WINDOW_BYTES_MAX = 0xffff_ffff;
const STDERR = 1;
/** Packets in a row, after which other connections have their turn. */
const BURST_PACKETS = 64;

/** The client has closed the channel, or is gone. */
export class ChannelClosedError extends Error {
  override name = "ChannelClosedError";
  constructor() {
    // Go's text of a write to a closed channel.
    super("EOF");
  }
}

/** The client is there and takes no output. */
export class StalledReaderError extends Error {
  override name = "StalledReaderError";
  constructor() {
    super("client does not read");
  }
}

/** The server's end of one channel. */
export class SshChannel {
  readonly localId: number;
  readonly io: StandardStreams;
  readonly #transport: SshTransport;
  readonly #remoteId: number;
  readonly #stdin: StdinQueue;
  readonly #packetBytesMax: number;
  readonly #stalledMs: number;
  #peerWindowBytes: number;
  #windowBytes = WINDOW_BYTES;
  #readBytes = 0;
  #writtenBytes = 0;
  /** Whether the client closed its end, or is gone. */
  #isClosedByClient = false;
  /** Whether our CLOSE is on its way. */
  #isClosed = false;
  readonly #windowWaiters = new Set<() => void>();

  /** Accepts the channel that a client asked for. */
  constructor(
    transport: SshTransport,
    localId: number,
    { open, stalledMs }: { open: ChannelOpen; stalledMs: number },
  ) {
    this.#stalledMs = stalledMs;
    this.#transport = transport;
    this.localId = localId;
    this.#remoteId = open.senderId;
    this.#peerWindowBytes = open.windowBytes;
    this.#packetBytesMax = Math.min(open.packetBytesMax, PACKET_BYTES_MAX);
    this.#stdin = new StdinQueue((sizeBytes) => this.#giveBack(sizeBytes));
    this.io = {
      stdin: this.#stdin,
      stdout: { write: (bytes) => this.#write(bytes, undefined) },
      stderr: { write: (bytes) => this.#write(bytes, STDERR) },
    };
    transport.protocol.channelOpenConfirm(
      open.senderId,
      localId,
      WINDOW_BYTES,
      PACKET_BYTES_MAX,
    );
  }

  /** Bytes of standard output that were sent. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Whether nobody listens at the other end. */
  get isClosedByClient(): boolean {
    return this.#isClosedByClient;
  }

  /**
   * Takes data for the command.
   * @throws {Error} If the client sends more than it may.
   */
  receiveData(bytes: Uint8Array): void {
    this.#countReceived(bytes.length);
    if (!this.#isClosed) this.#stdin.push(bytes);
  }

  /** Data of another type has no meaning here, but it uses the window. */
  receiveExtendedData(bytes: Uint8Array): void {
    this.#countReceived(bytes.length);
  }

  /** @throws {Error} If the window grows beyond what a window can be. */
  receiveWindowAdjust(addedBytes: number): void {
    this.#peerWindowBytes += addedBytes;
    if (this.#peerWindowBytes > PEER_WINDOW_BYTES_MAX) {
      throw new ProtocolError("ssh: invalid window update", 0);
    }
    this.#wakeWriters();
  }

  /** The client will send no more data. */
  receiveEof(): void {
    this.#stdin.end();
  }

  /** The client wants nothing more; writers fail from now on. */
  receiveClose(): void {
    this.loseClient();
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#transport.isOver) {
      this.#transport.protocol.channelClose(this.#remoteId);
    }
  }

  /** The client is gone: input ends, writers fail. */
  loseClient(): void {
    this.#isClosedByClient = true;
    this.#stdin.end();
    this.#wakeWriters();
  }

  replySuccess(): void {
    this.#whileOpen(({ protocol }) => protocol.channelSuccess(this.#remoteId));
  }

  replyFailure(): void {
    this.#whileOpen(({ protocol }) => protocol.channelFailure(this.#remoteId));
  }

  /**
   * Ends our side: end of data, exit status, close, in this order.
   * @param exitStatus None where no command ran.
   */
  finish(exitStatus: number | undefined): void {
    this.#whileOpen(({ protocol }) => {
      if (exitStatus !== undefined) {
        protocol.channelEOF(this.#remoteId);
        protocol.exitStatus(this.#remoteId, exitStatus);
      }
      protocol.channelClose(this.#remoteId);
    });
    this.#isClosed = true;
    this.#stdin.discard();
    this.#wakeWriters();
  }

  /** Sends all of `bytes` as fast as windows and the socket allow. */
  async #write(bytes: Uint8Array, type: number | undefined): Promise<void> {
    for (let at = 0, burst = 0; at < bytes.length;) {
      if (this.#isOver) throw new ChannelClosedError();
      if (this.#peerWindowBytes === 0) {
        await this.#untilWindow();
      } else if (!this.#transport.hasRoom) {
        await this.#transport.untilRoom();
      } else if (burst++ >= BURST_PACKETS) {
        // A client that takes a few bytes at a time must not keep the
        // processor from everyone else.
        burst = 0;
        await new Promise((turn) => setTimeout(turn, 0));
      } else {
        at += this.#sendPacket(bytes, at, type);
      }
    }
  }

  /**
   * Waits until the client takes more, or is gone.
   * @throws {StalledReaderError} If it is there and takes nothing for long:
   * its signs of life must not keep Gitaly busy for ever.
   */
  async #untilWindow(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#windowWaiters.add(resolve);
    const timer = setTimeout(
      () => reject(new StalledReaderError()),
      this.#stalledMs,
    );
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#windowWaiters.delete(resolve);
    }
  }

  #sendPacket(bytes: Uint8Array, at: number, type: number | undefined): number {
    const sizeBytes = Math.min(
      bytes.length - at,
      this.#packetBytesMax,
      this.#peerWindowBytes,
    );
    this.#peerWindowBytes -= sizeBytes;
    const { protocol } = this.#transport;
    const data = Buffer.from(bytes.buffer, bytes.byteOffset + at, sizeBytes);
    if (type === undefined) {
      this.#writtenBytes += sizeBytes;
      protocol.channelData(this.#remoteId, data);
    } else {
      protocol.channelExtData(this.#remoteId, data, type);
    }
    return sizeBytes;
  }

  #countReceived(sizeBytes: number): void {
    if (sizeBytes > PACKET_BYTES_MAX) {
      throw new Error("ssh: packet is larger than the maximum");
    }
    if (sizeBytes > this.#windowBytes) {
      throw new Error("ssh: remote side wrote too much");
    }
    this.#windowBytes -= sizeBytes;
  }

  #giveBack(sizeBytes: number): void {
    this.#readBytes += sizeBytes;
    if (WINDOW_BYTES - this.#windowBytes <= WINDOW_SLACK_BYTES) return;
    const addedBytes = this.#readBytes;
    this.#readBytes = 0;
    this.#whileOpen(({ protocol }) => {
      this.#windowBytes += addedBytes;
      protocol.channelWindowAdjust(this.#remoteId, addedBytes);
    });
  }

  get #isOver(): boolean {
    return this.#isClosed || this.#isClosedByClient || this.#transport.isOver;
  }

  #whileOpen(send: (transport: SshTransport) => void): void {
    if (!this.#isOver) send(this.#transport);
  }

  #wakeWriters(): void {
    const waiters = [...this.#windowWaiters];
    this.#windowWaiters.clear();
    for (const wake of waiters) wake();
  }
}
