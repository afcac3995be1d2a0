/**
 * Lists of addresses and ranges as the configuration names them. Pure.
 * Source: GitLab Shell 14.56.1 (go-proxyproto), whose messages are kept.
 * @module
 */
import { isIpInRange, parseIp } from "../core/host_port.ts";

/** Which addresses are meant. */
export class AddressList {
  readonly #ips: readonly Uint8Array[];
  readonly #ranges: readonly string[];

  /**
   * @param entries Single addresses, and ranges such as `10.0.0.0/8`.
   * @throws {Error} `proxyproto: given string …` at the first bad entry.
   */
  constructor(entries: readonly string[]) {
    const ips: Uint8Array[] = [];
    const ranges: string[] = [];
    for (const entry of entries) {
      const quoted = JSON.stringify(entry);
      if (entry.indexOf("/") > 0) {
        if (!isRange(entry)) {
          throw new Error(
            `proxyproto: given string ${quoted} is not a valid IP range: ` +
              `invalid CIDR address: ${entry}`,
          );
        }
        ranges.push(entry);
        continue;
      }
      const ip = parseIp(entry);
      if (ip === undefined) {
        throw new Error(
          `proxyproto: given string ${quoted} is not a valid IP address`,
        );
      }
      ips.push(ip);
    }
    this.#ips = ips;
    this.#ranges = ranges;
  }

  /** Whether `address` is one of them; an IPv4 address in IPv6 form is IPv4. */
  has(address: string): boolean {
    const ip = parseIp(address);
    if (ip === undefined) return false;
    return this.#ips.some((other) => isSame(ip, other)) ||
      this.#ranges.some((range) => isIpInRange(ip, range));
  }
}

/** Whether text is a range that addresses can be compared with. */
function isRange(text: string): boolean {
  const [base = "", bits = "", more] = text.split("/");
  const ip = parseIp(base);
  return ip !== undefined && more === undefined && /^[0-9]{1,3}$/.test(bits) &&
    Number(bits) <= ip.length * 8;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length &&
    one.every((byte, at) => byte === other[at]);
}
