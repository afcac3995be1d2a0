/**
 * HTTP/2 over one connection, as a gRPC client needs it and no further: from
 * the preface to the end of the connection.
 * Source: RFC 9113; gRPC over HTTP/2; gitaly.md 2.4, 9.2; wording of grpc-go.
 * @module
 */
import { errorText, GRPC_CODE } from "../../core/errors.ts";
import type { ByteDuplex } from "../../core/io.ts";
import type {
  GrpcCall,
  GrpcCallStart,
  GrpcConnection,
  GrpcConnectOptions,
  GrpcStatus,
} from "../grpc_call.ts";
import { CallScheduler, DEFAULT_WINDOW_BYTES } from "./call_scheduler.ts";
import type { Goaway } from "./control_frames.ts";
import { FloodMeter } from "./flood_meter.ts";
import { FrameOutput } from "./frame_output.ts";
import {
  makeStatus,
  statusOfCancel,
  statusOfClose,
  statusOfDrain,
  statusOfLoss,
} from "./grpc_status.ts";
import { HpackEncoder } from "./hpack_encoder.ts";
import type { HeaderField } from "./hpack_table.ts";
import { HTTP2_ERROR, Http2Error, http2ErrorName } from "./http2_error.ts";
import { Keepalive } from "./keepalive.ts";
import { type CallLink, LeanCall, STREAM_WINDOW_BYTES } from "./lean_call.ts";
import {
  CONNECTION_WINDOW_BYTES,
  HEADER_LIST_BYTES_MAX,
  PeerFrames,
} from "./peer_frames.ts";
import {
  checkMetadata,
  headerListBytes,
  makeRequestHeaders,
} from "./request.ts";
import { Timer } from "../../core/timer.ts";

/** Our SETTINGS: no push, our window per stream, our limit of headers. */
const SETTINGS = [
  [0x2, 0],
  [0x4, STREAM_WINDOW_BYTES],
  [0x6, HEADER_LIST_BYTES_MAX],
] as const;
const PING_OPAQUE = new Uint8Array(8);
/** How long what cannot be written any more may still be read, or written. */
const LINGER_MS = 1_000;

/** A connection of the lean carrier. */
export class LeanConnection implements GrpcConnection {
  readonly closed: Promise<void>;
  readonly #duplex: ByteDuplex;
  readonly #options: GrpcConnectOptions;
  readonly #onTooManyPings: () => void;
  readonly #output: FrameOutput;
  readonly #calls: CallScheduler;
  readonly #peer: PeerFrames;
  readonly #encoder = new HpackEncoder();
  readonly #keepalive: Keepalive;
  #settleClosed = () => {};
  /** Why nothing can be written any more, while there is still to be read. */
  #writeFault = "";
  readonly #lingerTimer = new Timer(() => this.#lose(this.#writeFault));
  #sawBytes = false;
  #isOver = false;
  #goaway: Goaway | undefined;
  /** What new calls get, once the connection is of no use any more. */
  #refusal: GrpcStatus | undefined;

