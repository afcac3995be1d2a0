import { assertStrictEquals } from "@std/assert";
import { decodeAscii, SHORT_BYTES_MAX } from "../../../src/core/ascii.ts";

Deno.test("decodeAscii() gives what TextDecoder gives, or nothing", () => {
  for (let byte = 0; byte < 256; byte++) {
    for (const bytes of [[byte], [0x61, byte], [byte, 0x7a, 0x0a]]) {
      const view = Uint8Array.from(bytes);
      const expected = byte < 0x80 ? new TextDecoder().decode(view) : undefined;
      assertStrictEquals(decodeAscii(view), expected);
    }
  }
  assertStrictEquals(decodeAscii(new Uint8Array(0)), "");
});

Deno.test("decodeAscii() leaves long text to others", () => {
  const longest = new Uint8Array(SHORT_BYTES_MAX).fill(0x61);
  assertStrictEquals(decodeAscii(longest), "a".repeat(SHORT_BYTES_MAX));
  const longer = new Uint8Array(SHORT_BYTES_MAX + 1).fill(0x61);
  assertStrictEquals(decodeAscii(longer), undefined);
});
