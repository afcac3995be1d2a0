/**
 * Reads the client's identification before ssh2 sees a byte of it.
 * Row F5: ssh2 loses an identification that comes in three or more pieces and
 * refuses lines before it, which Go skips; it also waits for 8 KiB where Go
 * stops at 255 bytes, and hashes text instead of the bytes that came. So ssh2
 * is shown a neutral line, and the true one is put in its place for the hash.
 * Source: RFC 4253, section 4.2; GitLab Shell 14.56.1 (golang.org/x/crypto).
 * @module
 */
import { Buffer } from "node:buffer";
import { ProtocolError } from "../../core/errors.ts";
import type { Ssh2Protocol } from "../ssh2_types.ts";
import type { TcpSocket } from "../tcp_socket.ts";

/** Bytes up to the end of the identification, lines before it included. */
export const IDENT_BYTES_MAX = 255;

const NEUTRAL_LINE = Buffer.from("SSH-2.0-client\r\n");
const PREFIX = Buffer.from("SSH-");
const PROXY_V1 = Buffer.from("PROXY ");
const PROXY_V2 = Buffer.from("\r\n\r\n\0\r\nQUIT\n");
const CR = 13;
const LF = 10;

/** The client's first bytes are a PROXY header that nobody expects. */
export class StrayProxyHeaderError extends ProtocolError {
  override name = "StrayProxyHeaderError";
  constructor() {
    super("ssh: PROXY header in place of an identification", 0);
  }
}

/** Collects bytes until the identification is whole. */
export class ClientIdent {
  #held = Buffer.alloc(0);
  #hasProxyLine = false;

  /** Whether a line before the identification is a PROXY header. */
  get hasProxyLine(): boolean {
    return this.#hasProxyLine;
  }

  /**
   * @param bytes What arrived.
   * @returns The line without its end, and what came after it; `undefined`
   * while more is needed.
   * @throws {StrayProxyHeaderError} If a binary PROXY header comes first.
   * @throws {ProtocolError} If the line does not end within the limit.
   */
  push(bytes: Buffer): { line: Buffer; rest: Buffer } | undefined {
    this.#held = Buffer.concat([this.#held, bytes]);
    if (this.#held.indexOf(PROXY_V2) === 0) throw new StrayProxyHeaderError();
    let start = 0;
    for (;;) {
      const end = this.#held.indexOf(LF, start);
      if (
        end < 0 ? this.#held.length > IDENT_BYTES_MAX : end > IDENT_BYTES_MAX
      ) {
        throw new ProtocolError("ssh: overflow reading version string", 0);
      }
      if (end < 0) return undefined;
      const isIdent = this.#held.subarray(start, end).indexOf(PREFIX) === 0;
      if (isIdent) {
        const lineEnd = this.#held[end - 1] === CR ? end - 1 : end;
        const line = Buffer.from(this.#held.subarray(start, lineEnd));
        return { line, rest: Buffer.from(this.#held.subarray(end + 1)) };
      }
      const isProxy = this.#held.subarray(start).indexOf(PROXY_V1) === 0;
      if (isProxy) this.#hasProxyLine = true;
      start = end + 1;
    }
  }
}

/** What a client identified itself with. */
export interface HeldIdent {
  /** `undefined` until it is whole. */
  line: Buffer | undefined;
  hasProxyLine: boolean;
}

/**
 * Keeps everything from ssh2 until the client has identified itself.
 * @returns Puts the client's line where ssh2 hashes it; to be called when ssh2
 * announces the connection. `undefined` until then.
 */
export function holdUntilIdent(
  socket: TcpSocket,
  onFailure: (error: unknown) => void,
): HeldIdent {
  const ident = new ClientIdent();
  const result: HeldIdent = { line: undefined, hasProxyLine: false };
  socket.intake = (bytes) => {
    try {
      const found = ident.push(bytes);
      if (!found) return undefined;
      socket.intake = undefined;
      result.line = found.line;
      result.hasProxyLine = ident.hasProxyLine;
      return Buffer.concat([NEUTRAL_LINE, found.rest]);
    } catch (error) {
      socket.intake = () => undefined;
      onFailure(error);
      return undefined;
    }
  };
  return result;
}

/** Makes the exchange hash cover what the client really sent. */
export function restoreIdent(protocol: Ssh2Protocol, line: Buffer): void {
  protocol._remoteIdentRaw = line;
}
