import { assertEquals } from "@std/assert";
import { generate } from "../../../../src/build/gen.ts";

const GEN_FOLDER = new URL("../../../../src/gitaly/gen/", import.meta.url);

Deno.test("src/gitaly/gen/ is what `deno task gen` makes of proto/", async () => {
  const present = new Map<string, string>();
  for await (const { name } of Deno.readDir(GEN_FOLDER)) {
    present.set(name, await Deno.readTextFile(new URL(name, GEN_FOLDER)));
  }
  const fresh = await generate();
  assertEquals([...present.keys()].sort(), [...fresh.keys()].sort());
  for (const [name, text] of fresh) assertEquals(present.get(name), text, name);
});
