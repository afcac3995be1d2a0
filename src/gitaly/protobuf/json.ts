/**
 * Reads protobuf's JSON form of a request, as `GITALY_PAYLOAD` brings it.
 * Stricter than JSON: unknown and repeated names are refused.
 * Source: Protocol Buffers, ProtoJSON format; Go's protojson 1.36.
 * @module
 */
import { ProtocolError } from "../../core/errors.ts";
import { JsonScanner, type JsonToken } from "./json_scanner.ts";
import type { FieldTable, MessageTable } from "./message_table.ts";

/**
 * Longest text that is read, in characters. The environment of Linux holds an
 * eighth of it.
 */
export const PROTO_JSON_CHARS_MAX = 1_048_576;

/**
 * Parses the JSON form of a message. How deep it may nest is up to the table.
 * @throws {ProtocolError} With GitLab's text, `json unmarshal: proto: …`.
 * @throws {TypeError} If the table has a number, which no request has.
 * @example
 * ```ts
 * import { EXIT_STATUS } from "../gen/shared.ts";
 * parseProtoJson(EXIT_STATUS, "{}"); // { value: 0 }
 * ```
 */
export function parseProtoJson<T>(table: MessageTable<T>, text: string): T {
  try {
    if (text.length > PROTO_JSON_CHARS_MAX) {
      throw new ProtocolError("message too long", PROTO_JSON_CHARS_MAX);
    }
    if (!text.isWellFormed()) throw new ProtocolError("invalid UTF-8", 0);
    const scanner = new JsonScanner(text);
    const message = readMessage(scanner, table);
    const rest = scanner.read();
    if (rest.kind !== "end") throw scanner.unexpected(rest);
    return message;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const { message, offsetBytes } = error;
    throw new ProtocolError(`json unmarshal: proto: ${message}`, offsetBytes);
  }
}

function readMessage<T>(scanner: JsonScanner, table: MessageTable<T>): T {
  const message = table.make();
  const members = message as Record<string, unknown>;
  const seen = new Set<FieldTable>();
  if (!scanner.takeMark("{")) throw scanner.unexpected(scanner.peek());
  if (scanner.takeMark("}")) return message;
  do {
    const field = readName(scanner, table, seen);
    if (scanner.peek().raw === "null") scanner.read();
    else if (field.isRepeated) members[field.name] = readList(scanner, field);
    else members[field.name] = readValue(scanner, field);
  } while (scanner.takeMark(","));
  if (!scanner.takeMark("}")) throw endOr(scanner);
  return message;
}

function readName(
  scanner: JsonScanner,
  { fields }: MessageTable<unknown>,
  seen: Set<FieldTable>,
): FieldTable {
  const token = scanner.peek();
  if (token.kind !== "string") throw endOr(scanner);
  scanner.read();
  if (!scanner.takeMark(":")) throw endOr(scanner);
  const field = fields.find(({ name, protoName }) =>
    name === token.text || protoName === token.text
  );
  if (!field) {
    throw scanner.errorAt(token.offset, `unknown field ${token.raw}`);
  }
  if (seen.has(field)) {
    throw scanner.errorAt(token.offset, `duplicate field ${token.raw}`);
  }
  seen.add(field);
  return field;
}

function readList(scanner: JsonScanner, field: FieldTable): unknown[] {
  const list: unknown[] = [];
  if (!scanner.takeMark("[")) throw scanner.unexpected(scanner.peek());
  if (scanner.takeMark("]")) return list;
  do list.push(readValue(scanner, field)); while (scanner.takeMark(","));
  if (!scanner.takeMark("]")) throw endOr(scanner);
  return list;
}

function readValue(scanner: JsonScanner, field: FieldTable): unknown {
  if (field.type === "message") return readMessage(scanner, field.message);
  const token = scanner.read();
  const value = readScalar(token, field);
  if (value !== undefined) return value;
  const what = `invalid value for ${field.type} field ${field.name}`;
  throw scanner.errorAt(token.offset, `${what}: ${token.raw}`);
}

function readScalar(
  { kind, text }: JsonToken,
  { type, name }: FieldTable,
): string | Uint8Array | undefined {
  if (type !== "string" && type !== "bytes") {
    throw new TypeError(`Cannot read ${type} field ${name} from JSON`);
  }
  if (kind !== "string") return undefined;
  return type === "string" ? text : decodeBase64(text);
}

/** Either alphabet, but not both; padding may be left out. */
function decodeBase64(text: string): Uint8Array | undefined {
  const alphabet = /[-_]/.test(text) ? "base64url" : "base64";
  // The built-in function steps over blanks, which Go does not.
  if (/[ \t\f]/.test(text)) return undefined;
  try {
    return Uint8Array.fromBase64(text, { alphabet });
  } catch {
    return undefined;
  }
}

function endOr(scanner: JsonScanner): ProtocolError {
  const token = scanner.peek();
  return token.kind === "end"
    ? new ProtocolError("unexpected EOF", token.offset)
    : scanner.unexpected(token);
}
