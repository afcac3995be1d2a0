/**
 * Which addresses count as one source. Pure.
 * Source: OpenSSH, sshd_config(5), PerSourceNetBlockSize.
 * @module
 */
import { parseIp } from "../core/host_port.ts";

/** Leading bits that make two addresses the same source. */
export interface NetBlockSize {
  readonly ipv4Bits: number;
  readonly ipv6Bits: number;
}

const IPV4_BITS = 32;
const IPV6_BITS = 128;

/**
 * Reads `32:64`; the second number may be left out.
 * @throws {Error} If it cannot be read.
 */
export function parseNetBlockSize(text: string): NetBlockSize {
  const [, ipv4 = "", ipv6 = "64"] =
    /^([0-9]{1,2})(?::([0-9]{1,3}))?$/.exec(text || "32:64") ?? [];
  const size = { ipv4Bits: Number(ipv4), ipv6Bits: Number(ipv6) };
  const isRight = ipv4 !== "" && size.ipv4Bits <= IPV4_BITS &&
    size.ipv6Bits <= IPV6_BITS;
  if (!isRight) {
    throw new Error(
      `sshd.per_source_net_block_size: cannot read ${JSON.stringify(text)}: ` +
        "bits of IPv4 and of IPv6, such as 32:64, are needed",
    );
  }
  return size;
}

/**
 * Names the source of an address.
 * @returns A text that is the same for all addresses of the block; an address
 * that cannot be read is a source of its own.
 * @example
 * ```ts
 * import { sourceOf } from "./source_block.ts";
 * const size = { ipv4Bits: 24, ipv6Bits: 64 };
 * sourceOf("10.1.2.3", size); // "10.1.2.0/24"
 * ```
 */
export function sourceOf(
  address: string,
  { ipv4Bits, ipv6Bits }: NetBlockSize,
): string {
  const ip = parseIp(address);
  if (ip === undefined) return address;
  const bits = ip.length === 4 ? ipv4Bits : ipv6Bits;
  const masked = ip.map((byte, at) => {
    const kept = Math.min(Math.max(bits - at * 8, 0), 8);
    return byte & (0xff << (8 - kept));
  });
  if (ip.length === 4) return `${masked.join(".")}/${bits}`;
  return `${masked.toHex()}/${bits}`;
}
