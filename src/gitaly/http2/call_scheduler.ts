/**
 * The calls of one connection: which have a stream, which wait for one, and
 * whose turn it is to send.
 * Source: RFC 9113, sections 5.1.1, 5.1.2 and 5.2.
 * @module
 */
import type { GrpcStatus } from "../grpc_call.ts";
import { type PeerSettings, WINDOW_BYTES_MAX } from "./control_frames.ts";
import type { FrameOutput } from "./frame_output.ts";
import { FRAME_PAYLOAD_BYTES_MAX } from "./frame_decoder.ts";
import type { LeanCall } from "./lean_call.ts";
import { HTTP2_ERROR, Http2Error } from "./http2_error.ts";

/** Window of either scope before the peer changes it. */
export const DEFAULT_WINDOW_BYTES = 65_535;
/** Calls at once before the peer says how many it takes, as in grpc-go. */
const FIRST_CONCURRENT_STREAMS_MAX = 100;
const STREAM_ID_MAX = 2 ** 31 - 1;
/** What one call sends before others have their turn. */
const TURN_BYTES = 64 * 1024;

/** What the scheduler asks of the connection. */
export interface SchedulerEvents {
  /** Writes HEADERS of a call that has got its stream. */
  onOpen(call: LeanCall): void;
  /** Data was written. */
  onSent(sizeBytes: number): void;
}

/** Keeps the calls of one connection in order. */
export class CallScheduler {
  readonly #events: SchedulerEvents;
  readonly #open = new Map<number, LeanCall>();
  readonly #queued = new Set<LeanCall>();
  /** Calls that have something to send and a window for it. */
  readonly #ready = new Set<LeanCall>();
  #nextStreamId = 1;
  #windowBytes = DEFAULT_WINDOW_BYTES;
  #streamWindowBytes = DEFAULT_WINDOW_BYTES;
  #concurrentMax = FIRST_CONCURRENT_STREAMS_MAX;
  #framePayloadBytesMax = FRAME_PAYLOAD_BYTES_MAX;

  constructor(events: SchedulerEvents) {
    this.#events = events;
  }

  /** Whether there is no call at all. */
  get isIdle(): boolean {
    return this.#open.size === 0 && this.#queued.size === 0;
  }

  /** Whether there are streams left for new calls. */
  get hasStreams(): boolean {
    return this.#nextStreamId + 2 * this.#queued.size <= STREAM_ID_MAX;
  }

  /** Largest frame that the peer takes. */
  get framePayloadBytesMax(): number {
    return this.#framePayloadBytesMax;
  }

  /** The call on a stream, if it is still open. */
  get(streamId: number): LeanCall | undefined {
    return this.#open.get(streamId);
  }

  /** Whether a stream was ever opened. */
  isKnown(streamId: number): boolean {
    return streamId % 2 === 1 && streamId < this.#nextStreamId;
  }

  /** Takes a new call, which gets a stream now or when another one ends. */
  add(call: LeanCall): void {
    this.#queued.add(call);
    this.#openQueued();
  }

  /** Forgets a call that has ended, and gives its place to the next. */
  remove(call: LeanCall): void {
    this.#queued.delete(call);
    this.#ready.delete(call);
    if (this.#open.delete(call.streamId)) this.#openQueued();
  }

  /** Takes notice that a call has something to send. */
  wantTurn(call: LeanCall): void {
    if (call.streamId !== 0 && call.sendSide.hasWork) this.#ready.add(call);
  }

  /** Lets calls send, turn by turn, as long as windows and output have room. */
  pump(output: FrameOutput): void {
    const stopped: LeanCall[] = [];
    // A call that is added again comes behind those that wait already.
    for (const call of this.#ready) {
      if (!output.hasRoom) break;
      this.#ready.delete(call);
      const written = call.sendSide.writeTurn(output.frames, {
        bytesMax: Math.min(TURN_BYTES, this.#windowBytes),
        framePayloadBytesMax: this.#framePayloadBytesMax,
      });
      this.#windowBytes -= written;
      this.#events.onSent(written);
      const { hasWork, windowBytes } = call.sendSide;
      if (!hasWork || windowBytes <= 0) continue;
      if (this.#windowBytes > 0) this.#ready.add(call);
      else stopped.push(call);
    }
    for (const call of stopped) this.#ready.add(call);
  }

  /**
   * Lets more be sent; stream 0 is the connection.
   * @returns Whether the window stayed within what a window may be.
   */
  growWindow(streamId: number, sizeBytes: number): boolean {
    if (streamId === 0) {
      this.#windowBytes += sizeBytes;
      return this.#windowBytes <= WINDOW_BYTES_MAX;
    }
    const call = this.#open.get(streamId);
    if (call === undefined) return true;
    if (!call.sendSide.growWindow(sizeBytes)) return false;
    this.wantTurn(call);
    return true;
  }

  /** Takes notice of the peer's settings. @throws {Http2Error} */
  applySettings(settings: PeerSettings): void {
    const { concurrentStreamsMax, framePayloadBytes, windowBytes } = settings;
    this.#concurrentMax = concurrentStreamsMax ?? this.#concurrentMax;
    this.#framePayloadBytesMax = framePayloadBytes ??
      this.#framePayloadBytesMax;
    if (windowBytes !== undefined) this.#resizeWindows(windowBytes);
    this.#openQueued();
  }

  /** Calls that the peer will not process: above `lastStreamId`, or without stream. */
  callsAbove(lastStreamId: number): LeanCall[] {
    const above = [...this.#open.values()].filter(({ streamId }) =>
      streamId > lastStreamId
    );
    return [...above, ...this.#queued];
  }

  /** Ends every call. */
  endAll(status: GrpcStatus): void {
    const calls = [...this.#open.values(), ...this.#queued];
    this.#queued.clear();
    for (const call of calls) call.end(status);
  }

  #resizeWindows(windowBytes: number): void {
    const change = windowBytes - this.#streamWindowBytes;
    this.#streamWindowBytes = windowBytes;
    for (const call of this.#open.values()) {
      if (!call.sendSide.growWindow(change)) {
        throw new Http2Error("window too large", HTTP2_ERROR.flowControl);
      }
      this.wantTurn(call);
    }
  }

  #openQueued(): void {
    for (const call of this.#queued) {
      if (this.#open.size >= this.#concurrentMax) return;
      this.#queued.delete(call);
      call.open(this.#nextStreamId, this.#streamWindowBytes);
      this.#nextStreamId += 2;
      this.#open.set(call.streamId, call);
      this.#events.onOpen(call);
      this.wantTurn(call);
    }
  }
}
