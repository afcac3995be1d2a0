/**
 * HTTP/2 for gRPC calls alone, without a library: grpc-js on `node:http2`
 * takes seven seconds of processor time for a GiB pushed, which would be most
 * of what a benchmark measures. Shares codecs with the product and no session
 * logic.
 * Source: RFC 9113; gRPC over HTTP/2; grpc-go for what is left open.
 * @module
 */
import type { ByteDuplex } from "../../../core/io.ts";
import {
  type ControlFrame,
  type DataPiece,
  FLAG,
  FRAME,
  FRAME_PAYLOAD_BYTES_MAX,
  FrameDecoder,
  readUint32,
} from "../../../gitaly/http2/frame_decoder.ts";
import { HpackEncoder } from "../../../gitaly/http2/hpack_encoder.ts";
import type { HeaderField } from "../../../gitaly/http2/hpack_table.ts";
import { HTTP2_ERROR, Http2Error } from "../../../gitaly/http2/http2_error.ts";
import type {
  CarrierConnection,
  CarrierEvents,
  ServerCarrier,
} from "../carrier.ts";
import { CODE, StatusError } from "../status.ts";
import { parseClientSettings, SETTING } from "./client_settings.ts";
import { FrameSender } from "./frame_sender.ts";
import { HeaderBlocks, type ReceivedHeaders } from "./header_blocks.ts";
import { PingPolice } from "./ping_police.ts";
import { writeResponseBlock, writeServerGoaway } from "./response_frames.ts";
import { CALL_WINDOW_BYTES, type CallLink, ServerCall } from "./server_call.ts";

/** The carrier. */
export const LEAN_SERVER_CARRIER: ServerCarrier = {
  serve: (duplex, events) => new LeanServerConnection(duplex, events),
};

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DEFAULT_WINDOW_BYTES = 65_535;
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
const CREDIT_BYTES_MIN = CONNECTION_WINDOW_BYTES / 4;
const CALLS_MAX = 1000;
const latin1 = new TextDecoder("latin1");

