/**
 * The tables of HPACK: the static one, and the dynamic one of a decoder.
 * Source: RFC 7541, section 2.3, section 4 and appendix A.
 * @module
 */

/** One header or trailer; each character of both is one byte. */
export type HeaderField = readonly [name: string, value: string];

/** What an entry costs besides its characters. */
export const ENTRY_OVERHEAD_BYTES = 32;

/** The static table; index 1 is its first entry. */
export const STATIC_TABLE: readonly HeaderField[] = [
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ["accept-language", ""],
  ["accept-ranges", ""],
  ["accept", ""],
  ["access-control-allow-origin", ""],
  ["age", ""],
  ["allow", ""],
  ["authorization", ""],
  ["cache-control", ""],
  ["content-disposition", ""],
  ["content-encoding", ""],
  ["content-language", ""],
  ["content-length", ""],
  ["content-location", ""],
  ["content-range", ""],
  ["content-type", ""],
  ["cookie", ""],
  ["date", ""],
  ["etag", ""],
  ["expect", ""],
  ["expires", ""],
  ["from", ""],
  ["host", ""],
  ["if-match", ""],
  ["if-modified-since", ""],
  ["if-none-match", ""],
  ["if-range", ""],
  ["if-unmodified-since", ""],
  ["last-modified", ""],
  ["link", ""],
  ["location", ""],
  ["max-forwards", ""],
  ["proxy-authenticate", ""],
  ["proxy-authorization", ""],
  ["range", ""],
  ["referer", ""],
  ["refresh", ""],
  ["retry-after", ""],
  ["server", ""],
  ["set-cookie", ""],
  ["strict-transport-security", ""],
  ["transfer-encoding", ""],
  ["user-agent", ""],
  ["vary", ""],
  ["via", ""],
  ["www-authenticate", ""],
];

/** Size of an entry as both ends reckon it. */
export function entryBytes([name, value]: HeaderField): number {
  return name.length + value.length + ENTRY_OVERHEAD_BYTES;
}

/** Entries that the peer's encoder has added, newest first, within a limit. */
export class DynamicTable {
  readonly #entries: HeaderField[] = [];
  #sizeBytes = 0;
  #bytesMax: number;

  /** @param bytesMax What all entries together may cost. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** What all entries cost now. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Entry 0 is the newest. */
  get(index: number): HeaderField | undefined {
    return this.#entries[index];
  }

  /** Adds an entry, dropping the oldest; one that cannot fit empties the table. */
  add(entry: HeaderField): void {
    const added = entryBytes(entry);
    this.#evict(this.#bytesMax - added);
    if (added > this.#bytesMax) return;
    this.#entries.unshift(entry);
    this.#sizeBytes += added;
  }

  /** Changes the limit, dropping entries beyond it. */
  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#evict(bytesMax);
  }

  #evict(bytesMax: number): void {
    while (this.#sizeBytes > bytesMax) {
      const oldest = this.#entries.pop();
      if (oldest === undefined) return;
      this.#sizeBytes -= entryBytes(oldest);
    }
  }
}
