/**
 * What the headers and trailers of a response mean for its call. Pure.
 * Source: gRPC over HTTP/2, "Responses"; gRPC, "HTTP to gRPC Status Code
 * Mapping"; order of checks and wording of grpc-go 1.81.
 * @module
 */
import { GRPC_CODE } from "../../core/errors.ts";
import { quoteGo } from "../../core/go_text.ts";
import type { GrpcStatus } from "../grpc_call.ts";
import { makeStatus } from "./grpc_status.ts";
import type { HeaderList } from "./hpack_decoder.ts";
import type { HeaderField } from "./hpack_table.ts";
import { HTTP2_ERROR } from "./http2_error.ts";

/** Where in the response the headers stand. */
export interface ResponsePlace {
  /** Whether none came before, informational ones left aside. */
  readonly isFirst: boolean;
  readonly endsStream: boolean;
}

/** What headers mean. */
export type ResponseEvent =
  /** Headers that announce the real ones. */
  | { readonly kind: "informational" }
  /** The response begins. */
  | { readonly kind: "begin"; readonly encoding: string }
  /** The call is over. */
  | { readonly kind: "end"; readonly status: GrpcStatus }
  /** The response cannot be used; the stream is to be reset. */
  | {
    readonly kind: "fault";
    readonly status: GrpcStatus;
    readonly resetCode: number;
  };

const UNAUTHENTICATED = 16;
const PERMISSION_DENIED = 7;
const CODE_BY_HTTP_STATUS: ReadonlyMap<string, number> = new Map([
  ["400", GRPC_CODE.internal],
  ["401", UNAUTHENTICATED],
  ["403", PERMISSION_DENIED],
  ["404", GRPC_CODE.unimplemented],
  ["429", GRPC_CODE.unavailable],
  ["502", GRPC_CODE.unavailable],
  ["503", GRPC_CODE.unavailable],
  ["504", GRPC_CODE.unavailable],
]);
/** Reason phrases that Go would print; of the rest nobody asks. */
const HTTP_REASONS: ReadonlyMap<string, string> = new Map([
  ["200", "OK"],
  ["204", "No Content"],
  ["301", "Moved Permanently"],
  ["302", "Found"],
  ["307", "Temporary Redirect"],
  ["400", "Bad Request"],
  ["401", "Unauthorized"],
  ["403", "Forbidden"],
  ["404", "Not Found"],
  ["405", "Method Not Allowed"],
  ["408", "Request Timeout"],
  ["413", "Request Entity Too Large"],
  ["415", "Unsupported Media Type"],
  ["429", "Too Many Requests"],
  ["431", "Request Header Fields Too Large"],
  ["500", "Internal Server Error"],
  ["501", "Not Implemented"],
  ["502", "Bad Gateway"],
  ["503", "Service Unavailable"],
  ["504", "Gateway Timeout"],
]);
/** Headers of HTTP/1 that make a response of HTTP/2 malformed. */
const CONNECTION_HEADERS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);
const CONTENT_TYPE = /^application\/grpc(?:[+;]|$)/;
const INT32 = /^[-+]?[0-9]{1,10}$/;
const PERCENT_ESCAPES = /%[0-9a-fA-F]{2}/g;
const ASCII = /^[\0-\x7f]*$/;

/** Judges the headers or trailers of one response. */
export function readResponse(
  list: HeaderList,
  place: ResponsePlace,
): ResponseEvent {
  if (!place.isFirst && !place.endsStream) {
    return fault("a HEADERS frame cannot appear in the middle of a stream");
  }
  if (list.isTruncated) {
    const message = "peer header list size exceeded limit";
    return fault(message, { resetCode: HTTP2_ERROR.frameSize });
  }
  if (isMalformed(list.fields, place)) return fault("received invalid frame");
  const headers = new Map(list.fields);
  const contentType = headers.get("content-type");
  const isGrpc = contentType !== undefined && CONTENT_TYPE.test(contentType);
  if (place.isFirst && !isGrpc) return readForeign(headers, place);
  const detailsBin = decodeBinary(headers.get("grpc-status-details-bin"));
  if (detailsBin === null) {
    const what = "grpc-status-details-bin: illegal base64 data";
    return fault(`transport: malformed ${what}`);
  }
  if (!place.endsStream) {
    const encoding = headers.get("grpc-encoding") ?? "";
    return { kind: "begin", encoding };
  }
  return readTrailers(headers, detailsBin);
}

