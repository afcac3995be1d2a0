import { createHmac } from "node:crypto";
import { assertEquals } from "@std/assert";
import { checkToken } from "../../../../src/devstack/gitaly/token_auth.ts";

const TOKEN = "foo";
const NOW_SECONDS = 1_535_671_600;
const UNAUTHENTICATED = [16, "authentication required"] as const;
const denied = (reason: string) => [7, `permission denied: ${reason}`] as const;

function check(header: string | undefined, token = TOKEN, isTerse = false) {
  const nowMs = NOW_SECONDS * 1000 + 999;
  const error = checkToken(header, { token, nowMs, isTerse });
  return error && [error.code, error.message];
}

function sign(timestamp: string | number): string {
  const signature = createHmac("sha256", TOKEN).update(String(timestamp))
    .digest("hex");
  return `Bearer v2.${signature}.${timestamp}`;
}

const VECTORS = [
  [
    1_535_671_615,
    "3346cb25ecdb928defd368e7390522a86764bbdf1e8b21aaef27c4c23ec9c899",
    undefined,
  ],
  [
    1_535_671_585,
    "b77158328e80be2984eaf08788419d25f3484eae484aec1297af6bdf1a456610",
    undefined,
  ],
  [
    1_535_671_631,
    "ab9e7315aeecf6815fc0df585370157814131acab376f41797ad4ebc4d9a823c",
    denied("token's validity window is in future"),
  ],
  [
    1_535_671_569,
    "f805bc69ca3aedd99e814b3fb1fc1e6a1094191691480b168a20fad7c2d24557",
    denied("token has expired"),
  ],
] as const;
for (const [timestamp, signature, refusal] of VECTORS) {
  Deno.test(`gitaly.md 3.1: the vector of ${timestamp}`, () => {
    assertEquals(check(`Bearer v2.${signature}.${timestamp}`), refusal);
  });
}

const EDGES = [
  [-31, denied("token has expired")],
  [-30, undefined],
  [30, undefined],
  [31, denied("token's validity window is in future")],
] as const;
for (const [offset, refusal] of EDGES) {
  Deno.test(`gitaly.md case 14: a token ${offset} s from now`, () => {
    assertEquals(check(sign(NOW_SECONDS + offset)), refusal);
  });
}

const GOOD = sign(NOW_SECONDS);
const HEADERS: readonly (readonly [
  string,
  string | undefined,
  readonly [number, string] | undefined,
])[] = [
  ["no header", undefined, UNAUTHENTICATED],
  ["an empty header", "", UNAUTHENTICATED],
  ["another scheme", GOOD.replace("Bearer", "Basic"), UNAUTHENTICATED],
  ["a scheme in other letters", GOOD.replace("Bearer", "bEARER"), undefined],
  ["a token without scheme", GOOD.slice("Bearer ".length), UNAUTHENTICATED],
  ["case 14: two parts", "Bearer foo.bar", UNAUTHENTICATED],
  ["a token of version 1", "Bearer Zm9v", UNAUTHENTICATED],
  ["a signature that is not hex", "Bearer v2.xyz.1", UNAUTHENTICATED],
  ["half a hex digit", "Bearer v2.abc.1", UNAUTHENTICATED],
  [
    "case 14: version 3",
    GOOD.replace("v2", "v3"),
    denied("invalid token version"),
  ],
  [
    "a signature of another time",
    GOOD.replace(/.$/, "1"),
    denied("wrong hmac signature"),
  ],
  ["an empty signature", "Bearer v2..1", denied("wrong hmac signature")],
  [
    "dots in the time",
    sign("1.5"),
    denied(
      'cannot parse timestamp: strconv.ParseInt: parsing "1.5": invalid syntax',
    ),
  ],
];
for (const [what, header, refusal] of HEADERS) {
  Deno.test(`checkToken(): ${what}`, () => {
    assertEquals(check(header), refusal);
  });
}

Deno.test("gitaly.md case 15: a server without token accepts any header", () => {
  for (const header of [undefined, "", "Bearer foo.bar", GOOD]) {
    assertEquals(check(header, ""), undefined);
  }
});

Deno.test("checkToken() of an old server does not say why", () => {
  const old = sign(NOW_SECONDS - 31);
  assertEquals(check(old, TOKEN, true), [7, "permission denied"]);
  assertEquals(check("", TOKEN, true), UNAUTHENTICATED);
});
