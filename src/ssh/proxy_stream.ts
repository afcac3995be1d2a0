/**
 * Reads a PROXY header off a connection before anything else sees it, and
 * leaves a stream that begins behind the header and bears the client's
 * address.
 * Source: GitLab Shell 14.56.1, sshd (go-proxyproto).
 * @module
 */
import { ProtocolError } from "../core/errors.ts";
import {
  decodeProxyHeader,
  PROXY_V2_PAYLOAD_BYTES_MAX,
  type ProxySource,
  type ProxyVerdict,
  refuseUnfinished,
} from "./proxy_header.ts";
import type { ProxySettings } from "./proxy_policy.ts";
import type { TcpStream } from "./tcp_socket.ts";

/** A read may bring a whole header and the beginning of what follows. */
const READ_BYTES = 512;
const HELD_BYTES_MAX = PROXY_V2_PAYLOAD_BYTES_MAX + 2 * READ_BYTES;

/** The header, or its absence, is not what the settings ask for. */
export class ProxyRefusal extends ProtocolError {
  override name = "ProxyRefusal";
  /** What to look at: the name of a setting and what it would need to be. */
  readonly advice: string;

  constructor(message: string, advice: string, cause?: unknown) {
    super(message, 0);
    this.cause = cause;
    this.advice = advice;
  }
}

/** A connection whose header, if there was one, has been read. */
export interface ProxiedConnection {
  /** Begins with the client's first byte. */
  readonly stream: TcpStream;
  /** Whether the other end is a balancer that sends headers. */
  readonly hasHeader: boolean;
  /** The client, where the header names one and is to be believed. */
  readonly source: ProxySource | undefined;
}

/**
 * Reads the header.
 * @param peer Address of the other end of the TCP connection.
 * @throws {ProxyRefusal} If the connection must be closed without a word.
 */
export async function readProxyHeader(
  tcp: TcpStream,
  settings: ProxySettings,
  peer: string,
): Promise<ProxiedConnection> {
  const stream = new HeldStream(tcp);
  let verdict: ProxyVerdict;
  try {
    verdict = await decodeWithin(stream, settings.timeoutMs);
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause;
    const advice = "the sender of the header is at fault; " +
      `${settings.setting} decides who may send one`;
    throw new ProxyRefusal(cause.message, advice, cause);
  }
  const policy = settings.policyFor(peer);
  if (verdict.kind !== "header") {
    if (policy !== "require") {
      return { stream, hasHeader: false, source: undefined };
    }
    throw new ProxyRefusal(
      "proxyproto: proxy protocol signature not present",
      "sshd.proxy_policy is require: let the balancer send the PROXY " +
        "protocol, or set it to use",
    );
  }
  if (policy === "reject") {
    throw new ProxyRefusal(
      "proxyproto: upstream connection sent PROXY header but isn't allowed " +
        "to send one",
      settings.setting === "sshd.proxy_allowed"
        ? `sshd.proxy_allowed does not have ${peer}`
        : "sshd.proxy_policy is reject",
    );
  }
  stream.skip(verdict.sizeBytes);
  const source = policy === "ignore" ? undefined : verdict.source;
  if (source && source.transport !== "unix") {
    stream.remoteAddr = { ...source, transport: "tcp" };
  }
  return { stream, hasHeader: true, source };
}

async function decodeWithin(
  stream: HeldStream,
  timeoutMs: number,
): Promise<ProxyVerdict> {
  const over = Promise.withResolvers<"late">();
  const timer = timeoutMs === Infinity
    ? undefined
    : setTimeout(() => over.resolve("late"), timeoutMs);
  try {
    for (;;) {
      const verdict = decodeProxyHeader(stream.held);
      if (verdict.kind !== "more") return verdict;
      const outcome = await Promise.race([stream.fill(), over.promise]);
      if (outcome === "more") continue;
      refuseUnfinished(stream.held);
      return { kind: "none" };
    }
  } finally {
    clearTimeout(timer);
  }
}

/** A stream some bytes of which have been looked at already. */
class HeldStream implements TcpStream {
  remoteAddr: Deno.Addr;
  /** Read and not yet handed on. */
  held = new Uint8Array(0);
  readonly #tcp: TcpStream;
  #filling: Promise<"more" | "end"> | undefined;
  #error: unknown;

  constructor(tcp: TcpStream) {
    this.#tcp = tcp;
    this.remoteAddr = tcp.remoteAddr;
  }

  /** Reads more; a call that nobody waits for any more still counts. */
  fill(): Promise<"more" | "end"> {
    return this.#filling ??= this.#fill();
  }

  skip(sizeBytes: number): void {
    this.held = this.held.subarray(sizeBytes);
  }

  async read(target: Uint8Array): Promise<number | null> {
    const filling = this.#filling;
    if (this.held.length === 0 && filling) await filling;
    const { length } = this.held;
    if (length > 0) {
      const count = Math.min(length, target.length);
      target.set(this.held.subarray(0, count));
      this.skip(count);
      return count;
    }
    if (this.#error !== undefined) throw this.#error;
    return await this.#tcp.read(target);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#tcp.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#tcp.closeWrite();
  }

  close(): void {
    this.#tcp.close();
  }

  async #fill(): Promise<"more" | "end"> {
    const target = new Uint8Array(READ_BYTES);
    let count: number | null = null;
    try {
      count = await this.#tcp.read(target);
    } catch (error) {
      this.#error = error;
    }
    this.#filling = undefined;
    if (count === null) return "end";
    const held = new Uint8Array(this.held.length + count);
    if (held.length > HELD_BYTES_MAX) {
      throw new RangeError("Cannot hold more than a header");
    }
    held.set(this.held);
    held.set(target.subarray(0, count), this.held.length);
    this.held = held;
    return "more";
  }
}
