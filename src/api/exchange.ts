/**
 * One HTTP/1.1 exchange over one connection: the edge between the codec and
 * the socket.
 * @module
 */
import { ProtocolError } from "../core/errors.ts";
import type { ByteDuplex } from "../core/io.ts";
import { ResponseDecoder, type ResponseHead } from "./http1_response.ts";

/**
 * Sends bytes and reads the response; closes the connection when the signal
 * aborts. Both directions may be used at the same time.
 */
export class Exchange implements Disposable {
  readonly #connection: ByteDuplex;
  readonly #signal: AbortSignal;
  readonly #watchFor: ((stop: () => void) => void) | undefined;
  #isWatching = false;
  readonly #decoder = new ResponseDecoder();
  readonly #stop = () => this.#connection.close();
  /** Pieces of the body that came in one read with what was before them. */
  #pieces: Uint8Array[] = [];
  /** What was wrong with the body in the read that brought the head. */
  #bodyError: unknown;

  /**
   * @param connection Ours from now on.
   * @param watchFor Watches the signal in our place: it is called when the peer
   * is first waited for, with what it has to call when the signal aborts.
   */
  constructor(
    connection: ByteDuplex,
    signal: AbortSignal,
    watchFor?: (stop: () => void) => void,
  ) {
    this.#connection = connection;
    this.#signal = signal;
    this.#watchFor = watchFor;
    if (watchFor === undefined || signal.aborted) this.#watch();
  }

  /**
   * Sends more of the request.
   * @throws {Error} What the connection failed with, or the signal's reason.
   */
  async send(bytes: Uint8Array): Promise<void> {
    try {
      await this.#connection.write(bytes);
    } catch (error) {
      throw this.#reasonOr(error);
    }
  }

  /**
   * Waits for the head of the response.
   * @throws {ProtocolError} If the peer does not speak HTTP, or hangs up first.
   * @throws {Error} What the connection failed with, or the signal's reason.
   */
  async readHead(): Promise<ResponseHead> {
    while (true) {
      const { head } = this.#decoder;
      if (head) return head;
      try {
        await this.#receive();
      } catch (error) {
        // Whether a bad body came along or later must make no difference.
        if (!this.#decoder.head) throw error;
        this.#bodyError = error;
      }
    }
  }

  /**
   * Waits for more of the body.
   * @returns `null` at its end. The bytes are valid until the next call.
   * @throws {ProtocolError} If the body breaks off or off its framing.
   * @throws {Error} What the connection failed with, or the signal's reason.
   */
  async readBody(): Promise<Uint8Array | null> {
    while (true) {
      if (this.#bodyError !== undefined) throw this.#bodyError;
      const piece = this.#pieces.shift();
      if (piece) return piece;
      if (this.#decoder.isComplete) return null;
      await this.#receive();
    }
  }

  /** Ends the connection. */
  [Symbol.dispose](): void {
    if (this.#watchFor === undefined) {
      this.#signal.removeEventListener("abort", this.#stop);
    }
    this.#connection.close();
  }

  async #receive(): Promise<void> {
    let bytes: Uint8Array | null;
    try {
      const reading = this.#connection.read();
      this.#watch();
      bytes = await reading;
    } catch (error) {
      throw this.#reasonOr(error);
    }
    if (bytes === null) this.#decoder.finish();
    else this.#pieces = this.#decoder.push(bytes);
  }

  /** Begun when a read is under way: it takes time that would be waited. */
  #watch(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    if (this.#signal.aborted) this.#stop();
    else if (this.#watchFor) this.#watchFor(this.#stop);
    else this.#signal.addEventListener("abort", this.#stop);
  }

  #reasonOr(error: unknown): unknown {
    return this.#signal.aborted ? this.#signal.reason : error;
  }
}

/**
 * Collects a body.
 * @throws {ProtocolError} If it is longer than `sizeBytesMax`.
 * @throws {Error} As `readBody` fails.
 */
export async function collectBody(
  exchange: Pick<Exchange, "readBody">,
  sizeBytesMax: number,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for (let piece; (piece = await exchange.readBody()) !== null;) {
    sizeBytes += piece.length;
    if (sizeBytes > sizeBytesMax) {
      throw new ProtocolError("Body is too long", sizeBytesMax);
    }
    // Copied: the view is valid until the next read.
    pieces.push(piece.slice());
  }
  return concat(pieces, sizeBytes);
}

/** Joins pieces whose lengths add up to `sizeBytes`. */
export function concat(
  pieces: readonly Uint8Array[],
  sizeBytes: number,
): Uint8Array {
  const [only] = pieces;
  if (pieces.length === 1 && only) return only;
  const whole = new Uint8Array(sizeBytes);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
