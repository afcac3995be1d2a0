import { assertEquals, assertThrows } from "@std/assert";
import {
  formatListenAddress,
  parseListenAddress,
} from "../../../src/ssh/listen_address.ts";

const GOOD = [
  ["[::]:22", "::", 22],
  ["127.0.0.1:0", "127.0.0.1", 0],
  [":2222", "", 2222],
  ["localhost:ssh", "localhost", 22],
  ["[::1]:65535", "::1", 65535],
  ["host:", "host", 0],
] as const;
for (const [text, hostname, port] of GOOD) {
  Deno.test(`parseListenAddress() reads ${text}`, () => {
    assertEquals(parseListenAddress(text), { hostname, port });
  });
}

const BAD = [
  ["invalid", "listen tcp: address invalid: missing port in address"],
  ["", "listen tcp: address : missing port in address"],
  ["[::1]", "listen tcp: address [::1]: missing port in address"],
  ["::1:22", "listen tcp: address ::1:22: too many colons in address"],
  ["[::1:22", "listen tcp: address [::1:22: missing ']' in address"],
  ["host:65536", "listen tcp: address 65536: invalid port"],
  ["host:none", "listen tcp: lookup tcp/none: unknown port"],
  ["host:-1", "listen tcp: lookup tcp/-1: unknown port"],
] as const;
for (const [text, message] of BAD) {
  Deno.test(`parseListenAddress() refuses ${JSON.stringify(text)}`, () => {
    assertThrows(() => parseListenAddress(text), Error, message);
  });
}

Deno.test("formatListenAddress() puts IPv6 in brackets", () => {
  assertEquals(formatListenAddress({ hostname: "::", port: 22 }), "[::]:22");
  assertEquals(
    formatListenAddress({ hostname: "1.2.3.4", port: 5 }),
    "1.2.3.4:5",
  );
});
