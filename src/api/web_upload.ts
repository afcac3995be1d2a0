/**
 * An upload that flows through: bytes go out while more of them come in, and
 * memory stays flat. Its last bytes are held back until the caller knows that
 * all of them are right, so that a wrong object is never complete.
 *
 * What was sent is kept as long as it fits, and sent again where the server
 * asks for a repeat or leads elsewhere; an upload beyond that cannot be
 * repeated, as the client sends nothing twice.
 * @module
 */
import { UnsendableRequestError } from "./http1_request.ts";
import { isBusy, WebAttempts, WebFailure } from "./web_attempts.ts";
import { WebCall, type WebRequest } from "./web_call.ts";
import type { WebClientOptions } from "./web_client.ts";
import { followRedirect, REDIRECTED_REQUESTS_MAX } from "./web_redirect.ts";

/** Bytes that go out in one write; there are two such buffers. */
const BUFFER_BYTES = 256 * 1024;
const EMPTY = new Uint8Array(0);

/** What an upload consists of but for its bytes. */
export interface WebUploadStart {
  readonly request: WebRequest;
  /** At least 1; announced, and never exceeded. */
  readonly sizeBytes: number;
  /** Where sent bytes are kept; the upload's until it ends. */
  readonly replay: Uint8Array;
  /** Told of bytes before they go out, each once and in order. */
  readonly onBytes: (bytes: Uint8Array) => void;
}

