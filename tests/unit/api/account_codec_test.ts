import { assertEquals, assertThrows } from "@std/assert";
import {
  decodeRecoveryCodes,
  decodeToken,
  decodeVerdict,
  encodeOtp,
  encodeOwner,
  encodeTokenWish,
} from "../../../src/api/account_codec.ts";
import { ProtocolError } from "../../../src/core/errors.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const KEY = { keyId: "4711" };
const USER = { userId: 5 };
const NOBODY = { userId: 0 };
const WISH = {
  name: "reef-ci",
  scopes: ["read_api"],
  expiresAt: "2031-02-03",
};

const ENCODED: readonly (readonly [name: string, is: string, json: string])[] =
  [
    ["4.7: a key", encodeOwner(KEY), '{"key_id":"4711"}'],
    ["case 91: a user", encodeOwner(USER), '{"user_id":5}'],
    ["case 92: nobody", encodeOwner(NOBODY), "{}"],
    [
      "4.8: an OTP",
      encodeOtp(KEY, "492831"),
      '{"key_id":"4711","otp_attempt":"492831"}',
    ],
    ["4.8: an empty OTP", encodeOtp(USER, ""), '{"user_id":5}'],
    [
      "4.10: a token",
      encodeTokenWish(KEY, WISH),
      '{"key_id":"4711","name":"reef-ci","scopes":["read_api"],"expires_at":"2031-02-03"}',
    ],
    [
      "case 99: a token without scopes",
      encodeTokenWish(NOBODY, { ...WISH, name: "<a&b>", scopes: null }),
      String
        .raw`{"name":"\u003ca\u0026b\u003e","scopes":null,"expires_at":"2031-02-03"}`,
    ],
  ];
for (const [name, is, json] of ENCODED) {
  Deno.test(`internal-api.md ${name} is worded as Go words it`, () => {
    assertEquals(is, json);
  });
}

Deno.test("internal-api.md 4.7: decodeRecoveryCodes() reads codes and refusals", () => {
  const refusal = '{"success":false,"message":"missing user"}';
  assertEquals(
    decodeRecoveryCodes(bytes('{"success":true,"recovery_codes":["a","b"]}')),
    { success: true, message: "", value: ["a", "b"] },
  );
  assertEquals(decodeRecoveryCodes(bytes(refusal)), {
    success: false,
    message: "missing user",
    value: [],
  });
});

Deno.test("internal-api.md 4.8: decodeVerdict() reads yes and no", () => {
  assertEquals(decodeVerdict(bytes('{"success":true}')).success, true);
  assertEquals(decodeVerdict(bytes('{"success":false,"message":"Invalid"}')), {
    success: false,
    message: "Invalid",
    value: undefined,
  });
});

Deno.test("internal-api.md case 100: decodeToken() reads a token that may not expire", () => {
  const text =
    '{"success":true,"token":"glpat-x","scopes":["read_api","api"],"expires_at":"2031-02-03"}';
  assertEquals(decodeToken(bytes(text)).value, {
    token: "glpat-x",
    scopes: ["read_api", "api"],
    expiresAt: "2031-02-03",
  });
  const bare = '{"success":true,"token":"t","scopes":null,"expires_at":null}';
  assertEquals(decodeToken(bytes(bare)).value, {
    token: "t",
    scopes: [],
    expiresAt: "",
  });
});

const DECODERS = { decodeRecoveryCodes, decodeVerdict, decodeToken };
for (const [name, decode] of Object.entries(DECODERS)) {
  for (const text of ["null", "{}", '{"success":null,"unknown":1}{']) {
    Deno.test(`${name}() takes ${text} for a no (internal-api.md 3.2)`, () => {
      const { success, message } = decode(bytes(text));
      assertEquals({ success, message }, { success: false, message: "" });
    });
  }
  const undecodable = [
    "",
    "[]",
    "<html></html>",
    '"yes"',
    "true",
    '{"success":"true"}',
    '{"success":1}',
    '{"success":true,"message":{"base":["x"]}}',
    '{"success":true',
  ];
  for (const text of undecodable) {
    Deno.test(`${name}() refuses ${text || "an empty body"} (internal-api.md 3.2)`, () => {
      assertThrows(() => decode(bytes(text)), ProtocolError);
    });
  }
}

const WRONG_TYPES = [
  [decodeRecoveryCodes, '{"recovery_codes":"a"}'],
  [decodeRecoveryCodes, '{"recovery_codes":[1]}'],
  [decodeToken, '{"token":1}'],
  [decodeToken, '{"scopes":"api"}'],
  [decodeToken, '{"scopes":[true]}'],
  [decodeToken, '{"expires_at":20310203}'],
] as const;
for (const [decode, text] of WRONG_TYPES) {
  Deno.test(`${decode.name}() refuses ${text} (internal-api.md 3.2)`, () => {
    assertThrows(() => decode(bytes(text)), ProtocolError);
  });
}
