/**
 * The HTTP/2 client that servers up to 17.10 start towards every caller, on a
 * yamux stream of its own. It makes no calls; it sees whether the caller
 * answers as an HTTP/2 server must.
 * Source: Gitaly, internal/grpc/backchannel; RFC 9113, sections 3.4 and 6.
 * @module
 */
import type { YamuxStream } from "./yamux_stream.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEADER_BYTES = 9;
const FRAME_BYTES_MAX = 16_384;
const SETTINGS = 4;
const GOAWAY = 7;
const ACK = 1;
const PREFACE_AND_SETTINGS = new Uint8Array([
  ...new TextEncoder().encode(PREFACE),
  ...frameHeader(SETTINGS, 0),
]);

/**
 * Talks on `stream` until either side ends it.
 * @param onSettled Called once both ends have acknowledged the other's SETTINGS.
 * @throws {Error} If the caller breaks the stream or the protocol.
 */
export async function runBackchannel(
  stream: YamuxStream,
  onSettled: () => void,
): Promise<void> {
  await stream.write(PREFACE_AND_SETTINGS);
  let input: Uint8Array = new Uint8Array();
  let isTheirsSeen = false;
  let isOursAcknowledged = false;
  for (;;) {
    const chunk = await stream.read();
    if (chunk === null) return;
    input = join(input, chunk);
    for (;;) {
      const frame = takeFrame(input);
      if (!frame) break;
      input = input.subarray(FRAME_HEADER_BYTES + frame.lengthBytes);
      if (frame.type === GOAWAY) return stream.close();
      if (frame.type !== SETTINGS) continue;
      if (frame.flags & ACK) isOursAcknowledged = true;
      else {
        isTheirsSeen = true;
        await stream.write(frameHeader(SETTINGS, ACK));
      }
      if (isTheirsSeen && isOursAcknowledged) onSettled();
    }
  }
}

function frameHeader(type: number, flags: number): Uint8Array {
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  header.set([type, flags], 3);
  return header;
}

function takeFrame(
  input: Uint8Array,
): { type: number; flags: number; lengthBytes: number } | undefined {
  if (input.length < FRAME_HEADER_BYTES) return undefined;
  const [high = 0, middle = 0, low = 0, type = 0, flags = 0] = input;
  const lengthBytes = high << 16 | middle << 8 | low;
  if (lengthBytes > FRAME_BYTES_MAX) throw new Error("HTTP/2 frame too large");
  const isWhole = input.length >= FRAME_HEADER_BYTES + lengthBytes;
  return isWhole ? { type, flags, lengthBytes } : undefined;
}

function join(left: Uint8Array, right: Uint8Array): Uint8Array {
  const whole = new Uint8Array(left.length + right.length);
  whole.set(left);
  whole.set(right, left.length);
  return whole;
}
