/**
 * Where git's output goes, with room in front of it for the headers of the
 * protocol below: hundreds of megabytes pass here, so little is copied.
 * @module
 */

/** Takes git's output piece by piece. */
export interface OutputSink {
  /** Bytes in front of each piece that the sink writes over. */
  readonly headroomBytes: number;
  /** Largest piece. */
  readonly payloadBytesMax: number;
  /**
   * Sends what stands behind the headroom of `buffer`.
   * @returns When the next piece may follow; `buffer` is the caller's again.
   * @throws {Error} If the peer is gone.
   */
  write(buffer: Uint8Array<ArrayBuffer>): Promise<void>;
}

/** Output up to here is passed on as it comes: somebody may wait for it. */
const EAGER_BYTES = 262_144;
/** How long a small piece of a long output may wait for the next one. */
const GATHER_MS = 1;

/** Moves all of `source` into `sink`; `onPiece` sees each piece first. */
export async function copyOutput(
  source: ReadableStreamBYOBReader,
  sink: OutputSink,
  onPiece: (piece: Uint8Array) => void,
): Promise<void> {
  const { headroomBytes, payloadBytesMax } = sink;
  let memory = new ArrayBuffer(headroomBytes + payloadBytesMax);
  let copiedBytes = 0;
  using gatherer = new Gatherer(sink);
  for (;;) {
    const view = new Uint8Array(memory, headroomBytes, payloadBytesMax);
    const { value, done } = await source.read(view);
    if (done || !value) return await gatherer.flush();
    onPiece(value);
    memory = value.buffer;
    copiedBytes += value.length;
    const isLarge = value.length >= payloadBytesMax / 2;
    if (copiedBytes > EAGER_BYTES && !isLarge) await gatherer.add(value);
    else {
      await gatherer.flush();
      await sink.write(new Uint8Array(memory, 0, headroomBytes + value.length));
    }
  }
}

/**
 * Joins the small pieces of a long output. git sends a pack in writes of five
 * bytes and of 8 KiB by turns; passed on one by one they keep every process on
 * the way busy with waking up.
 */
class Gatherer {
  readonly #sink: OutputSink;
  #buffer: Uint8Array<ArrayBuffer>;
  #spare: Uint8Array<ArrayBuffer>;
  #filledBytes: number;
  #writing: Promise<void> = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(sink: OutputSink) {
    const sizeBytes = sink.headroomBytes + sink.payloadBytesMax;
    this.#sink = sink;
    this.#buffer = new Uint8Array(sizeBytes);
    this.#spare = new Uint8Array(sizeBytes);
    this.#filledBytes = sink.headroomBytes;
  }

  /** Takes a copy of `piece`. @throws {Error} If the sink has failed. */
  async add(piece: Uint8Array): Promise<void> {
    if (this.#filledBytes + piece.length > this.#buffer.length) {
      await this.flush();
    }
    this.#buffer.set(piece, this.#filledBytes);
    this.#filledBytes += piece.length;
    // The timer may find the sink broken; the next piece then hears of it.
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.flush().catch(() => {});
    }, GATHER_MS);
  }

  /** Sends what is there. @throws {Error} If the sink has failed. */
  async flush(): Promise<void> {
    await this.#writing;
    // The timer may have begun a write of its own while this one waited.
    if (this.#filledBytes === this.#sink.headroomBytes) return this.#writing;
    const full = this.#buffer.subarray(0, this.#filledBytes);
    [this.#buffer, this.#spare] = [this.#spare, this.#buffer];
    this.#filledBytes = this.#sink.headroomBytes;
    this.#writing = this.#sink.write(full);
    this.#writing.catch(() => {});
    await this.#writing;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
