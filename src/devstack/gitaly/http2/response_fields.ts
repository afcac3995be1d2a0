/**
 * Header fields of a gRPC response, as grpc-go's server sends them. Pure.
 * Source: gRPC over HTTP/2, "Responses".
 * @module
 */
import { Buffer } from "node:buffer";
import type { HeaderField } from "../../../gitaly/http2/hpack_table.ts";
import { CODE, type StatusError } from "../status.ts";

/** What stands in front of the first message. */
export const RESPONSE_HEADERS: readonly HeaderField[] = [
  [":status", "200"],
  ["content-type", "application/grpc"],
];

/** What ends the call; `undefined` is OK. */
export function formatTrailers(status: StatusError | undefined): HeaderField[] {
  const { code, message, detailsBin } = status ??
    { code: CODE.ok, message: "", detailsBin: undefined };
  const fields: HeaderField[] = [
    ["grpc-status", String(code)],
    ["grpc-message", percentEncode(message)],
  ];
  if (detailsBin) {
    const base64 = Buffer.from(detailsBin).toString("base64");
    fields.push(["grpc-status-details-bin", base64.replace(/=+$/, "")]);
  }
  return fields;
}

function percentEncode(text: string): string {
  let encoded = "";
  for (const byte of new TextEncoder().encode(text)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += isPlain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}
