/**
 * Makes messages of the data of one call and holds them until they are asked
 * for. What it holds is bounded by the flow-control window: the caller counts
 * every byte that goes in, and small messages are packed side by side, so that
 * a window full of empty messages is not a memory full of objects.
 * Source: gRPC over HTTP/2, "Length-Prefixed-Message"; wording of grpc-go.
 * @module
 */
import { GRPC_CODE } from "../../core/errors.ts";
import { quoteGo } from "../../core/go_text.ts";
import { readUint32 } from "./frame_decoder.ts";

/** Largest message that is taken, as in every gRPC library. */
export const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;
/** One byte "compressed", four bytes length. */
export const MESSAGE_PREFIX_BYTES = 5;
/** Messages up to this size are packed; the rest have a buffer each. */
const PACKED_BYTES_MAX = 1_024;
const PACK_BYTES_MIN = 2_048;
const PACK_BYTES_MAX = 16_384;
const LENGTH_BYTES = 4;
/** Larger buffers are not kept for the next message. */
const SPARE_BYTES_MAX = 512 * 1024;

/** Why the data of a call cannot be understood, as a gRPC status has it. */
export interface MessageFault {
  readonly code: number;
  readonly message: string;
}

/** A message, and what it cost in flow control. */
export interface QueuedMessage {
  readonly bytes: Uint8Array;
  readonly flowBytes: number;
}

/** Several messages, each after its length, or one large message. */
interface Segment {
  readonly bytes: Uint8Array;
  readonly isPack: boolean;
  /** End of the messages that are complete. */
  end: number;
  /** Where the next message to be handed out begins. */
  at: number;
  next: Segment | undefined;
}

/** The messages of one call that were received and not yet taken. */
export class MessageQueue {
  /** `grpc-encoding` of the response, which decides what a fault is called. */
  encoding = "";
  readonly #prefix = new Uint8Array(MESSAGE_PREFIX_BYTES);
  #prefixBytes = 0;
  /** Where the current message goes, and how much of it is there. */
  #target: Uint8Array | undefined;
  #filled = 0;
  #head: Segment | undefined;
  #tail: Segment | undefined;
  /** The large buffer that the consumer holds, and one it has given back. */
  #lent: Uint8Array | undefined;
  #spare: Uint8Array | undefined;
  #length = 0;
  #completed = 0;

  /** How many messages have come, taken ones included. */
  get completed(): number {
    return this.#completed;
  }

  /** How many messages can be taken. */
  get length(): number {
    return this.#length;
  }

  /** Whether the data so far ends within a message. */
  get isInsideMessage(): boolean {
    return this.#prefixBytes > 0;
  }

  /**
   * Takes the next data of the call; it is copied.
   * @returns A fault if it is not what a message may be; push no more then.
   */
  push(data: Uint8Array): MessageFault | undefined {
    let rest = data;
    while (rest.length > 0) {
      if (this.#target === undefined) {
        const wanted = MESSAGE_PREFIX_BYTES - this.#prefixBytes;
        const taken = rest.subarray(0, wanted);
        this.#prefix.set(taken, this.#prefixBytes);
        this.#prefixBytes += taken.length;
        rest = rest.subarray(taken.length);
        if (taken.length < wanted) return undefined;
        const fault = this.#begin();
        if (fault) return fault;
      }
      rest = this.#fill(rest);
    }
    return undefined;
  }

