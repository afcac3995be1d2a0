import { assertEquals, assertRejects } from "@std/assert";
import { replaceFolder } from "../../../src/build/dist_folder.ts";
import { makeTempDir } from "../../support/temp_dir.ts";

async function listFiles(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) names.push(name);
  return names.toSorted();
}

Deno.test("replaceFolder() makes a folder that was not there", async () => {
  using place = makeTempDir();
  await replaceFolder(
    `${place.path}/dist`,
    (folder) => Deno.writeTextFile(`${folder}/a`, "new"),
  );
  assertEquals(await listFiles(`${place.path}/dist`), ["a"]);
  assertEquals(await listFiles(place.path), ["dist"]);
});

Deno.test("replaceFolder() leaves nothing of the folder before", async () => {
  using place = makeTempDir({ "dist/old": "old", "dist/deep/old": "old" });
  await replaceFolder(
    `${place.path}/dist`,
    (folder) => Deno.writeTextFile(`${folder}/a`, "new"),
  );
  assertEquals(await listFiles(`${place.path}/dist`), ["a"]);
  assertEquals(await listFiles(place.path), ["dist"]);
});

Deno.test("replaceFolder() leaves the old folder when it fails", async () => {
  using place = makeTempDir({ "dist/old": "old" });
  await assertRejects(
    () =>
      replaceFolder(`${place.path}/dist`, async (folder) => {
        await Deno.writeTextFile(`${folder}/a`, "half");
        throw new RangeError("full disk");
      }),
    RangeError,
  );
  assertEquals(await listFiles(`${place.path}/dist`), ["old"]);
  assertEquals(await listFiles(place.path), ["dist"]);
});

Deno.test("replaceFolder() survives others that do the same", async () => {
  using place = makeTempDir();
  const writers = Array.from({ length: 8 }, (_, index) =>
    replaceFolder(
      `${place.path}/dist`,
      async (folder) => {
        await Deno.writeTextFile(`${folder}/a`, `${index}`);
        await Deno.writeTextFile(`${folder}/b`, `${index}`);
      },
    ));
  await Promise.all(writers);
  assertEquals(await listFiles(place.path), ["dist"]);
  assertEquals(
    await Deno.readTextFile(`${place.path}/dist/a`),
    await Deno.readTextFile(`${place.path}/dist/b`),
  );
});