/** One upload. */
export class WebUpload implements Disposable {
  readonly #options: WebClientOptions;
  readonly #sizeBytes: number;
  readonly #replay: Uint8Array;
  readonly #onBytes: (bytes: Uint8Array) => void;
  readonly #attempts: WebAttempts;
  readonly #buffers = [
    new Uint8Array(BUFFER_BYTES),
    new Uint8Array(BUFFER_BYTES),
  ] as const;
  #request: WebRequest;
  #requestCount = 1;
  #activeBuffer: 0 | 1 = 0;
  #filledBytes = 0;
  /** Of the filled bytes, those that have been told of. */
  #toldBytes = 0;
  /** Bytes of the replay that are in use; `undefined` once it was too small. */
  #replayBytes: number | undefined = 0;
  #call: WebCall | undefined;
  #sending: Promise<void> = Promise.resolve();
  #end: { readonly status: number } | { readonly cause: unknown } | undefined;

  constructor(
    options: WebClientOptions,
    { request, sizeBytes, replay, onBytes }: WebUploadStart,
  ) {
    this.#onBytes = onBytes;
    this.#options = options;
    this.#request = request;
    this.#sizeBytes = sizeBytes;
    this.#replay = replay;
    this.#attempts = new WebAttempts(options.clock);
  }

  /**
   * Takes the next bytes. Faults of the network wait for `finish`.
   * @param bytes The caller's again at once; in all never more than announced.
   * @throws {unknown} The reason of the client's signal.
   */
  async write(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      // A full buffer goes out when more is to come, and not before: so the
      // last byte is always here.
      if (this.#filledBytes === BUFFER_BYTES) await this.#sendBuffer();
      const piece = rest.subarray(0, BUFFER_BYTES - this.#filledBytes);
      this.#buffers[this.#activeBuffer].set(piece, this.#filledBytes);
      this.#filledBytes += piece.length;
      rest = rest.subarray(piece.length);
    }
  }

  /** Tells of what is held back, so that all that was written is told of. */
  tellAll(): void {
    const bytes = this.#buffers[this.#activeBuffer]
      .subarray(this.#toldBytes, this.#filledBytes);
    if (bytes.length > 0) this.#onBytes(bytes);
    this.#toldBytes = this.#filledBytes;
  }

  /**
   * Sends what was held back and waits for the answer.
   * @returns Its status.
   * @throws {WebFailure} If there is none that counts.
   * @throws {unknown} The reason of the client's signal.
   */
  async finish(): Promise<number> {
    await this.#sendBuffer();
    await this.#sending;
    while (!this.#end) await this.#readAnswer();
    if ("status" in this.#end) return this.#end.status;
    const { cause } = this.#end;
    this.#options.signal.throwIfAborted();
    if (cause instanceof WebFailure) throw cause;
    throw new WebFailure("Upload broke off", { cause });
  }

  /** Breaks the upload off unless it has ended; the server can tell. */
  [Symbol.dispose](): void {
    this.#end ??= { cause: new Error("Broken off") };
    this.#call?.[Symbol.dispose]();
    this.#call = undefined;
  }

  /** Starts sending one buffer, and goes on with the other. */
  async #sendBuffer(): Promise<void> {
    // While the other buffer may still be going out.
    this.tellAll();
    await this.#sending;
    this.#options.signal.throwIfAborted();
    const full = this.#buffers[this.#activeBuffer]
      .subarray(0, this.#filledBytes);
    this.#activeBuffer = this.#activeBuffer === 0 ? 1 : 0;
    this.#filledBytes = 0;
    this.#toldBytes = 0;
    if (!this.#end) this.#sending = this.#send(full);
  }

  /** Never throws: what goes wrong becomes the end, or a repeat. */
  async #send(bytes: Uint8Array): Promise<void> {
    try {
      const call = this.#call ?? await this.#open();
      // It may have been broken off meanwhile, with nobody to close this one.
      if (this.#end) return call[Symbol.dispose]();
      this.#call = call;
      await call.write(bytes);
    } catch (cause) {
      if (!this.#call) return await this.#repeat({ cause }, bytes);
      // A server that has hung up may have said why.
      return await this.#readAnswer(bytes);
    }
    if (this.#call?.isAnswered) await this.#readAnswer(bytes);
    else this.#keep(bytes);
  }

  #open(): Promise<WebCall> {
    const request = { ...this.#request, body: this.#sizeBytes };
    return WebCall.open(request, this.#options);
  }

  #keep(bytes: Uint8Array): void {
    if (this.#replayBytes === undefined) return;
    const sizeBytes = this.#replayBytes + bytes.length;
    if (sizeBytes > this.#replay.length) {
      this.#replayBytes = undefined;
      return;
    }
    this.#replay.set(bytes, this.#replayBytes);
    this.#replayBytes = sizeBytes;
  }

  /** @param bytes Sent last, and not kept yet. */
  async #readAnswer(bytes: Uint8Array = EMPTY): Promise<void> {
    try {
      if (!this.#call) throw new Error("Nothing was sent");
      const { status, headers } = await this.#call.answer();
      const redirect = followRedirect(this.#request, { status, headers });
      if (redirect) return await this.#moveTo(redirect.request, bytes);
      if (!isBusy(status)) return this.#endWith({ status });
      const retryAfter = headers.get("retry-after")?.[0];
      await this.#repeat({ status, retryAfter }, bytes);
    } catch (cause) {
      await this.#repeat({ cause }, bytes);
    }
  }

  async #moveTo(request: WebRequest, bytes: Uint8Array): Promise<void> {
    if (this.#requestCount++ === REDIRECTED_REQUESTS_MAX) {
      throw new UnsendableRequestError("Stopped after 10 redirects");
    }
    this.#request = request;
    await this.#sendAgain(bytes);
  }

  /** Waits and sends everything again, if it is still here. */
  async #repeat(
    failed: Parameters<WebAttempts["waitAfter"]>[0],
    bytes: Uint8Array,
  ): Promise<void> {
    if (this.#end) return;
    try {
      if (this.#replayBytes === undefined) {
        throw new WebFailure("Upload broke off and cannot be repeated", {
          cause: "cause" in failed
            ? failed.cause
            : new Error(`Status ${failed.status}`),
        });
      }
      await this.#attempts.waitAfter(failed, this.#options.signal);
    } catch (cause) {
      return this.#endWith({ cause });
    }
    if (!this.#end) await this.#sendAgain(bytes);
  }

  async #sendAgain(bytes: Uint8Array): Promise<void> {
    this.#call?.[Symbol.dispose]();
    this.#call = undefined;
    const keptBytes = this.#replayBytes;
    if (keptBytes === undefined) {
      const cause = new Error("Upload was led elsewhere too late");
      return this.#endWith({ cause });
    }
    this.#replayBytes = 0;
    // Kept bytes are in their place already: they are only counted anew.
    const kept = this.#replay.subarray(0, keptBytes);
    if (kept.length > 0) await this.#send(kept);
    if (!this.#end && bytes.length > 0) await this.#send(bytes);
  }

  #endWith(end: { status: number } | { cause: unknown }): void {
    this.#end ??= end;
    this.#call?.[Symbol.dispose]();
    this.#call = undefined;
  }
}
