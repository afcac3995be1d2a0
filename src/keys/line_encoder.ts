/**
 * Records to lines.
 * @module
 */
import { LINE_BYTES_MAX, RefusedLineError } from "./line.ts";
import { encodeManagedLine, type LineShape } from "./line_class.ts";
import { type LineSpan, makeSpan } from "./line_scan.ts";
import { type KeyRecord, quoteBytes } from "./record.ts";

/**
 * Encodes the line of a record, without line end.
 * @throws {RefusedLineError} If sshd would not read so long a line.
 */
export function encodeLine(record: KeyRecord, shape: LineShape): Uint8Array {
  return new LineEncoder(shape).encode(record).buffer.slice();
}

/** Encodes many lines, each into the same place. */
export class LineEncoder {
  readonly #shape: LineShape;
  readonly #buffer = new Uint8Array(LINE_BYTES_MAX);

  constructor(shape: LineShape) {
    this.#shape = shape;
  }

  /**
   * @returns The line, without line end, until the next one is encoded.
   * @throws {RefusedLineError} If sshd would not read so long a line.
   */
  encode(record: KeyRecord): LineSpan {
    const { start, middle } = this.#shape;
    const { id, key } = record;
    const sizeBytes = start.length + id.length + middle.length + key.length;
    if (sizeBytes > LINE_BYTES_MAX) {
      throw new RefusedLineError(
        `Invalid public_key: ${quoteBytes(key)}: ` +
          `its line would have ${sizeBytes} bytes, more than ${LINE_BYTES_MAX}`,
      );
    }
    return makeSpan(encodeManagedLine(this.#shape, record, this.#buffer));
  }
}
