/**
 * Fuzz target: PROXY headers, of a balancer or of somebody who plays one.
 * What is found does not depend on how much of it came at once, has a bound,
 * and is an address.
 */
import { assert, assertEquals } from "@std/assert";
import { parseIp } from "../../src/core/host_port.ts";
import { ProtocolError } from "../../src/core/errors.ts";
import {
  decodeProxyHeader,
  PROXY_V1_BYTES_MAX,
  PROXY_V2_PAYLOAD_BYTES_MAX,
  type ProxyVerdict,
  refuseUnfinished,
} from "../../src/ssh/proxy_header.ts";
import { defineFuzzTarget, refusal } from "../support/fuzz_target.ts";

const V2 = "\r\n\r\n\0\r\nQUIT\n";
const HEADER_BYTES_MAX = 16 + PROXY_V2_PAYLOAD_BYTES_MAX;

/** A version 2 header: command, family, addresses. */
function version2(command: number, family: number, addresses: number[]) {
  const signature = [...V2].map((char) => char.charCodeAt(0));
  const { length } = addresses;
  const head = [command, family, length >> 8, length & 0xff];
  return Uint8Array.of(...signature, ...head, ...addresses);
}

/** Reads as bytes arrive; a first line that is not whole is refused at once. */
function readSlowly(input: Uint8Array): ProxyVerdict {
  let verdict: ProxyVerdict = { kind: "more" };
  for (let size = 0; size <= input.length; size++) {
    verdict = decodeProxyHeader(input.subarray(0, size));
    if (verdict.kind !== "more") return verdict;
  }
  return verdict;
}

defineFuzzTarget(import.meta.url, {
  seeds: [
    "PROXY TCP4 192.0.2.1 198.51.100.2 50000 22\r\nSSH-2.0-x\r\n",
    "PROXY TCP6 2001:db8::1 ::1 1 65535\r\n",
    "PROXY UNKNOWN ffff:: ffff:: 1 2\r\nrest",
    "SSH-2.0-OpenSSH_9.2\r\n",
    version2(0x21, 0x11, [192, 0, 2, 1, 198, 51, 100, 2, 195, 80, 0, 22]),
    version2(0x21, 0x21, [...Array(32).keys(), 0, 1, 0, 2, 3, 0, 1, 0]),
    version2(0x20, 0x00, []),
    version2(0x21, 0x31, Array(216).fill(47)),
  ],
  words: ["PROXY ", "TCP4", "UNKNOWN", "\r\n", "\n", " ", "::ffff:", "-1", V2],
  inputs: 12_000,
  outcomes: ["header", "none", "more", "refused: proxyproto"],
  run(input) {
    let verdict: ProxyVerdict;
    try {
      verdict = decodeProxyHeader(input);
    } catch (error) {
      return refusal(error, ProtocolError);
    }
    if (verdict.kind === "header") {
      const { sizeBytes, source } = verdict;
      assert(sizeBytes <= input.length && sizeBytes <= HEADER_BYTES_MAX);
      if (input[0] === 0x50) assert(sizeBytes <= PROXY_V1_BYTES_MAX);
      else assertEquals(readSlowly(input.subarray(0, sizeBytes)), verdict);
      if (source?.transport === "unix") assertEquals(source.hostname, "");
      else if (source) {
        assert(parseIp(source.hostname), source.hostname);
        assert(source.port >= 0 && source.port <= 65_535);
      }
    } else if (verdict.kind === "more") {
      assert(input.length < HEADER_BYTES_MAX);
      try {
        refuseUnfinished(input);
      } catch (error) {
        refusal(error, ProtocolError);
      }
    }
    return verdict.kind;
  },
});
