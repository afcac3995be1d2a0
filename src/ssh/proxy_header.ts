/**
 * The PROXY protocol's headers, versions 1 and 2. Pure: bytes in, a verdict
 * out. The reference dies of a version 2 header whose family has no protocol;
 * here each malformed one is refused.
 * Source: HAProxy, proxy-protocol.txt; GitLab Shell 14.56.1 (go-proxyproto),
 * whose messages are kept because operators search logs for them.
 * @module
 */
import { ProtocolError } from "../core/errors.ts";
import { parseIp } from "../core/host_port.ts";

/** Longest version 1 header, line end included. */
export const PROXY_V1_BYTES_MAX = 107;
/** Longest part of a version 2 header behind its first 16 bytes. */
export const PROXY_V2_PAYLOAD_BYTES_MAX = 4096;

const V1_SIGNATURE = new TextEncoder().encode("PROXY");
const V2_SIGNATURE = new TextEncoder().encode("\r\n\r\n\0\r\nQUIT\n");
const V2_HEAD_BYTES = 16;
const LF = 10;
const PORT_MAX = 65_535;
const latin1 = new TextDecoder("latin1");

/** A client's address as a balancer tells it. */
export interface ProxySource {
  readonly transport: "tcp" | "udp" | "unix";
  /** Empty for a Unix socket, whose path tells nobody apart. */
  readonly hostname: string;
  readonly port: number;
}

/** What the bytes so far are. */
export type ProxyVerdict =
  /** They may become a header. */
  | { readonly kind: "more" }
  /** They are none and never will be. */
  | { readonly kind: "none" }
  /** A whole one; without a source the connection is the sender's own. */
  | {
    readonly kind: "header";
    readonly sizeBytes: number;
    readonly source: ProxySource | undefined;
  };

const MORE: ProxyVerdict = { kind: "more" };
const NONE: ProxyVerdict = { kind: "none" };

/** What of a version 2 header is missing when it stops after some bytes. */
const V2_MISSING = [
  [13, "can't read proxy protocol version and command"],
  [14, "can't read address family or protocol"],
  [V2_HEAD_BYTES, "can't read length"],
  [Infinity, "invalid length"],
] as const;

/** Families of version 2, with the bytes that their addresses take. */
const V2_FAMILIES: ReadonlyMap<number, { ipBytes: number; sizeBytes: number }> =
  new Map([
    [1, { ipBytes: 4, sizeBytes: 12 }],
    [2, { ipBytes: 16, sizeBytes: 36 }],
    [3, { ipBytes: 0, sizeBytes: 216 }],
  ]);
const V2_PROTOCOLS: ReadonlyMap<number, ProxySource["transport"]> = new Map([
  [1, "tcp"],
  [2, "udp"],
]);

/**
 * Looks for a header at the start of `bytes`.
 *
 * A version 1 line must be there as a whole as soon as its first word is, for
 * its senders are told to send it at once; version 2 may come in pieces.
 * @param bytes Everything that has arrived so far.
 * @throws {ProtocolError} If they begin as a header and are malformed.
 * @example
 * ```ts
 * import { decodeProxyHeader } from "./proxy_header.ts";
 * const line = "PROXY TCP4 10.1.1.1 10.2.2.2 1000 22\r\nSSH-2.0-x";
 * const verdict = decodeProxyHeader(new TextEncoder().encode(line));
 * verdict.kind; // "header"
 * ```
 */
export function decodeProxyHeader(bytes: Uint8Array): ProxyVerdict {
  if (startsAlike(bytes, V1_SIGNATURE)) {
    return bytes.length < V1_SIGNATURE.length ? MORE : decodeV1(bytes);
  }
  if (startsAlike(bytes, V2_SIGNATURE)) {
    return bytes.length < V2_SIGNATURE.length ? MORE : decodeV2(bytes);
  }
  return NONE;
}

/**
 * Judges bytes after which no more came in time.
 * @returns Nothing if no header has begun: the bytes are the client's.
 * @throws {ProtocolError} If one has.
 */
export function refuseUnfinished(bytes: Uint8Array): void {
  // A version 1 line is never waited for.
  const hasBegun = bytes.length >= V2_SIGNATURE.length &&
    startsAlike(bytes, V2_SIGNATURE);
  if (!hasBegun) return;
  for (const [sizeBytes, what] of V2_MISSING) {
    if (bytes.length < sizeBytes) throw malformed(what);
  }
}

/** Whether one is the start of the other; true for no bytes at all. */
function startsAlike(bytes: Uint8Array, signature: Uint8Array): boolean {
  const length = Math.min(bytes.length, signature.length);
  for (let at = 0; at < length; at++) {
    if (bytes[at] !== signature[at]) return false;
  }
  return true;
}

