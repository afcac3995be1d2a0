import { assertEquals } from "@std/assert";
import {
  decodeRateLimitText,
  isRedirect,
  redirectError,
  refusalError,
} from "../../../src/api/refusal.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

const REFUSALS: readonly (readonly [
  name: string,
  status: number,
  body: string | undefined,
  message: string,
  kind: "policy" | "system",
])[] = [
  ["case 36", 501, '{"message":"nope"}', "nope", "system"],
  ["case 38", 403, '{"message":"Not allowed!"}', "Not allowed!", "policy"],
  ["case 39", 403, "", "Internal API error (403)", "policy"],
  ["case 40", 404, "<html>", "Internal API error (404)", "policy"],
  ["case 41", 404, '{"error":"404 Not Found"}', "", "policy"],
  [
    "case 42",
    422,
    '{"message":{"base":["x"]}}',
    "Internal API error (422)",
    "policy",
  ],
  ["case 43", 400, '{"message":"Don\'t do that"}', "Don't do that", "system"],
  ["case 44", 403, '{"message":"a\\nb"}', "a\nb", "policy"],
  ["3.2, array", 403, '["x"]', "Internal API error (403)", "policy"],
  ["3.2, string", 403, '"x"', "Internal API error (403)", "policy"],
  ["3.2, number", 403, "1", "Internal API error (403)", "policy"],
  ["3.2, null message", 403, '{"message":null}', "", "policy"],
  ["3.2, null", 403, "null", "", "policy"],
  ["3.2, trailing bytes", 403, '{"message":"no"}x', "no", "policy"],
  ["3.2, other case", 403, '{"MESSAGE":"no"}', "no", "policy"],
  [
    "3.2, unreadable body",
    401,
    undefined,
    "Internal API error (401)",
    "policy",
  ],
  ["3.2, 400 unreadable", 400, undefined, "Internal API error (400)", "system"],
];
for (const [name, status, body, message, kind] of REFUSALS) {
  Deno.test(`internal-api.md ${name}: ${status} ${body} reads ${JSON.stringify(message)}`, () => {
    const error = refusalError(
      status,
      body === undefined ? undefined : bytes(body),
    );
    assertEquals(
      { message: error.message, status: error.status, kind: error.kind },
      { message, status, kind },
    );
  });
}

for (let status = 300; status <= 310; status++) {
  Deno.test(`internal-api.md 3.2: ${status} as a redirect`, () => {
    assertEquals(
      isRedirect(status),
      [301, 302, 303, 307, 308].includes(status),
    );
  });
}

Deno.test("internal-api.md cases 45 and 46: a redirect is told with its target quoted", () => {
  assertEquals(
    redirectError(301, 'http://x/"y"\t').message,
    String.raw`Internal API returned redirect (301) to "http://x/\"y\"\t"`,
  );
  const bare = redirectError(308, undefined);
  assertEquals(bare.message, 'Internal API returned redirect (308) to ""');
  assertEquals([bare.status, bare.kind], [308, "system"]);
});

const LIMITED: readonly (readonly [body: string, text: string | undefined])[] =
  [
    ['{"message":{"error":"Too often."}}', "Too often."],
    ['{"Message":{"Error":"Too often.","x":1},"y":[]} ', "Too often."],
    ['{"message":"Too often."}', undefined],
    ['{"message":{"error":""}}', undefined],
    ['{"message":{"error":1}}', undefined],
    ['{"message":{}}', undefined],
    ['{"error":"Too often."}', undefined],
    ["null", undefined],
    ["Retry later\n", undefined],
    ["", undefined],
  ];
for (const [body, text] of LIMITED) {
  Deno.test(`internal-api.md 7.1: the rate limit's text in ${JSON.stringify(body)}`, () => {
    assertEquals(decodeRateLimitText(bytes(body)), text);
  });
}
