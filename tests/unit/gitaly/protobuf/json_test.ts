import { assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../../../src/core/errors.ts";
import { EXIT_STATUS, REPOSITORY } from "../../../../src/gitaly/gen/shared.ts";
import {
  SSH_RECEIVE_PACK_REQUEST,
  SSH_UPLOAD_PACK_WITH_SIDECHANNEL_REQUEST,
} from "../../../../src/gitaly/gen/ssh.ts";
import {
  parseProtoJson,
  PROTO_JSON_CHARS_MAX,
} from "../../../../src/gitaly/protobuf/json.ts";
import { SeededRandom } from "../../../support/seeded_random.ts";

const parse = (text: string) => parseProtoJson(SSH_RECEIVE_PACK_REQUEST, text);
const EMPTY = SSH_RECEIVE_PACK_REQUEST.make();

Deno.test("gitaly.md case 66: camelCase and snake_case payloads give the same request", () => {
  const expected = {
    repository: {
      ...REPOSITORY.make(),
      storageName: "default",
      relativePath: "@hashed/6b/86/6b86.git",
      glRepository: "project-1",
      gitAlternateObjectDirectories: ["a", "b"],
    },
    gitConfigOptions: ["uploadpack.allowAnySHA1InWant=true"],
    gitProtocol: "version=2",
  };
  const table = SSH_UPLOAD_PACK_WITH_SIDECHANNEL_REQUEST;
  const camel = `{"repository":{"storageName":"default",
    "relativePath":"@hashed/6b/86/6b86.git","glRepository":"project-1",
    "gitAlternateObjectDirectories":["a","b"]},
    "gitConfigOptions":["uploadpack.allowAnySHA1InWant=true"],
    "gitProtocol":"version=2"}`;
  const snake = camel.replace(
    /"(\w+)":/g,
    (name) => name.replace(/[A-Z]/g, (char) => `_${char.toLowerCase()}`),
  );
  assertEquals(parseProtoJson(table, camel), expected);
  assertEquals(parseProtoJson(table, snake), expected);
});

const ACCEPTED = [
  ["{}", {}, "an empty object"],
  [" \n\t\r{ } \n", {}, "white space"],
  ['{"glId":null,"repository":null}', {}, "null for the default"],
  ['{"repository":{}}', { repository: REPOSITORY.make() }, "an empty message"],
  ['{"gitConfigOptions":[]}', {}, "an empty list"],
  ['{"gitConfigOptions":null}', {}, "null for a list"],
  ['{"glId":"\\ud83d\\ude00\\u0000\\/\\b"}', { glId: "😀\0/\b" }, "escapes"],
  ['{"glId":"\u{1f600}\u007f\uffff"}', {
    glId: "\u{1f600}\u007f\uffff",
  }, "characters that need no escape"],
  ['{"stdin":"+/8="}', { stdin: new Uint8Array([251, 255]) }, "base64"],
  ['{"stdin":"+/8"}', {
    stdin: new Uint8Array([251, 255]),
  }, "base64 without padding"],
  ['{"stdin":"-_8="}', {
    stdin: new Uint8Array([251, 255]),
  }, "base64 of URLs"],
  ['{"stdin":"-_8"}', {
    stdin: new Uint8Array([251, 255]),
  }, "base64 of URLs without padding"],
  ['{"gl\\u0049d":"x"}', { glId: "x" }, "an escape in a name"],
] as const;
for (const [text, members, what] of ACCEPTED) {
  Deno.test(`gitaly.md 8.4: parseProtoJson() accepts ${what}`, () => {
    assertEquals(parse(text), { ...EMPTY, ...members });
  });
}

const REFUSED = [
  ["", "syntax error (line 1:1): unexpected token ", "the empty text"],
  ["null", "syntax error (line 1:1): unexpected token null", "null"],
  ["[]", "syntax error (line 1:1): unexpected token [", "a list"],
  ['{"foo":1}', '(line 1:2): unknown field "foo"', "an unknown field"],
  [
    '{"GlId":"x"}',
    '(line 1:2): unknown field "GlId"',
    "a name in another case",
  ],
  [
    '{"repository":{"constructor":{}}}',
    '(line 1:16): unknown field "constructor"',
    "a name that every object has",
  ],
  [
    '{"glId":"a",\n"glId":"b"}',
    '(line 2:1): duplicate field "glId"',
    "a field that comes twice",
  ],
  [
    '{"glId":"ü","gl_id":"b"}',
    '(line 1:13): duplicate field "gl_id"',
    "a field in both spellings",
  ],
  [
    '{"glId":null,"glId":null}',
    '(line 1:14): duplicate field "glId"',
    "null twice",
  ],
  [
    '{"glId":1}',
    "(line 1:9): invalid value for string field glId: 1",
    "a number for text",
  ],
  [
    '{"glId":{}}',
    "(line 1:9): invalid value for string field glId: {",
    "an object for text",
  ],
  [
    '{"gitConfigOptions":[null]}',
    "(line 1:22): invalid value for string field gitConfigOptions: null",
    "null in a list",
  ],
  [
    '{"gitConfigOptions":"x"}',
    'syntax error (line 1:21): unexpected token "x"',
    "text for a list",
  ],
  [
    '{"repository":"x"}',
    'syntax error (line 1:15): unexpected token "x"',
    "text for a message",
  ],
  [
    '{"stdin":"+_8="}',
    '(line 1:10): invalid value for bytes field stdin: "+_8="',
    "base64 of both alphabets",
  ],
  [
    '{"stdin":"+/8 "}',
    '(line 1:10): invalid value for bytes field stdin: "+/8 "',
    "a blank in base64",
  ],
  [
    '{"stdin":"QQ="}',
    '(line 1:10): invalid value for bytes field stdin: "QQ="',
    "half the padding",
  ],
  ["{}{}", "syntax error (line 1:3): unexpected token {", "trailing data"],
  ["{} x", "syntax error (line 1:4): invalid value x", "trailing words"],
  ['{"glId":"a",}', "syntax error (line 1:13): unexpected token }", "a comma"],
  ['{"glId" "a"}', 'syntax error (line 1:9): unexpected token "a"', "no colon"],
  ['{glId:"a"}', "syntax error (line 1:2): invalid value glId", "a bare name"],
  ['{"glId":"a"', "unexpected EOF", "a missing brace"],
  ['{"glId":"a', "unexpected EOF", "a missing quote"],
  [
    '{"glId":01}',
    "syntax error (line 1:9): invalid value 01",
    "a number with a leading zero",
  ],
  [
    '{"glId":nulls}',
    "syntax error (line 1:9): invalid value nulls",
    "a word that begins like null",
  ],
  [
    '{"glId":"\t"}',
    "syntax error (line 1:9): invalid character '\\x09' in string",
    "a control character",
  ],
  [
    '{"glId":"\\x"}',
    'syntax error (line 1:9): invalid escape code "\\x" in string',
    "an unknown escape",
  ],
  [
    '{"glId":"\\ud800"}',
    'syntax error (line 1:9): invalid escape code "\\ud800" in string',
    "half a character",
  ],
  [
    '{"glId":"\\ude00\\ud83d"}',
    'syntax error (line 1:9): invalid escape code "\\ude00" in string',
    "halves in the wrong order",
  ],
  ['{"glId":"\ud800"}', "invalid UTF-8", "text that is not Unicode"],
] as const;
for (const [text, message, what] of REFUSED) {
  Deno.test(`gitaly.md 8.4: parseProtoJson() refuses ${what}`, () => {
    const error = assertThrows(() => parse(text), ProtocolError);
    assertEquals(error.message, `json unmarshal: proto: ${message}`);
  });
}

Deno.test("parseProtoJson() reads a text at its limit and refuses a longer one", () => {
  const pad = PROTO_JSON_CHARS_MAX - '{"glId":""}'.length;
  const text = (size: number) => `{"glId":"${"x".repeat(size)}"}`;
  assertEquals(parse(text(pad)).glId.length, pad);
  assertThrows(() => parse(text(pad + 1)), ProtocolError, "too long");
});

Deno.test("parseProtoJson() refuses a million open brackets at once", () => {
  const text = '{"gitConfigOptions":' + "[".repeat(1_000_000);
  assertThrows(() => parse(text), ProtocolError);
});

Deno.test("parseProtoJson() is for messages without numbers", () => {
  assertThrows(() => parseProtoJson(EXIT_STATUS, '{"value":1}'), TypeError);
});

Deno.test("parseProtoJson() refuses every truncation", () => {
  const text =
    '{"repository":{"storageName":"a\\n\\u00e9"},"glId":"b","stdin":"QQ=="}';
  for (let size = 0; size < text.length; size++) {
    assertThrows(() => parse(text.slice(0, size)), ProtocolError);
  }
});

Deno.test("parseProtoJson() accepts no text that JSON.parse refuses", () => {
  const random = new SeededRandom(11);
  const seed =
    '{"repository":{"storage_name":"a\\u0041"},"gitConfigOptions":["x",""],"glId":null}';
  for (let round = 0; round < 20_000; round++) {
    const chars = [...seed];
    for (let change = 0; change <= random.below(3); change++) {
      const at = random.below(chars.length);
      chars.splice(at, random.below(2), random.pick([...'{}[]",:\\nu0ax1']));
    }
    const text = chars.join("");
    try {
      parse(text);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      continue;
    }
    JSON.parse(text);
  }
});
