import { assertEquals } from "@std/assert";
import { formatKeyText, parseKeyText } from "../../../src/keys/key_text.ts";
import { ed25519Key, encodeKey } from "../../support/key_samples.ts";

const KEY = ed25519Key(1);
const [TYPE = "", BASE64 = ""] = KEY.split(" ");

for (
  const [name, text, comment] of [
    ["a .pub line", `${KEY} mira@reef (laptop)\n`, "mira@reef (laptop)"],
    ["a bare blob", BASE64, ""],
    ["a key without comment", KEY, ""],
    [
      "an authorized_keys line",
      `command="/x ssh-rsa",no-pty ${KEY} c`,
      "c",
    ],
  ] as const
) {
  Deno.test(`parseKeyText() finds the key in ${name}`, () => {
    const key = parseKeyText(text);
    assertEquals(key?.type, TYPE);
    assertEquals(key?.base64, BASE64);
    assertEquals(key?.comment, comment);
  });
}

Deno.test("parseKeyText() pads what came without padding", () => {
  const key = encodeKey(
    "ecdsa-sha2-nistp256",
    new Uint8Array(8),
    new Uint8Array(65),
  );
  const [, padded = ""] = key.split(" ");
  assertEquals(parseKeyText(padded.replace(/=+$/, ""))?.base64, padded);
});

for (
  const text of [
    "",
    "hello",
    "ssh-ed25519",
    "ssh-rsa AAAA",
    `ssh-rsa ${BASE64}`,
    "AAAA",
    "#",
  ]
) {
  Deno.test(`parseKeyText() finds no key in ${JSON.stringify(text.slice(0, 20))}`, () => {
    assertEquals(parseKeyText(text), undefined);
  });
}

Deno.test("formatKeyText() writes what parseKeyText() reads", () => {
  for (const text of [KEY, `${KEY} a b`]) {
    const key = parseKeyText(text);
    assertEquals(key && formatKeyText(key), text);
  }
});
