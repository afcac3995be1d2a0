/**
 * Turns a connection away with a sentence that its user sees. An
 * identification and a DISCONNECT are a few fixed bytes: no key exchange is
 * needed, so that saying no costs next to nothing.
 * Source: RFC 4253, sections 4.2, 6 and 11.1.
 * @module
 */
import { DISCONNECT_REASON, encodeDisconnect } from "./ssh_messages.ts";
import type { TcpStream } from "./tcp_socket.ts";

/** How long a refused client may take to hear it. */
const GOODBYE_MS = 2_000;
/** Clients that are told at one time; the others are closed at once. */
const GOODBYES_MAX = 128;
/** What a client may have sent that is read so that it hears us. */
const UNREAD_BYTES_MAX = 64 * 1024;
const BLOCK_BYTES = 8;
const PADDING_BYTES_MIN = 4;

/** Says goodbye to many, but not to all at one time. */
export class Goodbyes {
  readonly #ident: string;
  #count = 0;

  /** @param ident What follows `SSH-2.0-`. */
  constructor(ident: string) {
    this.#ident = ident;
  }

  /**
   * Tells the client why and closes; never rejects.
   * @param text For the user.
   */
  async say(tcp: TcpStream, text: string): Promise<void> {
    if (this.#count >= GOODBYES_MAX) return close(tcp);
    this.#count++;
    const timer = setTimeout(() => close(tcp), GOODBYE_MS);
    try {
      await writeAll(tcp, encodeGoodbye(this.#ident, text));
      await tcp.closeWrite();
      // Closing over unread input would reset the connection, and our words
      // would be lost with it.
      const target = new Uint8Array(1024);
      for (let readBytes = 0; readBytes < UNREAD_BYTES_MAX;) {
        const count = await tcp.read(target);
        if (count === null) break;
        readBytes += count;
      }
    } catch {
      // It is gone already.
    } finally {
      clearTimeout(timer);
      close(tcp);
      this.#count--;
    }
  }
}

/**
 * An identification and a DISCONNECT before any key.
 * @param ident What follows `SSH-2.0-`.
 */
export function encodeGoodbye(ident: string, text: string): Uint8Array {
  const line = new TextEncoder().encode(`SSH-2.0-${ident}\r\n`);
  const { tooManyConnections } = DISCONNECT_REASON;
  const packet = encodePlainDisconnect(tooManyConnections, text);
  const bytes = new Uint8Array(line.length + packet.length);
  bytes.set(line);
  bytes.set(packet, line.length);
  return bytes;
}

/** A DISCONNECT in a packet without encryption, as it is before any key. */
export function encodePlainDisconnect(
  reason: number,
  text: string,
): Uint8Array {
  const payload = encodeDisconnect(reason, text);
  const unpadded = 5 + payload.length;
  let paddingBytes = BLOCK_BYTES - unpadded % BLOCK_BYTES;
  if (paddingBytes < PADDING_BYTES_MIN) paddingBytes += BLOCK_BYTES;
  const bytes = new Uint8Array(unpadded + paddingBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 1 + payload.length + paddingBytes);
  view.setUint8(4, paddingBytes);
  bytes.set(payload, 5);
  return bytes;
}

async function writeAll(tcp: TcpStream, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) {
    rest = rest.subarray(await tcp.write(rest));
  }
}

function close(tcp: TcpStream): void {
  try {
    tcp.close();
  } catch {
    // Closed by the timer, or by the system.
  }
}
