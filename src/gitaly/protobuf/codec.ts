/**
 * Encodes and decodes messages by their tables. Pure.
 *
 * Unknown fields are skipped, as newer servers may send them. What cannot be
 * a newer server's doing is refused: groups, and a known field of another wire
 * type than its own.
 * Source: Protocol Buffers, encoding specification (proto3).
 * @module
 */
import { ProtocolError } from "../../core/errors.ts";
import type { FieldTable, MessageTable, ScalarType } from "./message_table.ts";
import { WIRE_BYTES, WIRE_VARINT, WireReader, WireWriter } from "./wire.ts";

/** A message whose members are only known by its table. */
type Members = Record<string, unknown>;

/** Made at first use: the usual response has no text. */
let utf8: TextDecoder | undefined;

/**
 * Encodes a message.
 * @param value Members that are left out have their default; defaults are not
 * sent, as proto3 asks, but a message that is there is sent even if empty.
 * @throws {RangeError} If a number cannot be sent exactly.
 * @example
 * ```ts
 * import { EXIT_STATUS } from "../gen/shared.ts";
 * encodeMessage(EXIT_STATUS, { value: 128 }); // 08 80 01
 * ```
 */
export function encodeMessage<T>(
  table: MessageTable<T>,
  value: Partial<T>,
): Uint8Array {
  const writer = new WireWriter();
  for (const field of table.fields) {
    const member = (value as Members)[field.name];
    if (!field.isRepeated) {
      if (!isDefault(field, member)) encodeField(writer, field, member);
    } else if (Array.isArray(member)) {
      for (const item of member) encodeField(writer, field, item);
    }
  }
  return writer.finish();
}

/**
 * Decodes a message.
 * @param bytes The whole message; `bytes` members of the result are views of it.
 * @throws {ProtocolError} If the bytes are no such message.
 */
export function decodeMessage<T>(
  table: MessageTable<T>,
  bytes: Uint8Array,
): T {
  return decodeInto(table, table.make(), new WireReader(bytes));
}

function isDefault(field: FieldTable, member: unknown): boolean {
  if (member === undefined || member === null) return true;
  if (field.type === "bytes") return (member as Uint8Array).length === 0;
  return field.type !== "message" && (member === "" || member === 0);
}

function encodeField(
  writer: WireWriter,
  field: FieldTable,
  member: unknown,
): void {
  if (field.type === "message") {
    writer.writeTag(field.number, WIRE_BYTES);
    writer.writeBytes(encodeMessage(field.message, member as Members));
  } else if (field.type === "string") {
    writer.writeTag(field.number, WIRE_BYTES);
    writer.writeText(member as string);
  } else if (field.type === "bytes") {
    writer.writeTag(field.number, WIRE_BYTES);
    writer.writeBytes(member as Uint8Array);
  } else {
    writer.writeTag(field.number, WIRE_VARINT);
    writer.writeInteger(member as number);
  }
}

function decodeInto<T>(
  table: MessageTable<T>,
  message: T,
  reader: WireReader,
): T {
  const members = message as Members;
  while (!reader.isAtEnd) {
    const tagAt = reader.offsetBytes;
    const tag = reader.readTag();
    const number = Math.floor(tag / 8);
    const wireType = tag % 8;
    const field = table.fields.find((known) => known.number === number);
    if (field === undefined) {
      reader.skip(wireType);
      continue;
    }
    if (wireType !== wireTypeOf(field.type)) {
      throw new ProtocolError(
        `Cannot accept wire type ${wireType} for ${table.name}.${field.protoName}`,
        tagAt,
      );
    }
    const before = members[field.name];
    if (field.isRepeated) {
      (before as unknown[]).push(decodeField(field, undefined, reader));
    } else members[field.name] = decodeField(field, before, reader);
  }
  return message;
}

function wireTypeOf(type: ScalarType | "message"): number {
  return type === "string" || type === "bytes" || type === "message"
    ? WIRE_BYTES
    : WIRE_VARINT;
}

function decodeField(
  field: FieldTable,
  before: unknown,
  reader: WireReader,
): unknown {
  switch (field.type) {
    case "bytes":
      return reader.readBytes();
    case "string":
      return decodeText(reader);
    case "int64":
      return reader.readInt64();
    case "message":
      // Of a message that comes twice, the second is merged into the first.
      return decodeInto(
        field.message,
        before ?? field.message.make(),
        reader.readMessage(),
      );
    default:
      return reader.readInt32();
  }
}

function decodeText(reader: WireReader): string {
  const start = reader.offsetBytes;
  const bytes = reader.readBytes();
  try {
    utf8 ??= new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return utf8.decode(bytes);
  } catch (cause) {
    throw new ProtocolError("Cannot decode text as UTF-8", start, { cause });
  }
}