  /**
   * Starts HTTP/2 on `duplex`.
   * @param onTooManyPings Told when the server wants fewer pings from the
   * connections that follow.
   */
  constructor(
    duplex: ByteDuplex,
    options: GrpcConnectOptions,
    onTooManyPings: () => void = () => {},
  ) {
    this.#onTooManyPings = onTooManyPings;
    this.closed = new Promise((resolve) => this.#settleClosed = resolve);
    this.#duplex = duplex;
    this.#options = options;
    const meter = new FloodMeter(() => performance.now());
    const output = this.#output = new FrameOutput(duplex, {
      onRoom: () => this.#calls.pump(output),
      onFailure: (error) => this.#linger(error),
    });
    this.#calls = new CallScheduler({
      onOpen: (call) => this.#writeHeaders(call),
      onSent: (sizeBytes) => meter.earn(sizeBytes),
    });
    this.#peer = new PeerFrames({
      calls: this.#calls,
      encoder: this.#encoder,
      meter,
      output,
      onGoaway: (goaway) => this.#drain(goaway),
    });
    this.#keepalive = new Keepalive({
      timeMs: options.keepaliveTimeMs,
      timeoutMs: options.keepaliveTimeoutMs,
      onPing: () => this.#ping(),
      onDead: () =>
        this.#lose("keepalive ping failed to receive ACK within timeout"),
    });
    this.#writePreface();
    this.#read();
  }

  get isUsable(): boolean {
    return this.#refusal === undefined && this.#calls.hasStreams;
  }

  get sawSettings(): boolean {
    return this.#sawBytes;
  }

  startCall(start: GrpcCallStart): GrpcCall {
    const target = { ...this.#options, path: start.path };
    const fields = makeRequestHeaders(target, start.metadata);
    const call = new LeanCall(start, fields, this.#link);
    const refusal = this.#refuse(start, fields);
    if (refusal) call.end(refusal);
    else {
      this.#calls.add(call);
      // With its first message in one write; alone if there is none at once.
      this.#output.flushLater();
    }
    return call;
  }

  close(): void {
    this.#shut(statusOfClose());
  }

  /** What calls ask of their connection. */
  readonly #link: CallLink = {
    wantTurn: (call) => {
      this.#calls.wantTurn(call);
      this.#calls.pump(this.#output);
      this.#output.flushSoon();
    },
    grantWindow: (streamId, sizeBytes) => {
      this.#output.frames.writeWindowUpdate(streamId, sizeBytes);
      this.#output.flushSoon();
    },
    resetStream: (streamId, code) => {
      this.#output.frames.writeRstStream(streamId, code);
      this.#output.flushSoon();
    },
    release: (call) => {
      this.#calls.remove(call);
      if (!this.#calls.isIdle) return;
      this.#output.shrink();
      if (this.#goaway) this.#shut(statusOfDrain());
    },
  };

  #refuse(
    { metadata, signal }: GrpcCallStart,
    fields: readonly HeaderField[],
  ): GrpcStatus | undefined {
    if (signal?.aborted) return statusOfCancel();
    const fault = checkMetadata(metadata);
    if (fault) return makeStatus(GRPC_CODE.internal, fault);
    if (this.#refusal) return this.#refusal;
    if (!this.#calls.hasStreams) return statusOfDrain();
    const bytesMax = this.#peer.headerListBytesMax;
    if (bytesMax === undefined || headerListBytes(fields) <= bytesMax) {
      return undefined;
    }
    const text = "header list size to send violates the maximum size " +
      `(${bytesMax} bytes) set by server`;
    return makeStatus(GRPC_CODE.internal, text);
  }

  #writePreface(): void {
    const { frames } = this.#output;
    frames.writePreface();
    frames.writeSettings(SETTINGS);
    const grown = CONNECTION_WINDOW_BYTES - DEFAULT_WINDOW_BYTES;
    frames.writeWindowUpdate(0, grown);
    this.#output.flushLater();
  }

  #writeHeaders(call: LeanCall): void {
    const block = this.#encoder.encode(call.headers);
    this.#output.frames.writeHeaders(
      call.streamId,
      block,
      this.#calls.framePayloadBytesMax,
    );
  }

  async #read(): Promise<void> {
    let reason = "EOF";
    try {
      for (;;) {
        const chunk = await this.#duplex.read();
        if (this.#isOver) return;
        if (chunk === null) break;
        this.#receive(chunk);
      }
    } catch (error) {
      if (this.#isOver) return;
      reason = errorText(error);
      if (error instanceof Http2Error) {
        return this.#refusePeer(error);
      }
    }
    this.#lose(`${this.#readingText}: ${reason}`);
  }

  #receive(chunk: Uint8Array): void {
    this.#sawBytes = true;
    this.#keepalive.noteRead();
    this.#peer.receive(chunk);
    if (this.#isOver) return;
    this.#calls.pump(this.#output);
    this.#output.flush();
  }

  get #readingText(): string {
    return this.#peer.hasSettings
      ? "error reading from server"
      : "error reading server preface";
  }

  #ping(): void {
    this.#output.frames.writePing(PING_OPAQUE, false);
    this.#output.flush();
  }

  /** The peer takes no more calls; those that it took go on. */
  #drain(goaway: Goaway): void {
    const { lastStreamId, code, debugText } = goaway;
    const before = this.#goaway?.lastStreamId ?? Infinity;
    if (lastStreamId > before || (lastStreamId !== 0 && !(lastStreamId % 2))) {
      throw new Http2Error(`GOAWAY frame with stream ${lastStreamId}`);
    }
    const isCalming = code === HTTP2_ERROR.enhanceYourCalm;
    if (isCalming && debugText === "too_many_pings") this.#onTooManyPings();
    this.#goaway = goaway;
    this.#refusal = statusOfDrain();
    for (const call of this.#calls.callsAbove(lastStreamId)) {
      call.end(this.#refusal);
    }
    if (this.#calls.isIdle) this.#shut(statusOfDrain());
  }

  /** Writing has failed; what the peer has said before may still be read. */
  #linger(error: unknown): void {
    if (this.#isOver) return;
    this.#writeFault = `error writing to server: ${errorText(error)}`;
    const loss = this.#lossStatus(this.#writeFault);
    this.#refusal = { ...loss, isUnprocessed: true };
    this.#lingerTimer.start(LINGER_MS);
  }

  /** The peer broke the protocol: say so, and be gone. */
  async #refusePeer({ code, message }: Http2Error): Promise<void> {
    const cause = `connection error: ${http2ErrorName(code)} (${message})`;
    this.#end(this.#lossStatus(`${this.#readingText}: ${cause}`));
    this.#output.frames.writeGoaway(code);
    const timer = new Timer(() => this.#free());
    timer.start(LINGER_MS);
    await this.#output.flush();
    timer.stop();
    this.#free();
  }

  #lose(reason: string): void {
    this.#shut(this.#lossStatus(reason));
  }

  #lossStatus(reason: string): GrpcStatus {
    const isEstablished = this.#peer.hasSettings;
    return statusOfLoss(reason, { isEstablished, goaway: this.#goaway });
  }

  #shut(status: GrpcStatus): void {
    if (this.#isOver) return;
    this.#end(status);
    this.#free();
  }

  #end(status: GrpcStatus): void {
    this.#isOver = true;
    this.#refusal = { ...status, isUnprocessed: true };
    this.#lingerTimer.stop();
    this.#keepalive.stop();
    this.#calls.endAll(status);
  }

  #free(): void {
    this.#output.stop();
    this.#duplex.close();
    this.#settleClosed();
  }
}
