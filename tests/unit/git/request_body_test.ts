import { assertEquals } from "@std/assert";
import {
  FetchRequestBody,
  PushRequestBody,
  type RequestBody,
} from "../../../src/git/request_body.ts";

const latin1 = new TextDecoder("latin1");
const bytes = (text: string) =>
  Uint8Array.from(text, (char) => char.charCodeAt(0));
const pkt = (text: string) =>
  (text.length + 4).toString(16).padStart(4, "0") + text;

const OLD = "7217a7c7e582c46cec22a130adf4b9d7d950fba0";
const NEW = "7d1665144a3a975c05f1f43902ddaf084e784dbe";
const ZERO = "0".repeat(40);
const REMOVAL = pkt(`${OLD} ${ZERO} refs/heads/debug`);
const CREATION = pkt(`${ZERO} ${NEW} refs/heads/debug`);
const UPDATE = pkt(`${OLD} ${NEW} refs/heads/debug`);
const SHA256_REMOVAL = pkt(
  `${"a".repeat(64)} ${"0".repeat(64)} refs/heads/debug`,
);
const OPTIONS_REMOVAL = pkt(
  `${OLD} ${ZERO} refs/heads/debug\0 report-status push-options agent=git`,
);
const CERTIFICATE = (line: string) =>
  pkt("push-cert\0report-status") + pkt("certificate version 0.1\n") +
  pkt("\n") + pkt(line) + pkt("-----BEGIN PGP SIGNATURE-----\n") +
  pkt("push-cert-end\n");

/** What of `text` becomes the body, and whether it is over. */
function pass(body: RequestBody, pieces: readonly string[]) {
  let passed = "";
  for (const piece of pieces) passed += latin1.decode(body.push(bytes(piece)));
  return { passed, isEnded: body.isEnded };
}

/** Every way to cut `text` in two, and into single bytes. */
function* cuts(text: string): Generator<string[]> {
  for (let at = 0; at <= text.length; at++) {
    yield [text.slice(0, at), text.slice(at)];
  }
  yield [...text];
}

const FETCHES = [
  ["shell.md case 160", `${pkt("want x\n")}00000009done\n`, undefined, true],
  ["shell.md case 161", "0009done\nmore", "0009done\n", true],
  ["nothing but a flush", "0000", undefined, false],
  ["done in the middle of a line", pkt("0009done\n x"), undefined, false],
  [
    "shell.md 4.9.5: specials and packets",
    "0010hello world!000000010010hello world!",
    undefined,
    false,
  ],
  [
    "shell.md 4.9.5: a shifted packet",
    "0010hello world!00000010010hello world!",
    "0010hello world!00000010010hello wor",
    true,
  ],
  [
    "shell.md 4.9.5: half a length",
    "0010hello world!000",
    "0010hello world!",
    false,
  ],
  [
    "shell.md 4.9.5: half a packet",
    "0010hello world!0005",
    "0010hello world!",
    false,
  ],
  ["no packet", "PACK", "", true],
  ["a sign", "+010hello world!", "", true],
] as const;
for (const [name, text, wanted = text, isEnded] of FETCHES) {
  Deno.test(`a fetch's body: ${name}`, () => {
    for (const pieces of cuts(text)) {
      assertEquals(pass(new FetchRequestBody(), pieces), {
        passed: wanted,
        isEnded,
      });
    }
  });
}

const PUSHES = [
  [
    "shell.md cases 167, 168: an update and its pack",
    `${UPDATE}0000PACK some data`,
    undefined,
    false,
  ],
  [
    "internal-api.md case 107: a creation",
    `${CREATION}0000PACK`,
    undefined,
    false,
  ],
  [
    "shell.md case 169: removals alone",
    `${REMOVAL}${REMOVAL}0000`,
    undefined,
    true,
  ],
  [
    "internal-api.md case 108: one removal",
    `${REMOVAL}0000rest`,
    `${REMOVAL}0000`,
    true,
  ],
  [
    "a removal in a repository of SHA-256",
    `${SHA256_REMOVAL}0000`,
    undefined,
    true,
  ],
  ["shell.md case 170: nothing to do", "0000", undefined, true],
  ["a removal and an update", `${REMOVAL}${UPDATE}0000PACK`, undefined, false],
  [
    "a removal with options",
    `${OPTIONS_REMOVAL}0000${pkt("ci.skip")}0000x`,
    `${OPTIONS_REMOVAL}0000${pkt("ci.skip")}0000`,
    true,
  ],
  [
    "a removal from a shallow clone",
    `${pkt(`shallow ${OLD}`)}${REMOVAL}0000`,
    undefined,
    true,
  ],
  [
    "a signed removal",
    `${CERTIFICATE(`${OLD} ${ZERO} refs/heads/a\n`)}0000`,
    undefined,
    true,
  ],
  [
    "a signed update",
    `${CERTIFICATE(`${OLD} ${NEW} refs/heads/a\n`)}0000PACK`,
    undefined,
    false,
  ],
  [
    "an unknown packet may be followed by a pack",
    `${pkt("x")}0000PACK`,
    undefined,
    false,
  ],
  ["no packet after an update", `${UPDATE}ZZZZ more`, undefined, false],
  ["no packet after a removal", `${REMOVAL}ZZZZ`, REMOVAL, true],
] as const;
for (const [name, text, wanted = text, isEnded] of PUSHES) {
  Deno.test(`a push's body: ${name}`, () => {
    for (const pieces of cuts(text)) {
      assertEquals(pass(new PushRequestBody(), pieces), {
        passed: wanted,
        isEnded,
      });
    }
  });
}

Deno.test("the largest packet passes, and nothing of it before its end", () => {
  const body = new FetchRequestBody();
  const packet = `ffff${"x".repeat(65_531)}`;
  assertEquals(body.push(bytes(packet.slice(0, -1))).length, 0);
  assertEquals(body.push(bytes(packet.slice(-1))).length, 65_535);
});
