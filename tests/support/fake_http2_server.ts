/**
 * An HTTP/2 server that does what a test tells it, over memory. It shares no
 * code with the client, so that the two cannot agree on a mistake.
 * Source: RFC 9113; RFC 7541 (literals alone).
 * @module
 */
import type { ByteDuplex } from "../../src/core/io.ts";

/** Frame types by name. */
export const TYPE = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Flags by name. */
export const END_STREAM = 0x1;
/** Of SETTINGS and PING. */
export const ACK = 0x1;
/** Of HEADERS and CONTINUATION. */
export const END_HEADERS = 0x4;
/** Of DATA and HEADERS. */
export const PADDED = 0x8;

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** A frame that the client sent. */
export interface ReceivedFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

/** Text as bytes. */
export const bytesOf = (text: string): Uint8Array =>
  new TextEncoder().encode(text);

/** Puts byte arrays together. */
export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Four bytes, most significant first. */
export function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** One frame. `type` and `flags` may be any number. */
export function frame(
  [type, flags]: readonly [type: number, flags: number],
  streamId: number,
  payload: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const head = join(
    uint32(payload.length).subarray(1),
    Uint8Array.of(type, flags),
    uint32(streamId),
  );
  return join(head, payload);
}

/** SETTINGS with pairs of number and value. */
export function settings(...pairs: (readonly [number, number])[]): Uint8Array {
  const payload = pairs.map(([id, value]) =>
    join(Uint8Array.of(id >> 8, id), uint32(value))
  );
  return frame([TYPE.settings, 0], 0, join(...payload));
}

/** A header block of literals that are not indexed, without Huffman. */
export function headerBlock(
  fields: readonly (readonly [string, string])[],
): Uint8Array {
  const text = (value: string) => {
    const bytes = Uint8Array.from(value, (char) => char.charCodeAt(0));
    return join(lengthOf(bytes.length), bytes);
  };
  return join(
    ...fields.map(([name, value]) =>
      join(Uint8Array.of(0), text(name), text(value))
    ),
  );
}

function lengthOf(value: number): Uint8Array {
  if (value < 127) return Uint8Array.of(value);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) {
    bytes.push(rest % 128 + 128);
  }
  return Uint8Array.from([...bytes, rest]);
}

/** HEADERS that begin a good response. */
export function responseHeaders(streamId: number): Uint8Array {
  const block = headerBlock([
    [":status", "200"],
    ["content-type", "application/grpc"],
  ]);
  return frame([TYPE.headers, END_HEADERS], streamId, block);
}

/** Trailers that end a response. */
export function trailers(
  streamId: number,
  fields: readonly (readonly [string, string])[] = [["grpc-status", "0"]],
): Uint8Array {
  const flags = END_HEADERS | END_STREAM;
  return frame([TYPE.headers, flags], streamId, headerBlock(fields));
}

/** A message with gRPC's prefix. */
export function grpcMessage(message: Uint8Array, flag = 0): Uint8Array {
  return join(Uint8Array.of(flag), uint32(message.length), message);
}

/** DATA with one message. */
export function dataFrame(streamId: number, message: Uint8Array): Uint8Array {
  return frame([TYPE.data, 0], streamId, grpcMessage(message));
}

/** The server, and the client's end of the connection to it. */
export class FakeHttp2Server implements ByteDuplex {
  /** Frames received and not yet taken by `next`. */
  readonly frames: ReceivedFrame[] = [];
  /** Sizes of the client's writes. */
  readonly writes: number[] = [];
  /** Whether the client has closed the connection. */
  isClosed = false;
  #received = new Uint8Array(0);
  #sawPreface = false;
  #toClient: (Uint8Array | Error | null)[] = [];
  #onRead: (() => void) | undefined;
  #onFrame: (() => void) | undefined;
  #gate: Promise<void> = Promise.resolve();
  #writeFault: Error | undefined;

  /** Sends bytes to the client. */
  send(...parts: readonly Uint8Array[]): void {
    this.#push(join(...parts));
  }

  /** Ends the connection from the server's side. */
  end(): void {
    this.#push(null);
  }

  /** Lets the client's reading fail. */
  fail(message: string): void {
    this.#push(new Error(message));
  }

  /** Lets the client's writing fail. */
  failWrites(message: string): void {
    this.#writeFault = new Error(message);
  }

  /** Keeps the client's writes waiting until the function is called. */
  holdWrites(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    return resolve;
  }

  /** Waits for the next frame of a type; those before it are thrown away. */
  async next(type: number): Promise<ReceivedFrame> {
    for (;;) {
      const found = this.frames.shift();
      if (found?.type === type) return found;
      if (found) continue;
      if (this.isClosed) throw new Error("Connection is closed");
      await new Promise<void>((resolve) => this.#onFrame = resolve);
      this.#onFrame = undefined;
    }
  }

  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const next = this.#toClient[0];
      if (this.isClosed) throw new Error("Connection closed");
      if (next === null) return null;
      if (next !== undefined) {
        this.#toClient.shift();
        if (next instanceof Error) throw next;
        return next;
      }
      await new Promise<void>((resolve) => this.#onRead = resolve);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    const copy = bytes.slice();
    this.writes.push(copy.length);
    await this.#gate;
    if (this.isClosed) throw new Error("Connection closed");
    if (this.#writeFault) throw this.#writeFault;
    this.#receive(copy);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    this.#onRead?.();
    this.#onFrame?.();
  }

  #push(item: Uint8Array | Error | null): void {
    this.#toClient.push(item);
    this.#onRead?.();
  }

  #receive(bytes: Uint8Array): void {
    this.#received = join(this.#received, bytes) as Uint8Array<ArrayBuffer>;
    if (!this.#sawPreface) {
      const preface = this.#received.subarray(0, PREFACE.length);
      if (new TextDecoder().decode(preface) !== PREFACE) {
        throw new Error("Client sent no preface");
      }
      this.#sawPreface = true;
      this.#received = this.#received.subarray(PREFACE.length);
    }
    this.#cut();
    this.#onFrame?.();
  }

  #cut(): void {
    for (;;) {
      const bytes = this.#received;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      if (bytes.length < 9) return;
      const end = 9 + (view.getUint32(0) >>> 8);
      if (bytes.length < end) return;
      this.frames.push({
        type: view.getUint8(3),
        flags: view.getUint8(4),
        streamId: view.getUint32(5),
        payload: bytes.slice(9, end),
      });
      this.#received = bytes.subarray(end);
    }
  }
}
