/**
 * Part of an open file, read or written from its own position, so that several
 * may share one handle.
 * @module
 */
import type { ByteSink } from "./file_writer.ts";
import type { BlockSource } from "./line_scan.ts";

/** Reads the bytes between two offsets. */
export class FileRegion implements BlockSource {
  readonly #file: Deno.FsFile;
  #at: number;
  readonly #to: number;

  constructor(file: Deno.FsFile, from: number, to: number = Infinity) {
    this.#file = file;
    this.#at = from;
    this.#to = to;
  }

  readSync(into: Uint8Array): number | null {
    const wanted = Math.min(into.length, this.#to - this.#at);
    if (wanted <= 0) return null;
    this.#file.seekSync(this.#at, Deno.SeekMode.Start);
    const count = this.#file.readSync(into.subarray(0, wanted));
    this.#at += count ?? 0;
    return count;
  }
}

/** Writes from an offset on. */
export class FileSink implements ByteSink {
  readonly #file: Deno.FsFile;
  #at: number;

  constructor(file: Deno.FsFile, from: number) {
    this.#file = file;
    this.#at = from;
  }

  writeSync(bytes: Uint8Array): number {
    this.#file.seekSync(this.#at, Deno.SeekMode.Start);
    const count = this.#file.writeSync(bytes);
    this.#at += count;
    return count;
  }
}
