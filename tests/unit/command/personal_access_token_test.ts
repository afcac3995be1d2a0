import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { CreatedToken, TokenWish } from "../../../src/api/account.ts";
import {
  formatDayAfter,
  parseWish,
  run,
} from "../../../src/command/personal_access_token.ts";
import type { Config } from "../../../src/config/config.ts";
import { makeFakeSession, makeRequest } from "../../support/fake_session.ts";

const TODAY = new Date(2026, 7, 18, 23, 59, 59);
const USAGE =
  "Usage: personal_access_token <name> <scope1[,scope2,...]> [ttl_days]";
const words = (...rest: string[]) => ["personal_access_token", ...rest];

for (const rest of [[], ["newtoken"], ["newtoken", "api", "1", "2"]]) {
  Deno.test(`shell.md case 113: ${rest.length + 1} words get the usage`, () => {
    assertThrows(() => parseWish(words(...rest), [], TODAY), Error, USAGE);
  });
}

const BAD_DAYS = [
  "bad_ttl",
  "-1",
  "",
  " 5",
  "5 ",
  "1e3",
  "0x10",
  "1_0",
  "+",
  "-",
  "--1",
  "1.0",
  "\u0661",
  "9223372036854775808",
  "1".repeat(5000),
];
for (const days of BAD_DAYS) {
  const shown = JSON.stringify(days.slice(0, 20));
  Deno.test(`shell.md cases 114 to 116: ${shown} days are refused`, () => {
    assertThrows(
      () => parseWish(words("t", "api", days), [], TODAY),
      Error,
      `Invalid value for days_ttl: '${days}'`,
    );
  });
}

const EXPIRIES: readonly (readonly [days: string | undefined, on: string])[] = [
  [undefined, "2026-09-17"],
  ["30", "2026-09-18"],
  ["0", "2026-08-19"],
  ["-0", "2026-08-19"],
  ["+5", "2026-08-24"],
  ["007", "2026-08-26"],
  ["365", "2027-08-19"],
  ["3000000", "10240-05-09"],
  ["9223372036854775807", "25252734927768581-03-14"],
];
for (const [days, expiresAt] of EXPIRIES) {
  Deno.test(`shell.md 4.5: ${days ?? "no"} days end on ${expiresAt} (cases 117 to 119)`, () => {
    const rest = days === undefined ? [] : [days];
    const wish = parseWish(words("t", "api", ...rest), [], TODAY);
    assertEquals(wish, { name: "t", scopes: ["api"], expiresAt });
  });
}

const SCOPES: readonly (readonly [
  asked: string,
  allowed: string[],
  scopes: string[] | null,
])[] = [
  ["read_api,read_repository", [], ["read_api", "read_repository"]],
  ["read_api,read_repository", ["read_api"], ["read_api"]],
  ["b,a,b", ["a", "b"], ["b", "a", "b"]],
  ["read_api", ["other"], null],
  ["a,, b", [], ["a", "", " b"]],
  ["", [], [""]],
  ["", ["a"], null],
];
for (const [asked, allowed, scopes] of SCOPES) {
  Deno.test(`shell.md 4.5, cases 120 and 121: ${JSON.stringify(asked)} of ${JSON.stringify(allowed)}`, () => {
    assertEquals(parseWish(words("t", asked), allowed, TODAY).scopes, scopes);
  });
}

Deno.test("formatDayAfter() keeps to the calendar", () => {
  assertEquals(formatDayAfter(new Date(2027, 11, 31), 60n), "2028-02-29");
  assertEquals(formatDayAfter(new Date(2028, 1, 28), 2n), "2028-03-01");
  assertEquals(formatDayAfter(new Date(2026, 0, 1), 146_097n), "2426-01-01");
});

const CREATED: CreatedToken = {
  token: "YXuxvUgCEmeePY3G1YAa",
  scopes: ["read_api", "api"],
  expiresAt: "9001-11-17",
};

function session(
  createToken: (wish: TokenWish) => Promise<CreatedToken>,
  allowedScopes: readonly string[] = [],
) {
  const wishes: TokenWish[] = [];
  const made = makeFakeSession({
    config: { pat: { enabled: true, allowedScopes } } as Partial<Config>,
    api: {
      createToken(wish) {
        wishes.push(wish);
        return createToken(wish);
      },
    },
  });
  return { ...made, wishes };
}

const SHOWN: readonly (readonly [
  name: string,
  created: Partial<CreatedToken>,
  stdout: string,
])[] = [
  [
    "case 117",
    {},
    "Token:   YXuxvUgCEmeePY3G1YAa\nScopes:  read_api,api\nExpires: 9001-11-17\n",
  ],
  [
    "cases 121 and 122",
    { scopes: [], expiresAt: "" },
    "Token:   YXuxvUgCEmeePY3G1YAa\nScopes:  \nExpires: \n",
  ],
];
for (const [name, created, stdout] of SHOWN) {
  Deno.test(`shell.md ${name}: the token that was made is shown`, async () => {
    const made = session(() => Promise.resolve({ ...CREATED, ...created }));
    await run(makeRequest(words("newtoken", "api,x")), made.context);
    assertEquals(made.stdout.text, stdout);
    assertEquals(made.stderr.text, "");
  });
}

Deno.test("shell.md 6.4: record T1 tells what was asked for, and never the token", async () => {
  const made = session(() => Promise.resolve(CREATED), ["other"]);
  await run(makeRequest(words("newtoken", "api", "1")), made.context);
  const [wish] = made.wishes;
  assertEquals(wish?.identity, { kind: "key", keyId: "123" });
  assertEquals(made.records, [{
    level: "INFO",
    msg: "personalaccesstoken: execute: requesting token",
    token_args: {
      Name: "newtoken",
      Scopes: null,
      ExpiresDate: wish?.expiresAt,
    },
  }]);
});

Deno.test("shell.md cases 114, 123 to 125: what is refused is an error, and nothing is printed", async () => {
  const refused = session(() => Promise.reject(new Error("Forbidden!")));
  await assertRejects(
    () => run(makeRequest(words("t", "api")), refused.context),
    Error,
    "Forbidden!",
  );
  assertEquals(refused.stdout.text, "");
  await assertRejects(
    () => run(makeRequest(words("t", "api", "x")), refused.context),
    Error,
    "Invalid value for days_ttl: 'x'",
  );
  assertEquals(refused.wishes.length, 1);
});
