import { assertEquals, assertThrows } from "@std/assert";
import {
  editKeyFile,
  type EditPlan,
  type EditSurroundings,
} from "../../../src/keys/edit_file.ts";
import { RangeList } from "../../../src/keys/range_list.ts";
import { KeyFileError } from "../../../src/keys/file_error.ts";
import { replaceKeyFile } from "../../../src/keys/replace_file.ts";
import { makeTempDir } from "../../support/temp_dir.ts";

function surroundings(authFile: string): EditSurroundings {
  return {
    authFile,
    nowMs: Date.now(),
    mayCreate: true,
    isDryRun: false,
    warn: () => {},
  };
}

const bytes = (text: string) => new TextEncoder().encode(text);
const NOTHING: EditPlan = { removed: new RangeList(), lacksLineEnd: false };

function append(text: string): EditPlan {
  return { ...NOTHING, added: { kind: "line", bytes: bytes(text) } };
}

function hide(...ranges: readonly (readonly [number, number])[]): EditPlan {
  const removed = new RangeList();
  for (const [offset, length] of ranges) removed.add(offset, length);
  return { removed, lacksLineEnd: false };
}

Deno.test("editKeyFile() does in place what one write does", () => {
  using folder = makeTempDir({ keys: "one\ntwo\n" });
  const path = `${folder.path}/keys`;
  const inode = Deno.statSync(path).ino;
  editKeyFile(surroundings(path), () => append("three\n"));
  editKeyFile(surroundings(path), () => hide([4, 3]));
  assertEquals(Deno.readTextFileSync(path), "one\n###\nthree\n");
  assertEquals(Deno.statSync(path).ino, inode);
});

Deno.test("editKeyFile() writes a new file for what takes more", () => {
  using folder = makeTempDir({ keys: "one\ntwo\nthree" });
  const path = `${folder.path}/keys`;
  const inode = Deno.statSync(path).ino;
  editKeyFile(surroundings(path), () => ({
    ...append("four\n"),
    removed: hide([0, 3], [8, 5]).removed,
    lacksLineEnd: true,
  }));
  assertEquals(Deno.readTextFileSync(path), "###\ntwo\n#####\nfour\n");
  assertEquals(Deno.statSync(path).ino === inode, false);
  assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
  assertEquals([...Deno.readDirSync(folder.path)].length, 1);
});

Deno.test("editKeyFile() looks again when somebody wrote without the lock", () => {
  for (
    const plan of [
      append("new\n"),
      hide([0, 3]),
      { ...append("new\n"), removed: hide([0, 3]).removed },
    ]
  ) {
    using folder = makeTempDir({ keys: "old\n" });
    const path = `${folder.path}/keys`;
    let looks = 0;
    editKeyFile(surroundings(path), () => {
      if (++looks === 1) Deno.writeTextFileSync(path, "cleared by others\n");
      return plan;
    });
    assertEquals(looks, 2);
    assertEquals(
      Deno.readTextFileSync(path).includes(plan.removed.count ? "###" : "new"),
      true,
    );
    assertEquals([...Deno.readDirSync(folder.path)].length, 1);
  }
});

Deno.test("editKeyFile() gives up on a file that keeps changing", () => {
  using folder = makeTempDir({ keys: "old\n" });
  const path = `${folder.path}/keys`;
  let looks = 0;
  assertThrows(
    () =>
      editKeyFile(surroundings(path), () => {
        Deno.writeTextFileSync(path, `${"x".repeat(++looks)}\n`);
        return append("new\n");
      }),
    KeyFileError,
    "keeps changing",
  );
  assertEquals(looks, 5);
  assertEquals(Deno.readTextFileSync(path), "xxxxx\n");
});

Deno.test("replaceKeyFile() hands the work of a late try to the next one", async () => {
  using folder = makeTempDir({ keys: "old\n" });
  const path = `${folder.path}/keys`;
  let tries = 0;
  await replaceKeyFile(surroundings(path), ({ out, previous }) => {
    if (++tries === 1) Deno.writeTextFileSync(path, "other\n");
    assertEquals(previous !== undefined, tries > 1);
    out.write(bytes(`try ${tries}\n`));
  });
  assertEquals(Deno.readTextFileSync(path), "try 2\n");
  assertEquals([...Deno.readDirSync(folder.path)].length, 1);
});

Deno.test("replaceKeyFile() leaves nothing behind when it fails", async () => {
  using folder = makeTempDir({ keys: "old\n" });
  const path = `${folder.path}/keys`;
  for (let round = 0; round < 2; round++) {
    const outcome = await replaceKeyFile(surroundings(path), ({ out }) => {
      out.write(bytes("half"));
      throw new Error("no more");
    }).catch((error: Error) => error.message);
    assertEquals(outcome, "no more");
  }
  assertEquals(Deno.readTextFileSync(path), "old\n");
  assertEquals([...Deno.readDirSync(folder.path)].length, 1);
});

Deno.test("a new file takes the place of stale ones, and leaves young ones alone", async () => {
  const stale = ".keys.123.00112233aabb";
  const young = ".keys.124.00112233aabb";
  const other = ".keys.old.00112233aabb";
  using folder = makeTempDir({
    keys: "",
    [stale]: "",
    [young]: "",
    [other]: "",
  });
  const past = new Date(Date.now() - 2 * 3_600_000);
  Deno.utimeSync(`${folder.path}/${stale}`, past, past);
  Deno.utimeSync(`${folder.path}/${other}`, past, past);
  await replaceKeyFile(surroundings(`${folder.path}/keys`), () => {});
  const names = [...Deno.readDirSync(folder.path)].map(({ name }) => name);
  assertEquals(names.sort(), [young, other, "keys"].sort());
});

Deno.test("a dry run of replaceKeyFile() writes nothing", async () => {
  using folder = makeTempDir();
  const around = { ...surroundings(`${folder.path}/keys`), isDryRun: true };
  await replaceKeyFile(around, ({ out, draft }) => {
    assertEquals(draft, undefined);
    out.write(bytes("x"));
    assertEquals(out.sizeBytes, 1);
  });
  assertEquals([...Deno.readDirSync(folder.path)], []);
});

Deno.test("RangeList puts ranges of several rounds into order", () => {
  const list = new RangeList();
  for (const [offset, length] of [[30, 3], [10, 1], [20, 2]] as const) {
    list.add(offset, length);
  }
  list.sort();
  assertEquals(
    [...list].map(({ offset, lengthBytes }) => [offset, lengthBytes]),
    [[10, 1], [20, 2], [30, 3]],
  );
  assertEquals(list.last(), { offset: 30, lengthBytes: 3 });
  list.removeLast();
  assertEquals(list.count, 2);
  for (let at = 0; at < 500; at++) list.add(100 + at, 1);
  list.sort();
  assertEquals(list.last()?.offset, 599);
});
