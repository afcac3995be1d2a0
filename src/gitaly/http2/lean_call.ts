/**
 * One call: its two halves, and how it ended.
 * Source: gRPC over HTTP/2; RFC 9113, section 5.1 (stream states); wording of
 * grpc-go 1.81.
 * @module
 */
import { GRPC_CODE } from "../../core/errors.ts";
import type { GrpcCall, GrpcCallStart, GrpcStatus } from "../grpc_call.ts";
import type { DataPiece } from "./frame_decoder.ts";
import { makeStatus, statusOfCancel, statusOfReset } from "./grpc_status.ts";
import type { HeaderList } from "./hpack_decoder.ts";
import type { HeaderField } from "./hpack_table.ts";
import { HTTP2_ERROR } from "./http2_error.ts";
import { MessageQueue } from "./message_queue.ts";
import { ReceiveWindow } from "./receive_window.ts";
import { readResponse } from "./response.ts";
import { SendSide } from "./send_side.ts";

/** What a server may send on one call before the consumer has taken it. */
export const STREAM_WINDOW_BYTES = 8 * 1024 * 1024;

/** What a call asks of its connection. */
export interface CallLink {
  /** There is something to write: a turn is due. */
  wantTurn(call: LeanCall): void;
  grantWindow(streamId: number, sizeBytes: number): void;
  resetStream(streamId: number, code: number): void;
  /** The call has ended; its stream is no longer known. */
  release(call: LeanCall): void;
}

/** A call on the lean carrier. */
export class LeanCall implements GrpcCall {
  readonly status: Promise<GrpcStatus>;
  /** 0 until a stream was opened for it. */
  streamId = 0;
  /** For the connection alone, like `sendSide`. */
  readonly headers: readonly HeaderField[];
  readonly sendSide: SendSide;
  readonly #link: CallLink;
  readonly #isUnary: boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.cancel();
  readonly #queue = new MessageQueue();
  readonly #window = new ReceiveWindow(STREAM_WINDOW_BYTES);
  #settle: (status: GrpcStatus) => void = () => {};
  #onMessage: ((message: Uint8Array | null) => void) | undefined;
  #hadHeaders = false;
  #final: GrpcStatus | undefined;

