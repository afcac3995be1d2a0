/**
 * HTTP/2 error codes, and the class that carries one.
 * Source: RFC 9113, section 7; spelling of unknown codes after Go's x/net.
 * @module
 */
import { ProtocolError } from "../../core/errors.ts";

/** Error codes of GOAWAY and RST_STREAM that are sent or looked at. */
export const HTTP2_ERROR = {
  none: 0x0,
  protocol: 0x1,
  flowControl: 0x3,
  streamClosed: 0x5,
  frameSize: 0x6,
  refusedStream: 0x7,
  cancel: 0x8,
  compression: 0x9,
  enhanceYourCalm: 0xb,
} as const;

const NAMES = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
] as const;

/** The name of an error code, or what Go writes for one without a name. */
export function http2ErrorName(code: number): string {
  return NAMES[code] ?? `unknown error code 0x${code.toString(16)}`;
}

/** The peer broke HTTP/2 in a way that ends the whole connection. */
export class Http2Error extends ProtocolError {
  override name = "Http2Error";
  /** What GOAWAY tells the peer. */
  readonly code: number;
  constructor(message: string, code: number = HTTP2_ERROR.protocol) {
    super(message, 0);
    this.code = code;
  }
}