  /**
   * Takes the oldest message; its bytes are valid until the next `take`.
   * @returns Nothing if no message is complete.
   */
  take(): QueuedMessage | undefined {
    this.#reclaim();
    let segment = this.#head;
    if (segment === undefined || this.#length === 0) return undefined;
    if (segment.at === segment.end) {
      // Read to its end, with a successor: a pack closes before that.
      this.#head = segment = segment.next;
      if (segment === undefined) return undefined;
    }
    this.#length--;
    return segment.isPack ? takePacked(segment) : this.#takeLarge(segment);
  }

  /** Throws away what is held. */
  clear(): void {
    this.#head = this.#tail = this.#target = undefined;
    this.#lent = this.#spare = undefined;
    this.#length = 0;
    this.#prefixBytes = 0;
  }

  #begin(): MessageFault | undefined {
    const fault = checkPrefix(this.#prefix, this.encoding);
    if (fault) return fault;
    const length = readUint32(this.#prefix, 1);
    this.#filled = 0;
    this.#target = length <= PACKED_BYTES_MAX
      ? this.#reservePacked(length)
      : this.#reserveLarge(length);
    return undefined;
  }

  #fill(data: Uint8Array): Uint8Array {
    const target = this.#target;
    if (target === undefined) return data;
    const part = data.subarray(0, target.length - this.#filled);
    target.set(part, this.#filled);
    this.#filled += part.length;
    if (this.#filled === target.length) this.#finish(target);
    return data.subarray(part.length);
  }

  #finish(message: Uint8Array): void {
    if (message.length > PACKED_BYTES_MAX) {
      this.#append({
        bytes: message,
        isPack: false,
        end: message.length,
        at: 0,
        next: undefined,
      });
    } else if (this.#tail) this.#tail.end += LENGTH_BYTES + message.length;
    this.#length++;
    this.#completed++;
    this.#target = undefined;
    this.#prefixBytes = 0;
  }

  #reservePacked(length: number): Uint8Array {
    const room = LENGTH_BYTES + length;
    let pack = this.#tail;
    if (!pack?.isPack || pack.bytes.length - pack.end < room) {
      // Each pack of a row is larger than the last, up to a limit.
      const before = pack?.isPack ? pack.bytes.length * 2 : PACK_BYTES_MIN;
      const bytes = new Uint8Array(Math.min(before, PACK_BYTES_MAX));
      pack = { bytes, isPack: true, end: 0, at: 0, next: undefined };
      this.#append(pack);
    }
    const start = pack.end + LENGTH_BYTES;
    pack.bytes.set(this.#prefix.subarray(1), pack.end);
    return pack.bytes.subarray(start, start + length);
  }

  #reserveLarge(length: number): Uint8Array {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare && spare.length >= length) return spare.subarray(0, length);
    return new Uint8Array(length);
  }

  #append(segment: Segment): void {
    if (this.#tail) this.#tail.next = segment;
    else this.#head = segment;
    this.#tail = segment;
  }

  #takeLarge(segment: Segment): QueuedMessage {
    segment.at = segment.end;
    if (segment.bytes.length <= SPARE_BYTES_MAX) this.#lent = segment.bytes;
    return {
      bytes: segment.bytes,
      flowBytes: segment.end + MESSAGE_PREFIX_BYTES,
    };
  }

  /** The consumer is done with what it took last: use that room again. */
  #reclaim(): void {
    if (this.#lent) {
      this.#spare = new Uint8Array(this.#lent.buffer);
      this.#lent = undefined;
    }
    const head = this.#head;
    if (!head?.isPack || head !== this.#tail || this.#target) return;
    if (head.at === head.end) head.at = head.end = 0;
  }
}

function takePacked(pack: Segment): QueuedMessage {
  const length = readUint32(pack.bytes, pack.at);
  const start = pack.at + LENGTH_BYTES;
  pack.at = start + length;
  return {
    bytes: pack.bytes.subarray(start, pack.at),
    flowBytes: length + MESSAGE_PREFIX_BYTES,
  };
}

function checkPrefix(
  prefix: Uint8Array,
  encoding: string,
): MessageFault | undefined {
  const length = readUint32(prefix, 1);
  const format = prefix[0] ?? 0;
  if (length > MESSAGE_BYTES_MAX) {
    const sizes = `(${length} vs. ${MESSAGE_BYTES_MAX})`;
    const message = `grpc: received message larger than max ${sizes}`;
    return { code: GRPC_CODE.resourceExhausted, message };
  }
  if (format === 0) return undefined;
  return { code: GRPC_CODE.internal, message: formatFault(format, encoding) };
}

function formatFault(format: number, encoding: string): string {
  if (format !== 1) return `grpc: received unexpected payload format ${format}`;
  if (encoding === "" || encoding === "identity") {
    return "grpc: compressed flag set with identity or empty encoding";
  }
  const quoted = quoteGo(encoding);
  return `grpc: Decompressor is not installed for grpc-encoding ${quoted}`;
}
