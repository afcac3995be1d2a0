import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { GitalyError } from "../../../src/core/errors.ts";
import { prepareMetadata } from "../../../src/gitaly/metadata.ts";

Deno.test("gitaly.md 4.1: empty values and repeated names pass", () => {
  const metadata = [["username", ""], ["key_id", "0"], [
    "key_id",
    "1",
  ]] as const;
  assertEquals(prepareMetadata(metadata), metadata);
});

Deno.test("gitaly.md 4.3: names are lower-cased, underscores and values kept", () => {
  assertEquals(prepareMetadata([["Gitaly-Feature-a_B", "TRUE"]]), [
    ["gitaly-feature-a_b", "TRUE"],
  ]);
});

const REFUSED = [
  [
    "gl id",
    "1",
    'header key "gl id" contains illegal characters not in [0-9a-z-_.]',
  ],
  ["ä", "1", 'header key "ä" contains illegal characters not in [0-9a-z-_.]'],
  ["", "1", "there is an empty key in the header"],
  [
    "username",
    "jürgen",
    'header key "username" contains value with non-printable ASCII characters',
  ],
  [
    "username",
    "a\nb",
    'header key "username" contains value with non-printable ASCII characters',
  ],
] as const;
for (const [name, value, details] of REFUSED) {
  Deno.test(`gitaly.md 4: metadata ${JSON.stringify([name, value])} is INTERNAL`, () => {
    const error = assertThrows(
      () => prepareMetadata([[name, value]]),
      GitalyError,
    );
    assertStrictEquals(error.code, 13);
    assertStrictEquals(error.details, details);
  });
}