class LeanServerConnection implements CarrierConnection, CallLink {
  readonly #duplex: ByteDuplex;
  readonly #events: CarrierEvents;
  readonly #paths: ReadonlySet<string>;
  readonly #decoder = new FrameDecoder();
  readonly #sender: FrameSender;
  readonly #blocks = new HeaderBlocks();
  readonly #hpack = new HpackEncoder();
  readonly #calls = new Map<number, ServerCall>();
  readonly #pings = new PingPolice();
  #sendWindowBytes = DEFAULT_WINDOW_BYTES;
  #callSendWindowBytes = DEFAULT_WINDOW_BYTES;
  #framePayloadBytesMax = FRAME_PAYLOAD_BYTES_MAX;
  #receiveWindowBytes = CONNECTION_WINDOW_BYTES;
  #owedBytes = 0;
  #lastStreamId = 0;
  #isDraining = false;
  #drainTimer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(duplex: ByteDuplex, events: CarrierEvents) {
    this.#duplex = duplex;
    this.#events = events;
    this.#paths = new Set(events.paths);
    this.#sender = new FrameSender(duplex, () => this.close());
    this.#sender.frames.writeSettings([
      [SETTING.initialWindowSize, CALL_WINDOW_BYTES],
    ]);
    this.#grantConnection(CONNECTION_WINDOW_BYTES - DEFAULT_WINDOW_BYTES);
    this.#run();
  }

  drain(graceMs: number): void {
    if (this.#isDraining || this.#isClosed) return;
    this.#isDraining = true;
    this.#writeGoaway(HTTP2_ERROR.none, "graceful_stop");
    this.#drainTimer = setTimeout(() => this.close(), graceMs);
    this.#closeIfDrained();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#drainTimer);
    this.#sender.stop();
    for (const call of this.#calls.values()) {
      call.abort(new Error("connection closed"));
    }
    this.#calls.clear();
    this.#duplex.close();
    this.#events.onEnd();
  }

  sendHeaders(
    streamId: number,
    fields: readonly HeaderField[],
    endsStream: boolean,
  ): void {
    this.#pings.forgive();
    writeResponseBlock(this.#sender.frames, {
      streamId,
      block: this.#hpack.encode(fields),
      endsStream,
      framePayloadBytesMax: this.#framePayloadBytesMax,
    });
    this.#sender.flush();
  }

  get sendWindowBytes(): number {
    return this.#sendWindowBytes;
  }

  sendData(streamId: number, bytes: Uint8Array): Promise<void> {
    this.#sendWindowBytes -= bytes.length;
    this.#pings.forgive();
    const { frames } = this.#sender;
    for (let at = 0; at < bytes.length; at += this.#framePayloadBytesMax) {
      const part = bytes.subarray(at, at + this.#framePayloadBytesMax);
      const payloadBytes = part.length;
      frames.writeFrameHeader(FRAME.data, 0, { streamId, payloadBytes });
      frames.write(part);
    }
    return this.#sender.flush();
  }

  grant(streamId: number, sizeBytes: number): void {
    this.#sender.frames.writeWindowUpdate(streamId, sizeBytes);
    this.#sender.flush();
  }

  finish(streamId: number, isCallerDone: boolean): void {
    if (!this.#calls.delete(streamId) || this.#isClosed) return;
    if (!isCallerDone) {
      this.#sender.frames.writeRstStream(streamId, HTTP2_ERROR.none);
      this.#sender.flush();
    }
    this.#closeIfDrained();
  }

  async #run(): Promise<void> {
    try {
      await this.#readPreface();
      for (;;) {
        for (;;) {
          const frame = this.#decoder.next();
          if (!frame) break;
          if (frame.kind === "data") this.#takeData(frame);
          else this.#takeControl(frame);
        }
        const chunk = await this.#duplex.read();
        if (chunk === null) break;
        this.#decoder.push(chunk);
      }
    } catch (error) {
      if (error instanceof Http2Error && !this.#isClosed) {
        this.#writeGoaway(error.code, error.message);
        await this.#sender.flush();
      }
    }
    this.close();
  }

  async #readPreface(): Promise<void> {
    let input: Uint8Array = new Uint8Array();
    while (input.length < PREFACE.length) {
      const chunk = await this.#duplex.read();
      if (chunk === null) throw new Error("Connection ended in its preface");
      const joined = new Uint8Array(input.length + chunk.length);
      joined.set(input);
      joined.set(chunk, input.length);
      input = joined;
    }
    const given = latin1.decode(input.subarray(0, PREFACE.length));
    if (given !== PREFACE) throw new Http2Error("bogus greeting from client");
    this.#decoder.push(input.subarray(PREFACE.length));
  }

  #takeData(piece: DataPiece): void {
    this.#receiveWindowBytes -= piece.flowBytes;
    if (this.#receiveWindowBytes < 0) {
      throw new Http2Error("window exceeded", HTTP2_ERROR.flowControl);
    }
    // The connection's window is given back at once: a call that is not read
    // must not hold up the others.
    this.#owedBytes += piece.flowBytes;
    if (this.#owedBytes >= CREDIT_BYTES_MIN) {
      this.#receiveWindowBytes += this.#owedBytes;
      this.#grantConnection(this.#owedBytes);
      this.#owedBytes = 0;
    }
    const call = this.#calls.get(piece.streamId);
    if (!call) return;
    if (!call.takeData(piece.payload, piece.flowBytes)) {
      throw new Http2Error("stream window exceeded", HTTP2_ERROR.flowControl);
    }
    if (piece.endsStream) call.takeEnd();
  }

  #takeControl(frame: ControlFrame): void {
    const { type, flags, streamId, payload } = frame;
    if (this.#blocks.isOpen && type !== FRAME.continuation) {
      throw new Http2Error("frame within a header block");
    }
    switch (type) {
      case FRAME.headers:
      case FRAME.continuation: {
        const headers = this.#blocks.take(frame);
        return headers && this.#openCall(headers);
      }
      case FRAME.settings:
        return this.#takeSettings(flags, payload);
      case FRAME.ping:
        return this.#takePing(flags, payload);
      case FRAME.windowUpdate:
        return this.#takeWindowUpdate(streamId, readUint32(payload, 0));
      case FRAME.rstStream: {
        const call = this.#calls.get(streamId);
        return call?.abort(new Error("call cancelled"));
      }
      case FRAME.goaway:
        this.#isDraining = true;
        return this.#closeIfDrained();
      default:
        return;
    }
  }

  #openCall({ streamId, fields, endsStream }: ReceivedHeaders): void {
    const running = this.#calls.get(streamId);
    if (running) return running.takeEnd();
    if (streamId % 2 === 0 || streamId <= this.#lastStreamId) {
      throw new Http2Error("unusable stream id");
    }
    if (this.#isDraining || this.#calls.size >= CALLS_MAX) {
      this.#sender.frames.writeRstStream(streamId, HTTP2_ERROR.refusedStream);
      return void this.#sender.flush();
    }
    this.#lastStreamId = streamId;
    const sendWindowBytes = this.#callSendWindowBytes;
    const call = new ServerCall(streamId, this, { fields, sendWindowBytes });
    this.#calls.set(streamId, call);
    if (endsStream) call.takeEnd();
    if (this.#paths.has(call.path)) this.#events.onCall(call);
    else call.end(unknownMethod(call.path));
  }

  #takeSettings(flags: number, payload: Uint8Array): void {
    if (flags & FLAG.ack) return;
    for (const [id, value] of parseClientSettings(payload)) {
      this.#takeSetting(id, value);
    }
    this.#sender.frames.writeSettingsAck();
    this.#sender.flush();
  }

  #takeSetting(id: number, value: number): void {
    if (id === SETTING.headerTableSize) this.#hpack.limitTable(value);
    else if (id === SETTING.maxFrameSize) this.#framePayloadBytesMax = value;
    else if (id === SETTING.initialWindowSize) {
      const grown = value - this.#callSendWindowBytes;
      this.#callSendWindowBytes = value;
      for (const call of this.#calls.values()) call.takeCredit(grown);
    }
  }

  #takePing(flags: number, payload: Uint8Array): void {
    if (flags & FLAG.ack) return;
    this.#sender.frames.writePing(payload, true);
    if (!this.#pings.isTooMany(performance.now())) {
      return void this.#sender.flush();
    }
    throw new Http2Error("too_many_pings", HTTP2_ERROR.enhanceYourCalm);
  }

  #takeWindowUpdate(streamId: number, sizeBytes: number): void {
    if (streamId !== 0) return this.#calls.get(streamId)?.takeCredit(sizeBytes);
    this.#sendWindowBytes += sizeBytes;
    for (const call of this.#calls.values()) call.wakeSender();
  }

  #grantConnection(sizeBytes: number): void {
    this.#sender.frames.writeWindowUpdate(0, sizeBytes);
    this.#sender.flush();
  }

  #writeGoaway(code: number, text: string): void {
    const lastStreamId = this.#lastStreamId;
    writeServerGoaway(this.#sender.frames, { lastStreamId, code, text });
    this.#sender.flush();
  }

  #closeIfDrained(): void {
    if (!this.#isDraining || this.#calls.size > 0) return;
    this.#sender.flush().then(() => this.close());
  }
}

function unknownMethod(path: string): StatusError {
  const [, service = "", method = ""] = path.split("/");
  const text = `unknown method ${method} for service ${service}`;
  return new StatusError(CODE.unimplemented, text);
}
