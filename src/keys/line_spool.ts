/**
 * Managed lines that wait for their turn: in memory while they are few, in a
 * private temporary file when they are many.
 * @module
 */
import { attempt } from "./file_error.ts";
import { FileRegion, FileSink } from "./file_region.ts";
import { FileWriter } from "./file_writer.ts";
import type { BlockSource } from "./line_scan.ts";

const MEMORY_BYTES_MAX = 16 << 20;
const LF = 0x0a;

/** Lines of our own making, each with its line end. */
export class LineSpool implements Disposable {
  #memory = new Uint8Array(64 << 10);
  #file: Deno.FsFile | undefined;
  #out: FileWriter | undefined;
  /** How many lines. */
  count = 0;
  /** Bytes of all lines, line ends included. */
  sizeBytes = 0;

  /** Adds a line, given without line end. */
  add(line: Uint8Array): void {
    const sizeBytes = this.sizeBytes + line.length + 1;
    if (!this.#out && sizeBytes > MEMORY_BYTES_MAX) this.#moveToFile();
    if (this.#out) {
      this.#out.write(line);
      this.#out.fill(LF, 1);
    } else {
      if (sizeBytes > this.#memory.length) this.#growMemory();
      this.#memory.set(line, this.sizeBytes);
      this.#memory[sizeBytes - 1] = LF;
    }
    this.sizeBytes = sizeBytes;
    this.count++;
  }

  /** Opens the lines for reading from the first on; nothing may be added then. */
  open(): BlockSource {
    this.#out?.flush();
    if (this.#file) return new FileRegion(this.#file, 0);
    return new MemorySource(this.#memory.subarray(0, this.sizeBytes));
  }

  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #growMemory(): void {
    const length = Math.min(this.#memory.length * 2, MEMORY_BYTES_MAX);
    const grown = new Uint8Array(length);
    grown.set(this.#memory.subarray(0, this.sizeBytes));
    this.#memory = grown;
  }

  #moveToFile(): void {
    const doing = "could not write a temporary file";
    const file = this.#file = attempt(doing, openNamelessFile);
    const sink = new FileSink(file, 0);
    this.#out = new FileWriter({
      writeSync: (bytes) => attempt(doing, () => sink.writeSync(bytes)),
    });
    this.#out.write(this.#memory.subarray(0, this.sizeBytes));
    this.#memory = new Uint8Array();
  }
}

/** Without a name it cannot outlive us. */
function openNamelessFile(): Deno.FsFile {
  const path = Deno.makeTempFileSync({ prefix: "gitlab-keys-" });
  try {
    return Deno.openSync(path, { read: true, write: true });
  } finally {
    Deno.removeSync(path);
  }
}

class MemorySource implements BlockSource {
  readonly #bytes: Uint8Array;
  #at = 0;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  readSync(into: Uint8Array): number | null {
    const part = this.#bytes.subarray(this.#at, this.#at + into.length);
    into.set(part);
    this.#at += part.length;
    return part.length || null;
  }
}
