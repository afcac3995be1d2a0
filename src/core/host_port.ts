/**
 * Hosts, ports and IP addresses as Go splits and reads them.
 * Source: Go, package net, funcs SplitHostPort, ParseIP and ParseCIDR.
 * @module
 */

/** A host without brackets, and the port behind its colon. */
export interface HostPort {
  readonly host: string;
  readonly port: string;
}

/**
 * Splits `host:port`, `[host]:port` and `:port`.
 * @returns The parts, or Go's text for what is wrong.
 */
export function splitHostPort(text: string): HostPort | string {
  const colon = text.lastIndexOf(":");
  if (colon < 0) return fault(text, "missing port in address");
  let host = text.slice(0, colon);
  let openFrom = 0;
  let closeFrom = 0;
  if (text.startsWith("[")) {
    const end = text.indexOf("]");
    if (end < 0) return fault(text, "missing ']' in address");
    if (end + 1 !== colon) {
      return text[end + 1] === ":"
        ? fault(text, "too many colons in address")
        : fault(text, "missing port in address");
    }
    host = text.slice(1, end);
    openFrom = 1;
    closeFrom = end + 1;
  } else if (host.includes(":")) {
    return fault(text, "too many colons in address");
  }
  if (text.includes("[", openFrom)) {
    return fault(text, "unexpected '[' in address");
  }
  if (text.includes("]", closeFrom)) {
    return fault(text, "unexpected ']' in address");
  }
  return { host, port: text.slice(colon + 1) };
}

function fault(text: string, problem: string): string {
  return `address ${text}: ${problem}`;
}

/** Joins a host and a port, with brackets where the host has colons. */
export function joinHostPort({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Reads an IP address.
 * @returns Its 4 or 16 bytes; an IPv4 address in IPv6 form gives 4.
 * `undefined` if it is none.
 */
export function parseIp(text: string): Uint8Array | undefined {
  if (!text.includes(":")) return parseIpv4(text);
  const bytes = parseIpv6(text);
  if (bytes === undefined) return undefined;
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 0xff && bytes[11] === 0xff;
  return isMapped ? bytes.subarray(12) : bytes;
}

/** Whether `text` is an IP address of this machine's own loopback. */
export function isLoopbackIp(text: string): boolean {
  const ip = parseIp(text);
  if (ip === undefined) return false;
  if (ip.length === 4) return ip[0] === 127;
  return ip.every((byte, at) => byte === (at === 15 ? 1 : 0));
}

/** Whether `ip` lies in `cidr`, such as `10.0.0.0/8`. */
export function isIpInRange(ip: Uint8Array, cidr: string): boolean {
  const [base = "", length = ""] = cidr.split("/");
  const network = parseIp(base);
  if (network?.length !== ip.length || !/^[0-9]{1,3}$/.test(length)) {
    return false;
  }
  const bits = Number(length);
  if (bits > ip.length * 8) return false;
  for (let bit = 0; bit < bits; bit++) {
    const mask = 0x80 >> bit % 8;
    const at = bit >> 3;
    if (((ip[at] ?? 0) & mask) !== ((network[at] ?? 0) & mask)) return false;
  }
  return true;
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  // Go refuses leading zeros, which some read as octal.
  if (!parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part))) {
    return undefined;
  }
  const numbers = parts.map(Number);
  return numbers.every((number) => number <= 255)
    ? Uint8Array.from(numbers)
    : undefined;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => parseGroups(half));
  if (head === undefined) return undefined;
  if (halves.length === 1) {
    return head.length === 16 ? toBytes(head) : undefined;
  }
  if (tail === undefined || head.length + tail.length > 14) return undefined;
  const gap = new Array<number>(16 - head.length - tail.length).fill(0);
  return toBytes([...head, ...gap, ...tail]);
}

const toBytes = (numbers: readonly number[]) => Uint8Array.from(numbers);

/** Bytes of groups between colons; the last may be an IPv4 address. */
function parseGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [at, group] of groups.entries()) {
    if (at === groups.length - 1 && group.includes(".")) {
      const ipv4 = parseIpv4(group);
      if (ipv4 === undefined) return undefined;
      bytes.push(...ipv4);
    } else if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const number = parseInt(group, 16);
      bytes.push(number >> 8, number & 0xff);
    } else {
      return undefined;
    }
  }
  return bytes;
}