function readTrailers(
  headers: ReadonlyMap<string, string>,
  detailsBin: Uint8Array | undefined,
): ResponseEvent {
  const message = decodeGrpcMessage(headers.get("grpc-message") ?? "");
  const retryPushback = headers.get("grpc-retry-pushback-ms");
  const rest = { detailsBin, retryPushback };
  const text = headers.get("grpc-status");
  if (text === undefined) {
    const http = headers.get(":status") ?? "200";
    const code = CODE_BY_HTTP_STATUS.get(http) ?? GRPC_CODE.unknown;
    return { kind: "end", status: makeStatus(code, message, rest) };
  }
  const code = Number(text);
  if (!INT32.test(text) || code !== (code | 0)) {
    const cause = `strconv.ParseInt: parsing ${quoteGo(text)}: invalid syntax`;
    const what = `transport: malformed grpc-status: ${cause}`;
    return fault(what, { code: GRPC_CODE.unknown });
  }
  // Go reads the number as unsigned, so that -1 is some unknown code.
  return { kind: "end", status: makeStatus(code >>> 0, message, rest) };
}

/** A response that is not gRPC's, from a proxy or from another server. */
function readForeign(
  headers: ReadonlyMap<string, string>,
  { endsStream }: ResponsePlace,
): ResponseEvent {
  const faults: string[] = [];
  const http = headers.get(":status");
  let code: number = GRPC_CODE.internal;
  if (http === undefined) faults.push("malformed header: missing HTTP status");
  else if (!/^[1-9][0-9]{2}$/.test(http)) {
    const cause = `strconv.Atoi: parsing ${quoteGo(http)}: invalid syntax`;
    return fault(`transport: malformed http-status: ${cause}`);
  } else if (http.startsWith("1")) {
    if (!endsStream) return { kind: "informational" };
    return fault(
      `protocol error: informational header with status code ${http} must not have END_STREAM set`,
    );
  } else {
    code = CODE_BY_HTTP_STATUS.get(http) ?? GRPC_CODE.unknown;
    const reason = `${http} (${HTTP_REASONS.get(http) ?? ""})`;
    faults.push(`unexpected HTTP status code received from server: ${reason}`);
  }
  const type = headers.get("content-type");
  faults.push(
    type === undefined
      ? "malformed header: missing HTTP content-type"
      : `transport: received unexpected content-type ${quoteGo(type)}`,
  );
  return fault(faults.join("; "), { code });
}

function fault(
  message: string,
  what: { code?: number; resetCode?: number } = {},
): ResponseEvent {
  const { code = GRPC_CODE.internal, resetCode = HTTP2_ERROR.protocol } = what;
  return { kind: "fault", status: makeStatus(code, message), resetCode };
}

/** RFC 9113, sections 8.2.1, 8.2.2 and 8.3: what no HTTP/2 response may have. */
function isMalformed(
  fields: readonly HeaderField[],
  { isFirst }: ResponsePlace,
): boolean {
  let sawRegular = false;
  let statuses = 0;
  for (const [name, value] of fields) {
    if (name.startsWith(":")) {
      if (name !== ":status" || sawRegular || !isFirst || ++statuses > 1) {
        return true;
      }
    } else sawRegular = true;
    if (name === "" || /[^!-~]|[A-Z]/.test(name)) return true;
    if (/[\0\r\n]/.test(value) || CONNECTION_HEADERS.has(name)) return true;
  }
  return false;
}

/**
 * Decodes `grpc-message`: UTF-8, what is not printable as `%` and two digits.
 * Escapes that are none stay as they are.
 * @example
 * ```ts
 * import { decodeGrpcMessage } from "./response.ts";
 * decodeGrpcMessage("a%20b%C3%A9%zz"); // "a bé%zz"
 * ```
 */
export function decodeGrpcMessage(text: string): string {
  if (!text.includes("%") && ASCII.test(text)) return text;
  const latin1 = text.replace(
    PERCENT_ESCAPES,
    (escape) => String.fromCharCode(parseInt(escape.slice(1), 16)),
  );
  const bytes = Uint8Array.from(latin1, (char) => char.charCodeAt(0));
  // Made when it is needed: most calls have nothing to tell.
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** @returns `null` if it is not base64; padding may be left out. */
function decodeBinary(text: string | undefined): Uint8Array | undefined | null {
  if (text === undefined) return undefined;
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return null;
  }
}
