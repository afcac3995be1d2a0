/**
 * What stands in the frames that are neither DATA nor a header block. Pure:
 * each function checks one frame and gives its contents as a value.
 * Source: RFC 9113, section 6.
 * @module
 */
import {
  type ControlFrame,
  FLAG,
  FRAME_PAYLOAD_BYTES_MAX,
  readUint32,
} from "./frame_decoder.ts";
import { HTTP2_ERROR, Http2Error } from "./http2_error.ts";

/** Largest size of a flow-control window. */
export const WINDOW_BYTES_MAX = 2 ** 31 - 1;
const FRAME_PAYLOAD_BYTES_LIMIT = 2 ** 24 - 1;
const SETTING_BYTES = 6;
const UINT31_MASK = 0x7fffffff;

/** Settings that a client looks at; absent ones stay what they were. */
export interface PeerSettings {
  headerTableBytes?: number;
  concurrentStreamsMax?: number;
  windowBytes?: number;
  framePayloadBytes?: number;
  headerListBytes?: number;
}

/** The peer will take no more streams. */
export interface Goaway {
  /** Streams above it were not processed. */
  readonly lastStreamId: number;
  readonly code: number;
  readonly debugText: string;
}

/**
 * Reads SETTINGS without the flag ACK; the last of equal ones counts.
 * @throws {Http2Error} If a value is not allowed to a server.
 */
export function decodeSettings(frame: ControlFrame): PeerSettings {
  const { payload } = frame;
  requireConnection(frame, "SETTINGS");
  if (payload.length % SETTING_BYTES !== 0) throw badSize("SETTINGS");
  const settings: PeerSettings = {};
  for (let at = 0; at < payload.length; at += SETTING_BYTES) {
    const id = ((payload[at] ?? 0) << 8) | (payload[at + 1] ?? 0);
    applySetting(settings, id, readUint32(payload, at + 2));
  }
  return settings;
}

function applySetting(
  settings: PeerSettings,
  id: number,
  value: number,
): void {
  switch (id) {
    case 0x1:
      settings.headerTableBytes = value;
      break;
    case 0x2:
      // A server cannot be pushed to; only 0 makes sense from it.
      if (value !== 0) throw new Http2Error("server enables push");
      break;
    case 0x3:
      settings.concurrentStreamsMax = value;
      break;
    case 0x4:
      if (value > WINDOW_BYTES_MAX) {
        throw new Http2Error(
          "initial window too large",
          HTTP2_ERROR.flowControl,
        );
      }
      settings.windowBytes = value;
      break;
    case 0x5:
      if (
        value < FRAME_PAYLOAD_BYTES_MAX || value > FRAME_PAYLOAD_BYTES_LIMIT
      ) throw new Http2Error(`maximum frame size ${value}`);
      settings.framePayloadBytes = value;
      break;
    case 0x6:
      settings.headerListBytes = value;
  }
}

/** Checks SETTINGS with the flag ACK. @throws {Http2Error} */
export function checkSettingsAck(frame: ControlFrame): void {
  requireConnection(frame, "SETTINGS");
  if (frame.payload.length !== 0) throw badSize("SETTINGS");
}

/**
 * Reads PING.
 * @returns The eight bytes, a view.
 * @throws {Http2Error}
 */
export function decodePing(frame: ControlFrame): Uint8Array {
  requireConnection(frame, "PING");
  if (frame.payload.length !== 8) throw badSize("PING");
  return frame.payload;
}

/** Reads GOAWAY. @throws {Http2Error} */
export function decodeGoaway(frame: ControlFrame): Goaway {
  const { payload } = frame;
  requireConnection(frame, "GOAWAY");
  if (payload.length < 8) throw badSize("GOAWAY");
  return {
    lastStreamId: readUint32(payload, 0) & UINT31_MASK,
    code: readUint32(payload, 4),
    debugText: new TextDecoder().decode(payload.subarray(8)),
  };
}

/**
 * Reads WINDOW_UPDATE.
 * @returns By how many bytes the window grows; 0 is the caller's to refuse,
 * because on a stream it costs the stream alone.
 * @throws {Http2Error}
 */
export function decodeWindowUpdate(frame: ControlFrame): number {
  if (frame.payload.length !== 4) throw badSize("WINDOW_UPDATE");
  return readUint32(frame.payload, 0) & UINT31_MASK;
}

/** Reads the error code of RST_STREAM. @throws {Http2Error} */
export function decodeRstStream(frame: ControlFrame): number {
  requireStream(frame, "RST_STREAM");
  if (frame.payload.length !== 4) throw badSize("RST_STREAM");
  return readUint32(frame.payload, 0);
}

/** Checks PRIORITY, which says nothing that a client could use. @throws {Http2Error} */
export function checkPriority(frame: ControlFrame): void {
  requireStream(frame, "PRIORITY");
  if (frame.payload.length !== 5) throw badSize("PRIORITY");
}

/**
 * The part of a header block that HEADERS carries.
 * @throws {Http2Error} If padding or priority do not fit.
 */
export function decodeHeadersFragment(frame: ControlFrame): Uint8Array {
  requireStream(frame, "HEADERS");
  let { payload } = frame;
  let padding = 0;
  if (frame.flags & FLAG.padded) {
    if (payload.length < 1) throw badSize("HEADERS");
    padding = payload[0] ?? 0;
    payload = payload.subarray(1);
  }
  if (frame.flags & FLAG.priority) {
    if (payload.length < 5) throw badSize("HEADERS");
    payload = payload.subarray(5);
  }
  if (padding > payload.length) {
    throw new Http2Error("padding larger than frame");
  }
  return payload.subarray(0, payload.length - padding);
}

function requireConnection({ streamId }: ControlFrame, name: string): void {
  if (streamId !== 0) throw new Http2Error(`${name} frame on a stream`);
}

function requireStream({ streamId }: ControlFrame, name: string): void {
  if (streamId === 0) throw new Http2Error(`${name} frame on stream 0`);
}

function badSize(name: string): Http2Error {
  return new Http2Error(`${name} frame of wrong size`, HTTP2_ERROR.frameSize);
}
