import { assert, assertEquals } from "@std/assert";
import { Secret } from "../../../src/core/secret.ts";

const SECRET = new Secret("hunter2");

Deno.test("Secret cannot be printed by accident", () => {
  const nested = { secret: SECRET, list: [SECRET] };
  const prints = [
    String(SECRET),
    `${SECRET}`,
    "" + SECRET,
    JSON.stringify(nested),
    Deno.inspect(nested, { depth: 9, showHidden: true }),
    Deno.inspect(new Map([[SECRET, SECRET]])),
    Object.entries(SECRET).join(),
    Object.getOwnPropertyNames(SECRET).join(),
    new Error(`Cannot use ${SECRET}`).stack ?? "",
  ];
  for (const text of prints) assert(!text.includes("hunter2"), text);
  assertEquals(String(SECRET), "[hidden]");
});

Deno.test("Secret gives its text when asked", () => {
  assertEquals(SECRET.reveal(), "hunter2");
  assertEquals(SECRET.isEmpty, false);
  assertEquals(new Secret("").isEmpty, true);
  assertEquals(new Secret("\n").isEmpty, false);
});

const PAIRS = [
  ["", "", true],
  ["a", "a", true],
  ["\u00e9", "\u00e9", true],
  ["a", "b", false],
  ["a", "", false],
  ["", "a", false],
  ["a", "ab", false],
  ["ab", "a", false],
  ["a", "a\u0000", false],
  ["a\u0000", "a", false],
] as const;
for (const [left, right, isEqual] of PAIRS) {
  const name = `Secret.equals() of ${JSON.stringify([left, right])}`;
  Deno.test(name, () => {
    assertEquals(new Secret(left).equals(new Secret(right)), isEqual);
  });
}
