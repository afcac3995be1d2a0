import { assertEquals, assertThrows } from "@std/assert";
import { KeyFileError } from "../../../src/keys/file_error.ts";
import {
  adoptOwner,
  directoryOf,
  identityOf,
  isUntouched,
  resolveTarget,
} from "../../../src/keys/target_file.ts";
import { makeTempDir } from "../../support/temp_dir.ts";

const isRoot = Deno.uid() === 0;

Deno.test("resolveTarget() follows links to the file itself", () => {
  using folder = makeTempDir({ "a/keys": "x" });
  const { path } = folder;
  Deno.symlinkSync("a/keys", `${path}/one`);
  Deno.symlinkSync(`${path}/one`, `${path}/two`);
  for (const name of ["a/keys", "one", "two"]) {
    const target = resolveTarget(`${path}/${name}`);
    assertEquals(target.path, `${path}/a/keys`);
    assertEquals(target.directory, `${path}/a`);
    assertEquals(target.name, "keys");
    assertEquals(target.found?.sizeBytes, 1);
  }
});

Deno.test("resolveTarget() finds the place of a file that is still to come", () => {
  using folder = makeTempDir({ "a/x": "" });
  const { path } = folder;
  Deno.symlinkSync("a/keys", `${path}/one`);
  assertEquals(resolveTarget(`${path}/one`).path, `${path}/a/keys`);
  assertEquals(resolveTarget(`${path}/one`).found, undefined);
});

Deno.test("resolveTarget() refuses what is no file", () => {
  using folder = makeTempDir({ "a/x": "" });
  const { path } = folder;
  Deno.symlinkSync("loop", `${path}/loop`);
  for (
    const [name, text] of [
      ["a", "Is a directory"],
      ["loop", "Too many levels of symbolic links"],
      ["a/x/y", "Not a directory"],
    ] as const
  ) {
    assertThrows(
      () => resolveTarget(`${path}/${name}`),
      KeyFileError,
      `could not open ${path}/${name}: ${text}`,
    );
  }
});

Deno.test({
  name:
    "resolveTarget() follows no link to a file of another owner (root makes the owners)",
  ignore: !isRoot,
  fn() {
    using folder = makeTempDir({ secret: "x", "home/x": "" });
    const { path } = folder;
    const link = `${path}/home/keys`;
    Deno.symlinkSync(`${path}/secret`, link);
    assertEquals(resolveTarget(link).path, `${path}/secret`);
    new Deno.Command("chown", { args: ["-h", "12345", link] }).outputSync();
    assertThrows(() => resolveTarget(link), KeyFileError, "another owner");
    Deno.chownSync(`${path}/secret`, 12345, 12345);
    assertEquals(resolveTarget(link).path, `${path}/secret`);
  },
});

Deno.test({
  name:
    "adoptOwner() gives what root makes to the owner of the directory (needs root)",
  ignore: !isRoot,
  fn() {
    using folder = makeTempDir({ file: "" });
    Deno.chownSync(folder.path, 12345, 12346);
    adoptOwner(`${folder.path}/file`, folder.path);
    const { uid, gid } = Deno.statSync(`${folder.path}/file`);
    assertEquals([uid, gid], [12345, 12346]);
  },
});

Deno.test("isUntouched() sees another file, another size, another time", () => {
  using folder = makeTempDir({ one: "x", two: "x" });
  const of = (name: string) =>
    identityOf(Deno.statSync(`${folder.path}/${name}`));
  const one = of("one");
  assertEquals(isUntouched(one, of("one")), true);
  assertEquals(isUntouched(one, of("two")), false);
  assertEquals(isUntouched(one, { ...one, sizeBytes: 2 }), false);
  assertEquals(isUntouched(one, { ...one, mtimeMs: 2 }), false);
  assertEquals(isUntouched(one, undefined), false);
  assertEquals(isUntouched(undefined, undefined), true);
});

Deno.test("directoryOf() finds the directory of any path", () => {
  assertEquals(directoryOf("/a/b"), "/a");
  assertEquals(directoryOf("/a"), "/");
  assertEquals(directoryOf("a"), ".");
});
