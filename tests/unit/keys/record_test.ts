import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { RefusedLineError } from "../../../src/keys/line.ts";
import {
  parseKeyId,
  parsePublicKey,
  parseRecord,
  RECORD_BYTES_MAX,
} from "../../../src/keys/record.ts";
import { ed25519Key } from "../../support/key_samples.ts";

const LOOSE = { isStrict: false };
const STRICT = { isStrict: true };
const encoder = new TextEncoder();
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const refusal = (run: () => unknown) =>
  assertThrows(run, RefusedLineError).message;

Deno.test("parseKeyId() keeps the historic pattern", () => {
  for (const id of ["key-741", "username-bob", "741", "-", "key--5"]) {
    assertEquals(text(parseKeyId(id, LOOSE)), id);
  }
  for (const id of ["", "KEY-2", "key-1\n", "key 1", "key_1", 'key"1', "ké"]) {
    assertStringIncludes(
      refusal(() => parseKeyId(id, LOOSE)),
      "Invalid key_id: ",
    );
  }
  assertEquals(
    refusal(() => parseKeyId("a\nb", LOOSE)),
    'Invalid key_id: "a\\nb"',
  );
});

Deno.test("parseKeyId() takes key-<digits> alone if it is strict", () => {
  parseKeyId("key-741", STRICT);
  for (const id of ["username-bob", "key-", "key--5", "741"]) {
    refusal(() => parseKeyId(id, STRICT));
  }
});

Deno.test("parsePublicKey() drops one line end and no more", () => {
  for (const end of ["", "\n", "\r", "\r\n"]) {
    assertEquals(
      text(parsePublicKey(`ssh-dsa ASDF${end}`, LOOSE)),
      "ssh-dsa ASDF",
    );
  }
  for (const end of ["\n\n", "\r\r", "\n\r", "\r\n\n"]) {
    refusal(() => parsePublicKey(`ssh-dsa ASDF${end}`, LOOSE));
  }
});

Deno.test("parsePublicKey() lets no control byte through", () => {
  for (const code of [...Array(0x20).keys(), 0x7f]) {
    const message = refusal(() =>
      parsePublicKey(`ssh-rsa A${String.fromCharCode(code)}A`, LOOSE)
    );
    assertStringIncludes(message, "Invalid public_key: ");
    assertEquals(message.includes("\n"), false);
  }
});

for (
  const key of [
    'command="/bin/sh" ssh-rsa AAAA',
    "no-pty ssh-ed25519 AAAA",
    'environment="A=b" ssh-rsa AAAA',
    "restrict,pty ssh-rsa AAAA",
    "",
    "   ",
    "\n",
  ]
) {
  Deno.test(`parsePublicKey() refuses ${JSON.stringify(key)}, which is no key alone`, () => {
    refusal(() => parsePublicKey(key, LOOSE));
  });
}

for (
  const key of [
    "ssh-dsa ASDF",
    "public-key",
    'ssh-rsa AAAA a "b" c=d #,',
    "x y",
  ]
) {
  Deno.test(`parsePublicKey() accepts ${JSON.stringify(key)}, as it always did`, () => {
    assertEquals(text(parsePublicKey(key, LOOSE)), key);
  });
}

Deno.test("parsePublicKey() asks for type and base64 if it is strict", () => {
  parsePublicKey(ed25519Key(1), STRICT);
  parsePublicKey(`${ed25519Key(1)} comment`, STRICT);
  for (
    const key of ["ssh-dsa ASDF", "ssh-rsa", "ssh-rsa A", "ssh-rsa AA*A", "x y"]
  ) {
    refusal(() => parsePublicKey(key, STRICT));
  }
});

Deno.test("parseRecord() splits at the one TAB and strips both ends", () => {
  for (
    const line of [
      "key-1\tssh-rsa AAAA b\n",
      "key-1\tssh-rsa AAAA b",
      " \tkey-1\tssh-rsa AAAA b \r\n",
      "key-1\tssh-rsa AAAA b\t\t\n",
    ]
  ) {
    const { id, key } = parseRecord(encoder.encode(line), LOOSE);
    assertEquals([text(id), text(key)], ["key-1", "ssh-rsa AAAA b"]);
  }
});

for (
  const [line, message] of [
    ["foo\tbar\tbaz\n", 'invalid input "foo\\tbar\\tbaz\\n"'],
    ["\n", 'invalid input "\\n"'],
    ["key-1\n", 'invalid input "key-1\\n"'],
    ["key-1\t\n", 'invalid input "key-1\\t\\n"'],
    ["key-1\t\tssh-rsa\n", 'invalid input "key-1\\t\\tssh-rsa\\n"'],
    ["KEY-1\tssh-rsa AAAA\n", 'Invalid key_id: "KEY-1"'],
    ["key-1\tssh-rsa \x00\n", 'Invalid public_key: "ssh-rsa \\x00"'],
  ] as const
) {
  Deno.test(`parseRecord() refuses ${JSON.stringify(line)}`, () => {
    assertEquals(
      refusal(() => parseRecord(encoder.encode(line), LOOSE)),
      message,
    );
  });
}

Deno.test("parseRecord() says little of a line that is very long", () => {
  const line = encoder.encode(`key-1\t${"x".repeat(RECORD_BYTES_MAX)}`);
  const message = refusal(() => parseRecord(line, LOOSE));
  assertEquals(message.length < 300, true);
  assertStringIncludes(message, '"...');
});
