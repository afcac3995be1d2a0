/**
 * Writing to files: whole, in large pieces, with short writes noticed.
 * @module
 */

const BUFFER_BYTES = 1 << 20;

/** What takes bytes: an open file, or something that imitates one. */
export interface ByteSink {
  /** @returns How many bytes were written. */
  writeSync(bytes: Uint8Array): number;
}

/** A sink that keeps nothing, for dry runs. */
export const NULL_SINK: ByteSink = { writeSync: ({ length }) => length };

/**
 * Writes all of `bytes` where the file stands.
 * @throws {Error} What the system failed with; some may have been written.
 */
export function writeAllSync(file: ByteSink, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    const count = file.writeSync(bytes.subarray(at));
    if (count === 0) throw new Error("No space left on device");
    at += count;
  }
}

/** Collects what is written to a file. */
export class FileWriter {
  readonly #file: ByteSink;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #filled = 0;
  /** Bytes written so far, those not yet passed on included. */
  sizeBytes = 0;

  constructor(file: ByteSink) {
    this.#file = file;
  }

  /** Takes a copy of `bytes`. */
  write(bytes: Uint8Array): void {
    if (bytes.length > BUFFER_BYTES - this.#filled) this.flush();
    if (bytes.length > BUFFER_BYTES) {
      writeAllSync(this.#file, bytes);
    } else {
      this.#buffer.set(bytes, this.#filled);
      this.#filled += bytes.length;
    }
    this.sizeBytes += bytes.length;
  }

  /** Writes `count` times the same byte. */
  fill(byte: number, count: number): void {
    for (let left = count; left > 0;) {
      if (this.#filled === BUFFER_BYTES) this.flush();
      const part = Math.min(left, BUFFER_BYTES - this.#filled);
      this.#buffer.fill(byte, this.#filled, this.#filled + part);
      this.#filled += part;
      left -= part;
    }
    this.sizeBytes += count;
  }

  /** Passes everything on to the file. */
  flush(): void {
    writeAllSync(this.#file, this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }
}

/** Copies chosen ranges of one file, each of any length, in large pieces. */
export class RangeCopier {
  readonly #source: Deno.FsFile;
  readonly #out: FileWriter;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #from = 0;
  #to = 0;

  constructor(source: Deno.FsFile, out: FileWriter) {
    this.#source = source;
    this.#out = out;
  }

  /** Copies the range, at once or with those that follow it. */
  copy(offset: number, lengthBytes: number): void {
    if (offset !== this.#to) {
      this.finish();
      this.#from = offset;
    }
    this.#to = offset + lengthBytes;
  }

  /** Copies what is waiting; to be called before anything else is written. */
  finish(): void {
    if (this.#from === this.#to) return;
    this.#source.seekSync(this.#from, Deno.SeekMode.Start);
    for (let left = this.#to - this.#from; left > 0;) {
      const part = this.#buffer.subarray(0, Math.min(left, BUFFER_BYTES));
      const count = this.#source.readSync(part) ?? 0;
      if (count === 0) throw new Error("File became shorter while being read");
      this.#out.write(part.subarray(0, count));
      left -= count;
    }
    this.#from = this.#to;
  }
}
