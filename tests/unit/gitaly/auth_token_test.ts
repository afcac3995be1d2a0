import { assertStrictEquals } from "@std/assert";
import { TokenSigner } from "../../../src/gitaly/auth_token.ts";

const VECTORS = [
  [
    "secret-token",
    1767225600,
    "7559b7542bdb687f0ce70dc95227cf906c4d550276ee2ddd26aeae71995a467e",
  ],
  [
    "foo",
    1535671615,
    "3346cb25ecdb928defd368e7390522a86764bbdf1e8b21aaef27c4c23ec9c899",
  ],
  [
    "foo",
    1535671585,
    "b77158328e80be2984eaf08788419d25f3484eae484aec1297af6bdf1a456610",
  ],
  [
    "foo",
    1535671631,
    "ab9e7315aeecf6815fc0df585370157814131acab376f41797ad4ebc4d9a823c",
  ],
  [
    "foo",
    1535671569,
    "f805bc69ca3aedd99e814b3fb1fc1e6a1094191691480b168a20fad7c2d24557",
  ],
] as const;
for (const [token, seconds, signature] of VECTORS) {
  Deno.test(`gitaly.md case 11: token ${token} at ${seconds}`, async () => {
    const signer = new TokenSigner();
    const expected = `Bearer v2.${signature}.${seconds}`;
    assertStrictEquals(await signer.sign(token, seconds * 1_000), expected);
    // Whole seconds, cut off and not rounded; the key is kept.
    assertStrictEquals(
      await signer.sign(token, seconds * 1_000 + 999.9),
      expected,
    );
  });
}

Deno.test("gitaly.md case 13: 31 s later the timestamp is another", async () => {
  const signer = new TokenSigner();
  const first = await signer.sign("foo", 1_000_000);
  const second = await signer.sign("foo", 1_031_000);
  assertStrictEquals(first.split(".")[2], "1000");
  assertStrictEquals(second.split(".")[2], "1031");
});

Deno.test("many tokens do not disturb each other", async () => {
  const signer = new TokenSigner();
  const first = await signer.sign("token-0", 0);
  for (let count = 1; count < 100; count++) {
    await signer.sign(`token-${count}`, 0);
  }
  assertStrictEquals(await signer.sign("token-0", 0), first);
});
