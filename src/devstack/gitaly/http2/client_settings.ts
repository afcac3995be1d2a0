/**
 * Reads a client's SETTINGS. Pure.
 * Source: RFC 9113, sections 6.5.1 and 6.5.2.
 * @module
 */
import { HTTP2_ERROR, Http2Error } from "../../../gitaly/http2/http2_error.ts";

/** Identifiers of the settings that are sent or looked at. */
export const SETTING = {
  headerTableSize: 1,
  initialWindowSize: 4,
  maxFrameSize: 5,
};

const ENTRY_BYTES = 6;
const WINDOW_BYTES_MAX = 2 ** 31 - 1;
const FRAME_BYTES_MIN = 16_384;
const FRAME_BYTES_MAX = 2 ** 24 - 1;

/**
 * @returns Identifiers and values, in their order; unknown ones too.
 * @throws {Http2Error} If a value is not one that may be sent.
 */
export function parseClientSettings(
  payload: Uint8Array,
): (readonly [id: number, value: number])[] {
  if (payload.length % ENTRY_BYTES !== 0) {
    throw new Http2Error("SETTINGS cut short", HTTP2_ERROR.frameSize);
  }
  const view = new DataView(payload.buffer, payload.byteOffset);
  const settings: (readonly [number, number])[] = [];
  for (let at = 0; at < payload.length; at += ENTRY_BYTES) {
    const id = view.getUint16(at);
    const value = view.getUint32(at + 2);
    checkSetting(id, value);
    settings.push([id, value]);
  }
  return settings;
}

function checkSetting(id: number, value: number): void {
  if (id === SETTING.initialWindowSize && value > WINDOW_BYTES_MAX) {
    throw new Http2Error("window too large", HTTP2_ERROR.flowControl);
  }
  const isFrameSize = value >= FRAME_BYTES_MIN && value <= FRAME_BYTES_MAX;
  if (id === SETTING.maxFrameSize && !isFrameSize) {
    throw new Http2Error("unusable frame size");
  }
}