function decodeV1(bytes: Uint8Array): ProxyVerdict {
  const end = bytes.subarray(0, PROXY_V1_BYTES_MAX).indexOf(LF);
  if (end < 0) {
    throw malformed(
      bytes.length < PROXY_V1_BYTES_MAX
        ? "can't read version 1 header"
        : "version 1 header must be 107 bytes or less",
    );
  }
  const line = latin1.decode(bytes.subarray(0, end + 1));
  if (!line.endsWith("\r\n")) {
    throw malformed("version 1 header is invalid, must end with \\r\\n");
  }
  const sizeBytes = line.length;
  const [word, family, source, destination, sourcePort, destinationPort, more] =
    line.slice(0, -2).split(" ");
  const isUnknown = family === "UNKNOWN";
  const isIp = family === "TCP4" || family === "TCP6";
  const isComplete = destinationPort !== undefined && more === undefined;
  if (word !== "PROXY" || !isUnknown && !(isIp && isComplete)) {
    throw malformed("can't read address family or protocol");
  }
  if (!isIp) return { kind: "header", sizeBytes, source: undefined };
  const hostname = readV1Address(source, family);
  readV1Address(destination, family);
  const port = readV1Port(sourcePort);
  readV1Port(destinationPort);
  const found = { transport: "tcp", hostname, port } as const;
  return { kind: "header", sizeBytes, source: found };
}

function readV1Address(text = "", family: "TCP4" | "TCP6"): string {
  const ip = parseIp(text);
  const isRefused = family === "TCP4" && text.includes(":");
  if (ip === undefined || isRefused) throw malformed("invalid address");
  return formatIp(ip);
}

function readV1Port(text = ""): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : NaN;
  if (!(port <= PORT_MAX)) throw malformed("invalid port number");
  return port;
}

function decodeV2(bytes: Uint8Array): ProxyVerdict {
  const [command, family] = bytes.subarray(V2_SIGNATURE.length);
  if (command === undefined) return MORE;
  const isLocal = command === 0x20;
  if (!isLocal && command !== 0x21) {
    throw malformed("unsupported proxy protocol version and command");
  }
  if (family === undefined) return MORE;
  const shape = V2_FAMILIES.get(family >> 4);
  const transport = V2_PROTOCOLS.get(family & 15);
  if (!isLocal && !(shape && transport)) {
    throw malformed("unsupported address family and protocol");
  }
  if (bytes.length < V2_HEAD_BYTES) return MORE;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // Judged before the rest arrives: a hostile length must not fill memory.
  const payloadBytes = view.getUint16(V2_HEAD_BYTES - 2);
  const leastBytes = isLocal ? 0 : shape?.sizeBytes ?? 0;
  const isRight = payloadBytes >= leastBytes &&
    payloadBytes <= PROXY_V2_PAYLOAD_BYTES_MAX;
  if (!isRight) throw malformed("invalid length");
  const sizeBytes = V2_HEAD_BYTES + payloadBytes;
  if (bytes.length < sizeBytes) return MORE;
  if (isLocal || !transport || !shape) {
    return { kind: "header", sizeBytes, source: undefined };
  }
  const { ipBytes } = shape;
  if (ipBytes === 0) {
    const source = { transport: "unix", hostname: "", port: 0 } as const;
    return { kind: "header", sizeBytes, source };
  }
  const ip = bytes.subarray(V2_HEAD_BYTES, V2_HEAD_BYTES + ipBytes);
  const port = view.getUint16(V2_HEAD_BYTES + 2 * ipBytes);
  const source = { transport, hostname: formatIp(unmap(ip)), port };
  return { kind: "header", sizeBytes, source };
}

/** An IPv4 address in IPv6 form is an IPv4 address, as Go prints it. */
function unmap(ip: Uint8Array): Uint8Array {
  const isMapped = ip.length === 16 && ip[10] === 0xff && ip[11] === 0xff &&
    ip.subarray(0, 10).every((byte) => byte === 0);
  return isMapped ? ip.subarray(12) : ip;
}

/**
 * Prints 4 or 16 bytes as Go's net.IP does.
 * Source: RFC 5952.
 * @example
 * ```ts
 * import { formatIp } from "./proxy_header.ts";
 * formatIp(Uint8Array.of(10, 1, 1, 1)); // "10.1.1.1"
 * ```
 */
export function formatIp(ip: Uint8Array): string {
  if (ip.length === 4) return ip.join(".");
  const groups: string[] = [];
  for (let at = 0; at < ip.length; at += 2) {
    groups.push((((ip[at] ?? 0) << 8) | (ip[at + 1] ?? 0)).toString(16));
  }
  const { start, length } = longestZeros(groups);
  if (length < 2) return groups.join(":");
  const head = groups.slice(0, start).join(":");
  return `${head}::${groups.slice(start + length).join(":")}`;
}

function longestZeros(groups: readonly string[]) {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === "0") length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

function malformed(what: string): ProtocolError {
  return new ProtocolError(`proxyproto: ${what}`, 0);
}
