/**
 * Connects to a Gitaly: Unix socket, TCP, TLS, and an HTTP proxy between.
 * Source: Gitaly 18.9, client dial; texts after grpc-go and Go's package net.
 * @module
 */
import { errorText } from "../core/errors.ts";
import { quoteGo } from "../core/go_text.ts";
import type { GitalyAddress, NetworkAddress } from "./address.ts";
import { withDeadline } from "./deadline.ts";
import { type HostPort, joinHostPort } from "./host_port.ts";
import { encodeConnectRequest, findProxy, type ProxyServer } from "./proxy.ts";
import type { TrustedRoots } from "./trusted_roots.ts";
import type { Socket } from "./yamux_session.ts";

/** No connection came about; the message is grpc-go's. */
export class DialError extends Error {
  override name = "DialError";
}

/** What dialling uses of the program's surroundings. */
export interface DialOptions {
  /** Reads an environment variable. */
  readonly env: (name: string) => string | undefined;
  readonly roots: TrustedRoots;
  /** Limit for all steps together. */
  readonly timeoutMs: number;
}

/** One way to an address: a socket's path, or one host that it resolved to. */
export type DialTarget = string | HostPort;

/** A proxy's whole answer to CONNECT. */
const PROXY_ANSWER_BYTES_MAX = 8_192;

/**
 * Connects.
 * @param target Where to, as `resolveTargets` gave it.
 * @throws {DialError} If no connection stands within the time.
 */
export async function dial(
  address: GitalyAddress,
  target: DialTarget,
  options: DialOptions,
): Promise<Socket> {
  const shown = typeof target === "string"
    ? `unix ${target}`
    : `tcp ${joinHostPort(target)}`;
  const attempt = new DialAttempt(address, target, options);
  try {
    return await withDeadline(attempt.run(), options.timeoutMs);
  } catch (cause) {
    attempt.abandon();
    const problem = `dial ${shown}: ${describeFailure(cause)}`;
    const reason = quoteGo(`transport: Error while dialing: ${problem}`);
    throw new DialError(
      `last connection error: connection error: desc = ${reason}`,
      { cause },
    );
  }
}

/** The steps of one connection, which may be given up between any two. */
class DialAttempt {
  readonly #address: GitalyAddress;
  readonly #target: DialTarget;
  readonly #options: DialOptions;
  readonly #abort = new AbortController();
  #conn: Deno.Conn | undefined;

  constructor(
    address: GitalyAddress,
    target: DialTarget,
    options: DialOptions,
  ) {
    this.#address = address;
    this.#target = target;
    this.#options = options;
  }

  async run(): Promise<Socket> {
    const address = this.#address;
    const target = this.#target;
    if (typeof target === "string") {
      return this.#keep(
        await Deno.connect({ transport: "unix", path: target }),
      );
    }
    if (address.scheme === "unix") throw new TypeError("Cannot mix targets");
    return address.isTls
      ? await this.#connectTls(target, address)
      : await this.#connect(target, address);
  }

  /** Closes what stands so far; a step under way closes its own when it ends. */
  abandon(): void {
    this.#abort.abort();
    const conn = this.#conn;
    this.#conn = undefined;
    closeQuietly(conn);
  }

  async #connectTcp({ host, port }: HostPort): Promise<Deno.TcpConn> {
    if (!/^[0-9]{1,5}$/.test(port) || Number(port) > 0xffff) {
      throw new Error(`lookup tcp/${port}: unknown port`);
    }
    const conn = await Deno.connect({
      hostname: host,
      port: Number(port),
      signal: this.#abort.signal,
    });
    this.#keep(conn);
    conn.setNoDelay(true);
    return conn;
  }

  /** TCP to the host itself, through the proxy if there is one. */
  async #connect(
    target: HostPort,
    address: NetworkAddress,
  ): Promise<Deno.TcpConn> {
    const proxy = findProxy(address.target, this.#options.env);
    const conn = await this.#connectTcp(proxy?.target ?? target);
    if (proxy !== undefined) await passProxy(conn, target, proxy);
    return conn;
  }

  async #connectTls(
    target: HostPort,
    address: NetworkAddress,
  ): Promise<Deno.TlsConn> {
    const { host } = address.target;
    const tls = await this.#startTls(await this.#connect(target, address), host)
      // What fails before the handshake is a root that cannot be used, and it
      // takes the connection with it.
      .catch(async (error) => {
        if (!await this.#options.roots.dropUnusable()) throw error;
        return await this.#startTls(
          await this.#connect(target, address),
          host,
        );
      });
    await tls.handshake();
    return tls;
  }

  async #startTls(
    conn: Deno.TcpConn,
    hostname: string,
  ): Promise<Deno.TlsConn> {
    const caCerts = await this.#options.roots.list();
    // An answer is not asked for: Gitaly selects a protocol or none, and what
    // follows is often not HTTP/2 but yamux.
    const alpnProtocols = ["h2"];
    return this.#keep(
      await Deno.startTls(conn, { hostname, alpnProtocols, caCerts }),
    );
  }

  #keep<T extends Deno.Conn>(conn: T): T {
    if (this.#abort.signal.aborted) {
      closeQuietly(conn);
      throw this.#abort.signal.reason;
    }
    this.#conn = conn;
    return conn;
  }
}

/** Asks `proxy` to connect us; what follows on the socket is the target's. */
async function passProxy(
  conn: Deno.Conn,
  target: HostPort,
  proxy: ProxyServer,
): Promise<void> {
  const request = encodeConnectRequest(target, proxy);
  for (let at = 0; at < request.length;) {
    at += await conn.write(request.subarray(at));
  }
  let answer = "";
  const byte = new Uint8Array(1);
  // Byte by byte, for what comes behind the blank line is not the proxy's.
  while (!answer.endsWith("\r\n\r\n")) {
    const size = await conn.read(byte);
    if (size === null || answer.length === PROXY_ANSWER_BYTES_MAX) {
      throw new Error("reading server HTTP response: unexpected EOF");
    }
    answer += String.fromCharCode(byte[0] ?? 0);
  }
  if (!/^HTTP\/1\.[01] 200(?: |\r)/.test(answer)) {
    throw new Error(
      `failed to do connect handshake, response: ${quoteGo(answer)}`,
    );
  }
}

/** The fault in Go's words where it is one of the usual. */
function describeFailure(cause: unknown): string {
  if (cause instanceof Deno.errors.NotFound) {
    return "connect: no such file or directory";
  }
  if (cause instanceof Deno.errors.ConnectionRefused) {
    return "connect: connection refused";
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    return "connect: permission denied";
  }
  return errorText(cause);
}

/** Closes a connection that may be closed already. */
function closeQuietly(conn: Deno.Conn | undefined): void {
  try {
    conn?.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
