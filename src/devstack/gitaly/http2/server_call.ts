/**
 * One call of a lean HTTP/2 connection: messages in, messages out, trailers.
 * @module
 */
import type { HeaderField } from "../../../gitaly/http2/hpack_table.ts";
import type { IncomingCall } from "../carrier.ts";
import { CODE, StatusError } from "../status.ts";
import { MESSAGE_PREFIX_BYTES, MessageAssembler } from "./message_assembler.ts";
import { formatTrailers, RESPONSE_HEADERS } from "./response_fields.ts";

/**
 * What a caller may send before it is read. More than the largest message, so
 * that one always fits.
 */
export const CALL_WINDOW_BYTES = 8 * 1024 * 1024;
const CREDIT_BYTES_MIN = CALL_WINDOW_BYTES / 4;

/** What a call needs of its connection. */
export interface CallLink {
  sendHeaders(
    streamId: number,
    fields: readonly HeaderField[],
    endsStream: boolean,
  ): void;
  /** What the connection's window allows to be sent now. */
  readonly sendWindowBytes: number;
  /** Sends `bytes`, which the window must allow. @returns When they are on their way. */
  sendData(streamId: number, bytes: Uint8Array): Promise<void>;
  grant(streamId: number, sizeBytes: number): void;
  /** Ends the caller's direction if it is still open, and forgets the call. */
  finish(streamId: number, isCallerDone: boolean): void;
}

/** A call as the handler sees it, and as the connection feeds it. */
export class ServerCall implements IncomingCall {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #id: number;
  readonly #link: CallLink;
  readonly #caller = new AbortController();
  readonly #assembler = new MessageAssembler();
  readonly #messages: Uint8Array[] = [];
  #windowBytes = CALL_WINDOW_BYTES;
  #owedBytes = 0;
  #sendWindowBytes: number;
  #fault: Error | undefined;
  #isCallerDone = false;
  #hasSentHeaders = false;
  #isStopped = false;
  #isEnded = false;
  #wakeReader: (() => void) | undefined;
  #wakeSender: (() => void) | undefined;

  constructor(
    id: number,
    link: CallLink,
    { fields, sendWindowBytes }: {
      readonly fields: readonly HeaderField[];
      readonly sendWindowBytes: number;
    },
  ) {
    this.#id = id;
    this.#link = link;
    this.#sendWindowBytes = sendWindowBytes;
    this.path = fields.find(([name]) => name === ":path")?.[1] ?? "";
    this.metadata = readMetadata(fields);
  }

  get signal(): AbortSignal {
    return this.#caller.signal;
  }

  async receive(): Promise<Uint8Array | null> {
    for (;;) {
      const message = this.#messages.shift();
      if (message) {
        this.#giveBack(MESSAGE_PREFIX_BYTES + message.length);
        return message;
      }
      if (this.#fault) throw this.#fault;
      if (this.#isCallerDone || this.#isStopped) return null;
      await new Promise<void>((wake) => this.#wakeReader = wake);
    }
  }

  async send(message: Uint8Array): Promise<void> {
    const bytes = new Uint8Array(MESSAGE_PREFIX_BYTES + message.length);
    new DataView(bytes.buffer).setUint32(1, message.length);
    bytes.set(message, MESSAGE_PREFIX_BYTES);
    this.#sendHeaders();
    for (let at = 0; at < bytes.length;) {
      if (this.#isStopped) throw new Error("call has ended");
      const allowed = Math.min(
        this.#sendWindowBytes,
        this.#link.sendWindowBytes,
        bytes.length - at,
      );
      // No turn of the event loop between looking and waiting: credit that
      // came in between would wake nobody.
      if (allowed <= 0) {
        await this.#untilWindow();
        continue;
      }
      this.#sendWindowBytes -= allowed;
      await this.#link.sendData(this.#id, bytes.subarray(at, at + allowed));
      at += allowed;
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#wakeReader?.();
    this.#wakeSender?.();
  }

  end(status: StatusError | undefined): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.stop();
    if (!this.signal.aborted) {
      // Without a message in between, headers and trailers are one block.
      const trailers = formatTrailers(status);
      const fields = this.#hasSentHeaders
        ? trailers
        : [...RESPONSE_HEADERS, ...trailers];
      this.#link.sendHeaders(this.#id, fields, true);
    }
    this.#link.finish(this.#id, this.#isCallerDone || this.signal.aborted);
  }

  /** Takes data of the caller. @returns Whether it was allowed to send it. */
  takeData(data: Uint8Array, flowBytes: number): boolean {
    this.#windowBytes -= flowBytes;
    if (this.#windowBytes < 0) return false;
    // Padding is nobody's message, so nobody gives it back later.
    this.#giveBack(flowBytes - data.length);
    if (this.#fault) return true;
    try {
      this.#messages.push(...this.#assembler.add(data));
    } catch (error) {
      this.#fault = error as Error;
    }
    this.#wakeReader?.();
    return true;
  }

  /** Takes the caller's half-close. */
  takeEnd(): void {
    this.#isCallerDone = true;
    if (!this.#assembler.isBetweenMessages) {
      this.#fault ??= new StatusError(CODE.internal, "unexpected EOF");
    }
    this.#wakeReader?.();
  }

  /** Takes credit for sending, from the caller or from its SETTINGS. */
  takeCredit(sizeBytes: number): void {
    this.#sendWindowBytes += sizeBytes;
    this.wakeSender();
  }

  /** The connection's window has grown. */
  wakeSender(): void {
    this.#wakeSender?.();
  }

  /** The caller has cancelled, or the connection is gone. */
  abort(reason: Error): void {
    this.#caller.abort(reason);
    this.stop();
  }

  #sendHeaders(): void {
    if (this.#hasSentHeaders || this.#isStopped) return;
    this.#hasSentHeaders = true;
    this.#link.sendHeaders(this.#id, RESPONSE_HEADERS, false);
  }

  #untilWindow(): Promise<void> {
    return new Promise((wake) => this.#wakeSender = wake);
  }

  #giveBack(sizeBytes: number): void {
    this.#owedBytes += sizeBytes;
    if (this.#owedBytes < CREDIT_BYTES_MIN || this.#isCallerDone) return;
    this.#windowBytes += this.#owedBytes;
    this.#link.grant(this.#id, this.#owedBytes);
    this.#owedBytes = 0;
  }
}

const NOT_METADATA = new Set(["te", "content-type", "grpc-accept-encoding"]);

function readMetadata(fields: readonly HeaderField[]): Record<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of fields) {
    if (name.startsWith(":") || NOT_METADATA.has(name)) continue;
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return Object.fromEntries(values);
}