  constructor(
    { isUnary, signal }: GrpcCallStart,
    headers: readonly HeaderField[],
    link: CallLink,
  ) {
    this.headers = headers;
    this.#link = link;
    this.#isUnary = isUnary;
    this.#signal = signal;
    this.sendSide = new SendSide(isUnary);
    this.status = new Promise((resolve) => this.#settle = resolve);
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  // Async, so that misuse rejects instead of throwing past the caller.
  // deno-lint-ignore require-await
  async send(message: Uint8Array): Promise<void> {
    if (this.#final) return;
    this.sendSide.offer(message);
    this.#link.wantTurn(this);
    return this.sendSide.written();
  }

  closeSend(): Promise<void> {
    if (!this.sendSide.isClosed) {
      this.sendSide.close();
      this.#link.wantTurn(this);
    }
    return Promise.resolve();
  }

  receive(): Promise<Uint8Array | null> {
    if (this.#onMessage) {
      return Promise.reject(new TypeError("Cannot receive twice at once"));
    }
    const message = this.#take();
    if (message || this.#final) return Promise.resolve(message ?? null);
    return new Promise((resolve) => this.#onMessage = resolve);
  }

  cancel(): void {
    // After the server's status has come it stays; only messages are lost.
    if (!this.#final) this.fail(statusOfCancel(), HTTP2_ERROR.cancel);
    this.#queue.clear();
    this.#finishReceiving();
  }

  /** The stream is open: HEADERS were written. */
  open(streamId: number, sendWindowBytes: number): void {
    this.streamId = streamId;
    this.sendSide.open(streamId, sendWindowBytes);
  }

  /** Response headers or trailers have come. */
  onHeaders(list: HeaderList, endsStream: boolean): void {
    const place = { isFirst: !this.#hadHeaders, endsStream };
    const event = readResponse(list, place);
    if (event.kind === "begin") {
      this.#hadHeaders = true;
      this.#queue.encoding = event.encoding;
    } else if (event.kind === "fault") {
      this.fail(event.status, event.resetCode);
    } else if (event.kind === "end") this.#endByServer(event.status);
  }

  /** Data has come. */
  onData({ payload, flowBytes, endsStream }: DataPiece): void {
    if (!this.#window.take(flowBytes)) {
      const text = `received ${flowBytes}-bytes data exceeding the limit ` +
        `${STREAM_WINDOW_BYTES} bytes`;
      const status = makeStatus(GRPC_CODE.internal, text);
      return this.fail(status, HTTP2_ERROR.flowControl);
    }
    if (!this.#hadHeaders) {
      const status = makeStatus(GRPC_CODE.internal, "received invalid frame");
      return this.fail(status, HTTP2_ERROR.protocol);
    }
    this.#release(flowBytes - payload.length);
    const fault = this.#queue.push(payload);
    this.#wake();
    if (fault) {
      const status = makeStatus(fault.code, fault.message);
      return this.fail(status, HTTP2_ERROR.cancel);
    }
    if (this.#isUnary && this.#queue.completed > 1) {
      const text = "cardinality violation: expected <EOF> for non " +
        "server-streaming RPCs, but received another message";
      const status = makeStatus(GRPC_CODE.internal, text);
      return this.fail(status, HTTP2_ERROR.cancel);
    }
    if (!endsStream) return;
    const text = "server closed the stream without sending trailers";
    this.#endByServer(makeStatus(GRPC_CODE.internal, text));
  }

  /** RST_STREAM has come. */
  onReset(code: number): void {
    this.end(statusOfReset(code));
  }

  /** Ends the call; messages that were received can still be taken. */
  end(status: GrpcStatus): void {
    if (this.#final) return;
    const missing = status.code === GRPC_CODE.ok ? this.#findMissing() : "";
    this.#final = {
      ...(missing ? makeStatus(GRPC_CODE.internal, missing) : status),
      hadResponseHeaders: this.#hadHeaders,
    };
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.sendSide.abandon();
    this.#link.release(this);
    if (this.#queue.length === 0) this.#finishReceiving();
  }

  /** We end the call, and tell the peer if it knows of it. */
  fail(status: GrpcStatus, resetCode: number): void {
    if (this.streamId !== 0) this.#link.resetStream(this.streamId, resetCode);
    this.end(status);
  }

  /** The server is done, perhaps before we are. */
  #endByServer(status: GrpcStatus): void {
    if (this.sendSide.toldClosed) this.end(status);
    else this.fail(status, HTTP2_ERROR.none);
  }

  /** What a call lacks that says that all is well. */
  #findMissing(): string {
    if (this.#queue.isInsideMessage) return "unexpected EOF";
    if (!this.#isUnary || this.#queue.completed > 0) return "";
    return "cardinality violation: received no response message from " +
      "non-server-streaming RPC";
  }

  #take(): Uint8Array | undefined {
    const taken = this.#queue.take();
    if (taken === undefined) return undefined;
    this.#release(taken.flowBytes);
    if (this.#final && this.#queue.length === 0) this.#settle(this.#final);
    return taken.bytes;
  }

  #wake(): void {
    const wake = this.#onMessage;
    if (wake === undefined || this.#queue.length === 0) return;
    this.#onMessage = undefined;
    wake(this.#take() ?? null);
  }

  #finishReceiving(): void {
    this.#onMessage?.(null);
    this.#onMessage = undefined;
    if (this.#final) this.#settle(this.#final);
  }

  #release(flowBytes: number): void {
    const granted = this.#window.release(flowBytes);
    // An ended call has no stream that could use it.
    if (granted > 0 && !this.#final) {
      this.#link.grantWindow(this.streamId, granted);
    }
  }
}
