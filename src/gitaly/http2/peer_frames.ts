/**
 * What each frame of the peer does to the connection and its calls.
 * Source: RFC 9113, sections 3.4, 5.1, 5.4 and 6.
 * @module
 */
import { GRPC_CODE, ProtocolError } from "../../core/errors.ts";
import type { CallScheduler } from "./call_scheduler.ts";
import {
  checkPriority,
  checkSettingsAck,
  decodeGoaway,
  decodePing,
  decodeRstStream,
  decodeSettings,
  decodeWindowUpdate,
  type Goaway,
} from "./control_frames.ts";
import type { FloodMeter } from "./flood_meter.ts";
import {
  type ControlFrame,
  type DataPiece,
  FLAG,
  FRAME,
  FrameDecoder,
} from "./frame_decoder.ts";
import type { FrameOutput } from "./frame_output.ts";
import { makeStatus } from "./grpc_status.ts";
import { type HeaderBlock, HeaderBlockReader } from "./header_block.ts";
import { type HeaderList, HpackDecoder } from "./hpack_decoder.ts";
import type { HpackEncoder } from "./hpack_encoder.ts";
import { HTTP2_ERROR, Http2Error } from "./http2_error.ts";

/** What the server may send on all calls together before we have seen it. */
export const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
/**
 * Largest list of headers that is taken, and largest block. Go's client takes
 * 16 MiB; nothing that Gitaly sends comes near either, and a block is decoded
 * in one go, during which nothing else runs.
 */
export const HEADER_LIST_BYTES_MAX = 1024 * 1024;
/** HPACK's default, which we do not change. */
const HEADER_TABLE_BYTES_MAX = 4_096;

/** The parts of a connection that frames act upon. */
export interface PeerFrameParts {
  readonly calls: CallScheduler;
  readonly output: FrameOutput;
  readonly encoder: HpackEncoder;
  readonly meter: FloodMeter;
  onGoaway(goaway: Goaway): void;
}

