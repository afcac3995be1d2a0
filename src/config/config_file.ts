/**
 * Small files, read whole, with the error texts of the Go programs.
 * Source: Go, package os (PathError) and package syscall (error texts).
 * @module
 */
import { decodeAscii } from "../core/ascii.ts";
import { ConfigError, errorText } from "../core/errors.ts";

const CHUNK_BYTES = 16 * 1024;

/** Which file to read, and which key names it. */
export interface ConfigFile {
  readonly path: string;
  /** More than this is refused: a device named by mistake has no end. */
  readonly sizeBytesMax: number;
  readonly key?: string;
}

/**
 * Reads a file at once; configuration is read before anything can wait.
 * @throws {ConfigError} `open <path>: <reason>` or `read <path>: <reason>`.
 */
export function readConfigFile(
  { path, sizeBytesMax, key }: ConfigFile,
): Uint8Array {
  let operation = "open";
  try {
    using file = Deno.openSync(path);
    operation = "read";
    return readAll(file, sizeBytesMax);
  } catch (error) {
    const text = formatPathError(operation, path, error);
    const where = key === undefined ? { file: path } : { file: path, key };
    throw new ConfigError(text, where, { cause: error });
  }
}

/**
 * Decodes UTF-8 without losing a byte: a byte order mark stays.
 * @returns `undefined` if the bytes are something else.
 */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  const text = decodeAscii(bytes);
  if (text !== undefined) return text;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * The text of a failed file operation as Go prints it.
 * @param operation `open`, `read`, `stat` …
 */
export function formatPathError(
  operation: string,
  path: string,
  error: unknown,
): string {
  return `${operation} ${path}: ${systemReason(error)}`;
}

function readAll(file: Deno.FsFile, sizeBytesMax: number): Uint8Array {
  let bytes = new Uint8Array(CHUNK_BYTES);
  let size = 0;
  for (;;) {
    const count = file.readSync(bytes.subarray(size));
    if (count === null) return bytes.subarray(0, size);
    size += count;
    if (size > sizeBytesMax) throw new RangeError("file too large");
    if (size < bytes.length) continue;
    const larger = new Uint8Array(bytes.length * 2);
    larger.set(bytes);
    bytes = larger;
  }
}

/** The system's own words, which Go starts with a small letter. */
function systemReason(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) return "permission denied";
  const text = errorText(error).split(" (os error ", 1)[0] ?? "";
  return text.charAt(0).toLowerCase() + text.slice(1);
}
