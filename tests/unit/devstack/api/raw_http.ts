/**
 * An HTTP client that sends exactly what it is told and shows exactly what
 * came back.
 * @module
 */
import { createHmac } from "node:crypto";

/** A response as text. */
export interface RawResponse {
  readonly status: number;
  /** Header lines as sent, without the status line. */
  readonly headers: readonly string[];
  readonly body: string;
}

/** Where to connect. */
export type RawTarget =
  | Deno.ConnectOptions
  | Deno.UnixConnectOptions
  | (Deno.ConnectTlsOptions & { readonly isTls: true });

const decoder = new TextDecoder();

/** Sends `text`, in pieces if asked to, and reads until the server closes. */
export async function exchangeRaw(
  target: RawTarget,
  text: string,
  pieceBytes = Infinity,
): Promise<string> {
  using conn = await connect(target);
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = bytes.subarray(at, Math.min(at + pieceBytes, bytes.length));
    for (let sent = 0; sent < piece.length;) {
      sent += await conn.write(piece.subarray(sent));
    }
  }
  let answer = "";
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const sizeBytes = await conn.read(buffer);
    if (sizeBytes === null) return answer;
    answer += decoder.decode(buffer.subarray(0, sizeBytes));
  }
}

/** Takes a response apart. */
export function parseRawResponse(text: string): RawResponse {
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const [first = "", ...headers] = head.split("\r\n");
  const status = Number(first.split(" ")[1]);
  return { status, headers, body: rest.join("\r\n\r\n") };
}

/** Signs a request as GitLab Shell does. */
export function signJwt(secret: string, nowMs = Date.now()): string {
  const encode = (value: unknown) =>
    btoa(JSON.stringify(value)).replace(/=+$/, "").replaceAll("+", "-")
      .replaceAll("/", "_");
  const iat = Math.floor(nowMs / 1000);
  const claims = { iss: "gitlab-shell", iat, exp: iat + 60 };
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  const signature = createHmac("sha256", secret).update(signed)
    .digest("base64url");
  return `${signed}.${signature}`;
}

/** A request as GitLab Shell sends it; `extra` lines come last. */
export function formatShellRequest(
  { method = "GET", target, token, body, extra = [] }: {
    readonly method?: string;
    readonly target: string;
    readonly token: string;
    readonly body?: string;
    readonly extra?: readonly string[];
  },
): string {
  const length = new TextEncoder().encode(body ?? "").length;
  return [
    `${method} ${target} HTTP/1.1`,
    "Host: unix",
    "User-Agent: GitLab-Shell",
    "Content-Type: application/json",
    `Gitlab-Shell-Api-Request: ${token}`,
    "X-Request-Id: 01KFXV2J3Q4R5S6T7V8W9X0Y1Z",
    "Accept-Encoding: gzip",
    "Connection: close",
    ...(body === undefined ? [] : [`Content-Length: ${length}`]),
    ...extra,
    "",
    body ?? "",
  ].join("\r\n");
}

function connect(target: RawTarget): Promise<Deno.Conn> {
  if ("isTls" in target) return Deno.connectTls(target);
  return "path" in target ? Deno.connect(target) : Deno.connect(target);
}
