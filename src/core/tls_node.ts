/**
 * TLS by `node:tls`, for what Deno's own cannot do: trust a certificate that
 * is its own root, show a certificate under another name than was dialled, or
 * trust anybody. Slow to load.
 * @module
 */
import { checkServerIdentity, connect, type TLSSocket } from "node:tls";
import type { ByteDuplex } from "./io.ts";
import type { TlsTarget } from "./tls_connect.ts";

/** Received and not yet read. */
const WAITING_BYTES_MAX = 64 * 1024 * 1024;

/** Whom to connect to; `connect` and `readBytes` have no meaning here. */
export interface NodeTlsTarget extends TlsTarget {
  /** Trusts whatever answers, if the operator has said so. */
  readonly trustsAnybody?: boolean;
}

/**
 * Dials and shakes hands; `target.roots` are the only ones trusted, each of
 * them as it stands.
 * @throws {Error} If there is no connection or no trust.
 * @throws {unknown} `signal.reason`.
 */
export function openNodeTls(
  target: NodeTlsTarget,
  signal: AbortSignal,
): Promise<ByteDuplex> {
  const { hostname, port, serverName, roots, alpnProtocols } = target;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const socket = connect({
      host: hostname,
      port,
      ca: [...roots],
      ...target.clientCertificate,
      ...(isAddress(serverName) ? {} : { servername: serverName }),
      ...(alpnProtocols && { ALPNProtocols: [...alpnProtocols] }),
      // Said aloud, for an environment variable can turn the default off.
      rejectUnauthorized: target.trustsAnybody !== true,
      minVersion: "TLSv1.2",
      checkServerIdentity(_, certificate) {
        if (target.trustsAnybody) return undefined;
        // Go no longer looks at the common name; Node still would.
        return certificate.subjectaltname
          ? checkServerIdentity(serverName, certificate)
          : new Error("Certificate has no subject alternative name");
      },
    });
    const giveUp = () => socket.destroy(asError(signal.reason));
    signal.addEventListener("abort", giveUp, { once: true });
    const done = () => signal.removeEventListener("abort", giveUp);
    socket.once("error", (error) => {
      done();
      reject(signal.aborted ? signal.reason : error);
    });
    socket.once("secureConnect", () => {
      done();
      resolve(new NodeSocketDuplex(socket));
    });
  });
}

function isAddress(name: string): boolean {
  return name.includes(":") || /^\d+\.\d+\.\d+\.\d+$/.test(name);
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

/**
 * A Node socket, read by pulling. It is never paused: Deno 2.9.6 goes on
 * receiving then, and loses the end of the stream. HTTP/2 and yamux above have
 * windows that keep what waits here small; a peer that ignores them is cut off.
 */
class NodeSocketDuplex implements ByteDuplex {
  readonly #socket: TLSSocket;
  readonly #chunks: Uint8Array[] = [];
  #waitingBytes = 0;
  #isEnded = false;
  #error: Error | undefined;
  #wake: () => void = () => {};

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => this.#keep(chunk));
    socket.on("end", () => this.#finish());
    socket.on("close", () => this.#finish());
    socket.on("error", (error) => {
      this.#error ??= error;
      this.#finish();
    });
  }

  async read(): Promise<Uint8Array | null> {
    while (true) {
      const chunk = this.#chunks.shift();
      if (chunk) {
        this.#waitingBytes -= chunk.length;
        return chunk;
      }
      if (this.#error) throw this.#error;
      if (this.#isEnded) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(
        // The socket may keep what it is given, and the bytes are the caller's.
        bytes.slice(),
        (error) => error ? reject(error) : resolve(),
      );
    });
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.writableEnded || this.#socket.destroyed) resolve();
      else this.#socket.end(() => resolve());
    });
  }

  close(): void {
    // As with Deno's sockets, a read that waits must learn of it.
    this.#error ??= new Deno.errors.Interrupted("Connection was closed");
    this.#socket.destroy();
    this.#finish();
  }

  #keep(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes > WAITING_BYTES_MAX) {
      this.#socket.destroy(new Error("Peer sends faster than it is read"));
    }
    this.#wake();
  }

  #finish(): void {
    this.#isEnded = true;
    this.#wake();
  }
}
