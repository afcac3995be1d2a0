/**
 * The headers of a call. Pure.
 * Source: gRPC over HTTP/2, "Requests"; grpc-go 1.81 for what is refused.
 * @module
 */
import { quoteGo } from "../../core/go_text.ts";
import type { GrpcMetadata } from "../grpc_call.ts";
import { entryBytes, type HeaderField } from "./hpack_table.ts";

/** Names this client; servers do not look at it. */
const USER_AGENT = "gitlab-shell-deno-grpc/1.0";
/** Names that belong to gRPC; metadata of that name is left out, as in Go. */
const RESERVED_NAMES: ReadonlySet<string> = new Set([
  "content-type",
  "user-agent",
  "grpc-message-type",
  "grpc-encoding",
  "grpc-message",
  "grpc-status",
  "grpc-timeout",
  "te",
]);
const NAME = /^[0-9a-z_.-]+$/;
const PRINTABLE = /^[ -~]*$/;
const BYTES = /^[\0-\xff]*$/;

/** Where a call goes. */
export interface RequestTarget {
  readonly scheme: "http" | "https";
  readonly authority: string;
  readonly path: string;
}

/**
 * Makes the headers of a call. There is no `grpc-timeout`: these calls last
 * as long as the user's session.
 * @param metadata Checked by `checkMetadata`. A value whose name ends in `-bin`
 * is bytes, one per character, and is sent as base64.
 */
export function makeRequestHeaders(
  { scheme, authority, path }: RequestTarget,
  metadata: GrpcMetadata,
): HeaderField[] {
  const fields: HeaderField[] = [
    [":method", "POST"],
    [":scheme", scheme],
    [":path", path],
    [":authority", authority],
    ["content-type", "application/grpc"],
    ["user-agent", USER_AGENT],
    ["te", "trailers"],
    ["grpc-accept-encoding", "identity"],
  ];
  for (const [name, value] of metadata) {
    if (name.startsWith(":") || RESERVED_NAMES.has(name)) continue;
    fields.push([name, name.endsWith("-bin") ? encodeBinary(value) : value]);
  }
  return fields;
}

/**
 * Finds what must not be sent.
 * @returns Go's text, or nothing if all is well.
 */
export function checkMetadata(metadata: GrpcMetadata): string | undefined {
  for (const [name, value] of metadata) {
    if (name === "") return "there is an empty key in the header";
    if (name.startsWith(":")) continue;
    if (!NAME.test(name)) {
      return `${keyText(name)} illegal characters not in [0-9a-z-_.]`;
    }
    const legal = name.endsWith("-bin") ? BYTES : PRINTABLE;
    if (!legal.test(value)) {
      return `${keyText(name)} value with non-printable ASCII characters`;
    }
  }
  return undefined;
}

/** What a list of headers costs, as SETTINGS_MAX_HEADER_LIST_SIZE counts it. */
export function headerListBytes(fields: readonly HeaderField[]): number {
  return fields.reduce((sum, field) => sum + entryBytes(field), 0);
}

function keyText(name: string): string {
  return `header key ${quoteGo(name)} contains`;
}

function encodeBinary(value: string): string {
  const bytes = Uint8Array.from(value, (char) => char.charCodeAt(0));
  return bytes.toBase64({ omitPadding: true });
}
