import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { assertEquals } from "@std/assert";
import { checkJwt, type JwtMode } from "../../../../src/devstack/api/jwt.ts";

const SECRET = "not-so-secret";
const NOW_SECONDS = 1_767_225_600;
const CLAIMS = {
  iss: "gitlab-shell",
  iat: NOW_SECONDS,
  exp: NOW_SECONDS + 60,
};

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function sign(
  claims: unknown,
  { secret = SECRET, alg = "HS256" } = {},
): string {
  const signed = `${encode({ alg, typ: "JWT" })}.${encode(claims)}`;
  const signature = createHmac("sha256", secret).update(signed)
    .digest("base64url");
  return `${signed}.${signature}`;
}

function check(
  token: string | undefined,
  { mode = "strict" as JwtMode, laterSeconds = 0, secret = SECRET } = {},
) {
  const nowMs = (NOW_SECONDS + laterSeconds) * 1000;
  return checkJwt(token, { secret, nowMs, mode });
}

Deno.test("checkJwt() gives the claims of a good token", () => {
  assertEquals(check(sign(CLAIMS)), CLAIMS);
});

Deno.test("internal-api.md case 18: white space around the secret does not count", () => {
  assertEquals(check(sign(CLAIMS), { secret: ` \n ${SECRET} \n` }), CLAIMS);
});

const [HEAD = "", BODY = "", SIGNATURE = ""] = sign(CLAIMS).split(".");
const REFUSED: readonly (readonly [string, string | undefined, string])[] = [
  ["there is none", undefined, "token missing"],
  ["it is empty", "", "token missing"],
  ["it has two parts", `${HEAD}.${BODY}`, "token has not three parts"],
  ["it has four parts", `${sign(CLAIMS)}.x`, "token has not three parts"],
  [
    "it is unsigned",
    `${encode({ alg: "none" })}.${BODY}.`,
    "token has not three parts",
  ],
  [
    "its algorithm is none",
    sign(CLAIMS, { alg: "none" }),
    "algorithm not HS256",
  ],
  [
    "its algorithm is HS512",
    sign(CLAIMS, { alg: "HS512" }),
    "algorithm not HS256",
  ],
  ["its header is no JSON", `e30x.${BODY}.${SIGNATURE}`, "algorithm not HS256"],
  [
    "another secret signed it",
    sign(CLAIMS, { secret: "x" }),
    "signature wrong",
  ],
  [
    "its claims were changed",
    `${HEAD}.${encode({ ...CLAIMS, exp: 9 })}.${SIGNATURE}`,
    "signature wrong",
  ],
  [
    "its signature is cut off",
    `${HEAD}.${BODY}.${SIGNATURE.slice(0, -2)}`,
    "signature wrong",
  ],
  ["its claims are a list", sign([1]), "claims not an object"],
  ["its issuer is another", sign({ ...CLAIMS, iss: "gitaly" }), "issuer wrong"],
  [
    "it has no issuer",
    sign({ iat: CLAIMS.iat, exp: CLAIMS.exp }),
    "issuer wrong",
  ],
  [
    "its times are no whole seconds",
    sign({ ...CLAIMS, iat: CLAIMS.iat - 0.5 }),
    "times not whole seconds",
  ],
  [
    "its times are text",
    sign({ ...CLAIMS, exp: String(CLAIMS.exp) }),
    "times not whole seconds",
  ],
  [
    "it has no expiry",
    sign({ iss: CLAIMS.iss, iat: CLAIMS.iat }),
    "times not whole seconds",
  ],
  [
    "it comes from the future",
    sign({ ...CLAIMS, iat: CLAIMS.iat + 1, exp: CLAIMS.exp + 1 }),
    "issued in the future",
  ],
  [
    "it lives for 61 seconds",
    sign({ ...CLAIMS, exp: CLAIMS.exp + 1 }),
    "lifetime not 60 seconds",
  ],
  [
    "it lives for 59 seconds",
    sign({ ...CLAIMS, exp: CLAIMS.exp - 1 }),
    "lifetime not 60 seconds",
  ],
];
for (const [why, token, reason] of REFUSED) {
  Deno.test(`checkJwt() refuses a token when ${why}`, () => {
    assertEquals(check(token), reason);
  });
}

const AGES: readonly (readonly [JwtMode, number, boolean])[] = [
  ["strict", 59, true],
  ["strict", 60, false],
  ["rails", 60, true],
  ["rails", 119, true],
  ["rails", 120, false],
];
for (const [mode, laterSeconds, isAccepted] of AGES) {
  const verb = isAccepted ? "accepts" : "refuses";
  Deno.test(`checkJwt() ${verb} a token ${laterSeconds} s old in ${mode} mode`, () => {
    const result = check(sign(CLAIMS), { mode, laterSeconds });
    assertEquals(result, isAccepted ? CLAIMS : "expired");
  });
}
