/**
 * Writes tar archives that are the same for the same input: names sorted by
 * the caller, times and owners given, nothing taken from the disk. Pure.
 * Source: POSIX.1-2017, pax, "ustar Interchange Format".
 * @module
 */

/** One member of an archive. */
export interface TarEntry {
  /** Relative, without `./`; a folder's ends with `/`. */
  readonly name: string;
  /** Content of a file; empty for anything else. */
  readonly bytes?: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
  /** Where a symbolic link leads to. */
  readonly link?: string;
}

const BLOCK_BYTES = 512;
const NAME_BYTES_MAX = 100;
const PREFIX_BYTES_MAX = 155;
const encoder = new TextEncoder();

/**
 * Writes an archive, all of it root's.
 * @param mtimeSeconds Seconds since 1970, the same for every member.
 * @returns The pieces of the archive; contents are the caller's own arrays.
 * @throws {RangeError} If a name is too long for the format.
 */
export function* writeTar(
  entries: readonly TarEntry[],
  mtimeSeconds: number,
): Generator<Uint8Array> {
  for (const entry of entries) {
    const bytes = entry.bytes ?? new Uint8Array();
    yield writeHeader(entry, bytes.length, mtimeSeconds);
    yield bytes;
    yield new Uint8Array(-bytes.length & (BLOCK_BYTES - 1));
  }
  yield new Uint8Array(2 * BLOCK_BYTES);
}

function writeHeader(
  { name, mode, link }: TarEntry,
  sizeBytes: number,
  mtimeSeconds: number,
): Uint8Array {
  const header = new Uint8Array(BLOCK_BYTES);
  const put = (at: number, text: string) =>
    header.set(encoder.encode(text), at);
  const octal = (at: number, digits: number, value: number) =>
    put(at, value.toString(8).padStart(digits, "0"));
  const [prefix, rest] = splitName(name);
  put(0, rest);
  octal(100, 7, mode);
  octal(108, 7, 0);
  octal(116, 7, 0);
  octal(124, 11, sizeBytes);
  octal(136, 11, mtimeSeconds);
  put(148, " ".repeat(8));
  put(156, link !== undefined ? "2" : name.endsWith("/") ? "5" : "0");
  put(157, link ?? "");
  put(257, "ustar\u000000");
  put(265, "root");
  put(297, "root");
  put(345, prefix);
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\u0000 `);
  return header;
}

/** Cuts a long name at a slash, as the format wants it. */
function splitName(name: string): [prefix: string, rest: string] {
  const sizeOf = (text: string) => encoder.encode(text).length;
  if (sizeOf(name) <= NAME_BYTES_MAX) return ["", name];
  for (
    let slash = name.indexOf("/");
    slash > 0;
    slash = name.indexOf("/", slash + 1)
  ) {
    const [prefix, rest] = [name.slice(0, slash), name.slice(slash + 1)];
    if (rest === "" || sizeOf(rest) > NAME_BYTES_MAX) continue;
    if (sizeOf(prefix) <= PREFIX_BYTES_MAX) return [prefix, rest];
  }
  throw new RangeError(
    `Cannot archive ${JSON.stringify(name)}: it is too long`,
  );
}

/** Compresses pieces; the same pieces give the same bytes. */
export async function gzip(pieces: Iterable<Uint8Array>): Promise<Uint8Array> {
  const source = ReadableStream.from(pieces) as ReadableStream<
    Uint8Array<ArrayBuffer>
  >;
  const packed = source.pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}
