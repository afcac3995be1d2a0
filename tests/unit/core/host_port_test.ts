import { assertEquals, assertStrictEquals } from "@std/assert";
import {
  isIpInRange,
  isLoopbackIp,
  joinHostPort,
  parseIp,
  splitHostPort,
} from "../../../src/core/host_port.ts";

const SPLIT = [
  ["host:1", { host: "host", port: "1" }],
  [":1", { host: "", port: "1" }],
  ["host:", { host: "host", port: "" }],
  ["[::1]:1", { host: "::1", port: "1" }],
  ["[fe80::1%eth0]:1", { host: "fe80::1%eth0", port: "1" }],
  ["host", "address host: missing port in address"],
  ["", "address : missing port in address"],
  ["::1", "address ::1: too many colons in address"],
  ["[::1]", "address [::1]: missing port in address"],
  ["[::1", "address [::1: missing ']' in address"],
  ["[::1]x:1", "address [::1]x:1: missing port in address"],
  ["[::1]:1:2", "address [::1]:1:2: too many colons in address"],
  ["a[b:1", "address a[b:1: unexpected '[' in address"],
  ["a]b:1", "address a]b:1: unexpected ']' in address"],
] as const;
for (const [text, expected] of SPLIT) {
  Deno.test(`splitHostPort(${JSON.stringify(text)}) is as in Go`, () => {
    assertEquals(splitHostPort(text), expected);
  });
}

Deno.test("joinHostPort() puts brackets around a host with colons", () => {
  assertStrictEquals(joinHostPort({ host: "::1", port: "2" }), "[::1]:2");
  assertStrictEquals(joinHostPort({ host: "h", port: "2" }), "h:2");
});

const IPS = [
  ["127.0.0.1", "7f000001"],
  ["255.255.255.255", "ffffffff"],
  ["::", "00".repeat(16)],
  ["::1", "00".repeat(15) + "01"],
  ["2001:db8::1", "20010db8" + "00".repeat(11) + "01"],
  ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
  ["::ffff:10.0.0.1", "0a000001"],
  ["64:ff9b::10.0.0.1", "0064ff9b" + "00".repeat(8) + "0a000001"],
  ["256.0.0.1", undefined],
  ["1.2.3", undefined],
  ["01.2.3.4", undefined],
  ["1:2:3:4:5:6:7", undefined],
  ["1::2::3", undefined],
  ["12345::", undefined],
  ["::g", undefined],
  ["host", undefined],
  ["", undefined],
] as const;
for (const [text, expected] of IPS) {
  Deno.test(`parseIp(${JSON.stringify(text)})`, () => {
    assertStrictEquals(parseIp(text)?.toHex(), expected);
  });
}

Deno.test("loopback addresses are known in every form", () => {
  const texts = ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"];
  assertEquals(texts.filter(isLoopbackIp), texts);
  assertEquals(["128.0.0.1", "::2", "localhost"].filter(isLoopbackIp), []);
});

const RANGES = [
  ["10.1.2.3", "10.0.0.0/8", true],
  ["11.1.2.3", "10.0.0.0/8", false],
  ["10.1.2.3", "10.1.2.3/32", true],
  ["10.1.2.3", "0.0.0.0/0", true],
  ["10.1.2.129", "10.1.2.128/25", true],
  ["10.1.2.127", "10.1.2.128/25", false],
  ["2001:db8::5", "2001:db8::/32", true],
  ["10.1.2.3", "2001:db8::/32", false],
  ["10.1.2.3", "10.0.0.0/33", false],
  ["10.1.2.3", "10.0.0.0/", false],
  ["10.1.2.3", "10.0.0.0", false],
] as const;
for (const [ip, range, expected] of RANGES) {
  Deno.test(`isIpInRange(): ${ip} in ${range} is ${expected}`, () => {
    const bytes = parseIp(ip) ?? new Uint8Array(0);
    assertStrictEquals(isIpInRange(bytes, range), expected);
  });
}