/** Receives one connection's frames. */
export class PeerFrames {
  readonly #parts: PeerFrameParts;
  readonly #decoder = new FrameDecoder();
  readonly #blocks = new HeaderBlockReader(HEADER_LIST_BYTES_MAX);
  readonly #hpack = new HpackDecoder({
    tableBytesMax: HEADER_TABLE_BYTES_MAX,
    listBytesMax: HEADER_LIST_BYTES_MAX,
  });
  /** Received on all streams and not yet granted again. */
  #owedBytes = 0;
  #hasSettings = false;
  #headerListBytesMax: number | undefined;

  constructor(parts: PeerFrameParts) {
    this.#parts = parts;
  }

  /** Whether the peer's first SETTINGS were received whole. */
  get hasSettings(): boolean {
    return this.#hasSettings;
  }

  /** Largest list of headers that the peer takes, if it has set a limit. */
  get headerListBytesMax(): number | undefined {
    return this.#headerListBytesMax;
  }

  /**
   * Acts upon the next bytes of the peer; answers are put into the output.
   * @throws {Http2Error} If the connection must end.
   */
  receive(chunk: Uint8Array): void {
    this.#decoder.push(chunk);
    for (;;) {
      const frame = this.#decoder.next();
      if (frame === undefined) break;
      const type = frame.kind === "data" ? FRAME.data : frame.type;
      if (this.#blocks.isInsideBlock && type !== FRAME.continuation) {
        throw new Http2Error("frame within a header block");
      }
      if (!this.#hasSettings && !isFirstSettings(frame)) {
        throw new Http2Error("initial http2 frame is not a settings frame");
      }
      if (frame.kind === "data") this.#onData(frame);
      else this.#onControl(frame);
    }
    if (this.#parts.output.isOverfull) {
      throw new Http2Error(
        "peer does not read its answers",
        HTTP2_ERROR.enhanceYourCalm,
      );
    }
  }

  #onData(piece: DataPiece): void {
    const { calls, meter } = this.#parts;
    const { streamId, payload, flowBytes, endsStream } = piece;
    this.#requireKnown(streamId);
    this.#grant(flowBytes);
    if (payload.length > 0) meter.earn(payload.length);
    else if (!endsStream) this.#spend();
    calls.get(streamId)?.onData(piece);
  }

  /**
   * Grants the connection's window again at once: nothing is held on its
   * account, and a call whose consumer is slow is stopped by its own window
   * and must not stop the others. That the peer never oversteps the
   * connection's window need not be checked therefore; it costs us nothing.
   */
  #grant(flowBytes: number): void {
    this.#owedBytes += flowBytes;
    if (this.#owedBytes < CONNECTION_WINDOW_BYTES / 4) return;
    this.#parts.output.frames.writeWindowUpdate(0, this.#owedBytes);
    this.#owedBytes = 0;
  }

  #onControl(frame: ControlFrame): void {
    // DATA pays for itself; every other frame is one that may flood.
    this.#spend();
    switch (frame.type) {
      case FRAME.headers:
      case FRAME.continuation:
        return this.#onHeaders(this.#blocks.take(frame));
      case FRAME.rstStream:
        return this.#onRstStream(frame);
      case FRAME.settings:
        return this.#onSettings(frame);
      case FRAME.ping:
        return this.#onPing(frame);
      case FRAME.goaway:
        return this.#parts.onGoaway(decodeGoaway(frame));
      case FRAME.windowUpdate:
        return this.#onWindowUpdate(frame);
      case FRAME.priority:
        return checkPriority(frame);
      case FRAME.pushPromise:
        throw new Http2Error("PUSH_PROMISE frame though push is off");
    }
    // Types that nobody knows are to be ignored.
  }

  #onHeaders(block: HeaderBlock | undefined): void {
    if (block === undefined) return;
    this.#requireKnown(block.streamId);
    // Decoded even for a stream that is over: the table goes on.
    const list = this.#decodeBlock(block.bytes);
    const call = this.#parts.calls.get(block.streamId);
    call?.onHeaders(list, block.endsStream);
  }

  #decodeBlock(bytes: Uint8Array): HeaderList {
    try {
      return this.#hpack.decode(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      throw new Http2Error(error.message, HTTP2_ERROR.compression);
    }
  }

  #onRstStream(frame: ControlFrame): void {
    const code = decodeRstStream(frame);
    this.#requireKnown(frame.streamId);
    this.#parts.calls.get(frame.streamId)?.onReset(code);
  }

  #onSettings(frame: ControlFrame): void {
    if (frame.flags & FLAG.ack) return checkSettingsAck(frame);
    const { calls, encoder, output } = this.#parts;
    const settings = decodeSettings(frame);
    this.#hasSettings = true;
    this.#headerListBytesMax = settings.headerListBytes ??
      this.#headerListBytesMax;
    if (settings.headerTableBytes !== undefined) {
      encoder.limitTable(settings.headerTableBytes);
    }
    // Before the calls act upon them: what they write comes after the answer.
    output.frames.writeSettingsAck();
    calls.applySettings(settings);
  }

  #onPing(frame: ControlFrame): void {
    const opaque = decodePing(frame);
    if ((frame.flags & FLAG.ack) === 0) {
      this.#parts.output.frames.writePing(opaque, true);
    }
  }

  #onWindowUpdate(frame: ControlFrame): void {
    const { calls } = this.#parts;
    const { streamId } = frame;
    const sizeBytes = decodeWindowUpdate(frame);
    if (streamId !== 0) this.#requireKnown(streamId);
    if (sizeBytes > 0 && calls.growWindow(streamId, sizeBytes)) return;
    const code = sizeBytes > 0 ? HTTP2_ERROR.flowControl : HTTP2_ERROR.protocol;
    if (streamId === 0) throw new Http2Error("bad WINDOW_UPDATE frame", code);
    const status = makeStatus(GRPC_CODE.internal, "received invalid frame");
    calls.get(streamId)?.fail(status, code);
  }

  #requireKnown(streamId: number): void {
    if (!this.#parts.calls.isKnown(streamId)) {
      throw new Http2Error(`frame on stream ${streamId}, which is not open`);
    }
  }

  #spend(): void {
    if (this.#parts.meter.spend()) return;
    throw new Http2Error(
      "too many control frames",
      HTTP2_ERROR.enhanceYourCalm,
    );
  }
}

function isFirstSettings(frame: ControlFrame | DataPiece): boolean {
  return frame.kind === "control" && frame.type === FRAME.settings &&
    (frame.flags & FLAG.ack) === 0;
}
