/**
 * PROXY headers, right and wrong, written by hand from the protocol's text.
 * Source: HAProxy, proxy-protocol.txt.
 */

/** The first 12 bytes of version 2. */
export const PROXY_V2_SIGNATURE = Uint8Array.fromHex(
  "0d0a0d0a000d0a515549540a",
);

/** 10.1.1.1:1000 to 10.2.2.2:22. */
const IPV4_PAYLOAD = Uint8Array.of(10, 1, 1, 1, 10, 2, 2, 2, 3, 232, 0, 22);

/** A header of version 2; by default TCP over IPv4 from 10.1.1.1:1000. */
export function makeProxyV2(
  {
    command = 0x21,
    family = 0x11,
    payload = IPV4_PAYLOAD,
    extraBytes = 0,
  }: {
    command?: number;
    family?: number;
    payload?: Uint8Array;
    extraBytes?: number;
  } = {},
): Uint8Array {
  const length = payload.length + extraBytes;
  const header = new Uint8Array(16 + length);
  header.set(PROXY_V2_SIGNATURE);
  header.set([command, family, length >> 8, length & 0xff], 12);
  header.set(payload, 16);
  return header;
}

/** A line of version 1. */
export function makeProxyV1(
  { source = "10.1.1.1", port = 1000 }: { source?: string; port?: number } = {},
): Uint8Array {
  const family = source.includes(":") ? "TCP6" : "TCP4";
  const line = `PROXY ${family} ${source} ${source} ${port} 22\r\n`;
  return new TextEncoder().encode(line);
}
