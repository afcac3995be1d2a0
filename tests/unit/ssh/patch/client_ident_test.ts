import { assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { ProtocolError } from "../../../../src/core/errors.ts";
import {
  ClientIdent,
  IDENT_BYTES_MAX,
} from "../../../../src/ssh/patch/client_ident.ts";

const push = (text: string) => new ClientIdent().push(Buffer.from(text));

const LINES = [
  ["SSH-2.0-x\r\nrest", "SSH-2.0-x", "rest"],
  ["SSH-2.0-x y z\n", "SSH-2.0-x y z", ""],
  ["SSH-\n\n", "SSH-", "\n"],
  ["hello\r\n\nSSH-2.0-x\r\n", "SSH-2.0-x", ""],
] as const;
for (const [text, line, rest] of LINES) {
  Deno.test(`ClientIdent reads ${JSON.stringify(text)}`, () => {
    const found = push(text);
    assertEquals(found?.line.toString(), line);
    assertEquals(found?.rest.toString(), rest);
  });
}

Deno.test("sshd.md case 48: ClientIdent takes a line at any split", () => {
  const whole = Buffer.from("greeting\r\nSSH-2.0-client\r\n\0\0");
  for (let at = 0; at <= whole.length; at++) {
    const ident = new ClientIdent();
    const first = ident.push(whole.subarray(0, at));
    const found = first ?? ident.push(whole.subarray(at));
    assertEquals(found?.line.toString(), "SSH-2.0-client");
  }
});

Deno.test("ClientIdent keeps bytes that are not text", () => {
  const line = Buffer.from([...Buffer.from("SSH-2.0-"), 0xff, 0xfe, 10]);
  assertEquals(
    new ClientIdent().push(line)?.line,
    Buffer.from(line.subarray(0, -1)),
  );
});

Deno.test("ClientIdent takes 255 bytes and no more", () => {
  const line = (sizeBytes: number) => "SSH-".padEnd(sizeBytes, "x") + "\n";
  assertEquals(push(line(IDENT_BYTES_MAX))?.line.length, IDENT_BYTES_MAX);
  assertThrows(
    () => push(line(IDENT_BYTES_MAX + 1)),
    ProtocolError,
    "ssh: overflow reading version string",
  );
  assertThrows(() => push("x".repeat(IDENT_BYTES_MAX + 1)), ProtocolError);
  assertThrows(() => push("x\n".repeat(IDENT_BYTES_MAX)), ProtocolError);
});
