import { assertEquals, assertThrows } from "@std/assert";
import { writeAr, writeDeb } from "../../../../src/build/package/deb.ts";
import { type TarEntry, writeTar } from "../../../../src/build/package/tar.ts";
import { makeTempDir } from "../../../support/temp_dir.ts";

const decoder = new TextDecoder();
const bytes = (text: string) => new TextEncoder().encode(text);
const LONG = `${"folder/".repeat(20)}file`;
const ENTRIES: readonly TarEntry[] = [
  { name: "etc/", mode: 0o755 },
  { name: "etc/a b", bytes: bytes("hello\n"), mode: 0o640 },
  { name: "etc/link", mode: 0o777, link: "/etc/a b" },
  { name: LONG, bytes: new Uint8Array(513), mode: 0o755 },
];

function join(pieces: Iterable<Uint8Array>): Uint8Array {
  return new Uint8Array([...pieces].flatMap((piece) => [...piece]));
}

async function run(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    env: { LC_ALL: "C", TZ: "UTC" },
  }).output();
  if (!success) throw new Error(decoder.decode(stderr));
  return decoder.decode(stdout);
}

Deno.test("writeTar() writes what tar reads: folders, modes, links, long names", async () => {
  using folder = makeTempDir();
  const path = `${folder.path}/a.tar`;
  await Deno.writeFile(path, join(writeTar(ENTRIES, 1_000_000_000)));
  const listing = await run("tar", "--numeric-owner", "-tvf", path);
  assertEquals(
    listing.trimEnd().split("\n").map((line) => line.replaceAll(/ +/g, " ")),
    [
      "drwxr-xr-x 0/0 0 2001-09-09 01:46 etc/",
      "-rw-r----- 0/0 6 2001-09-09 01:46 etc/a b",
      "lrwxrwxrwx 0/0 0 2001-09-09 01:46 etc/link -> /etc/a b",
      `-rwxr-xr-x 0/0 513 2001-09-09 01:46 ${LONG}`,
    ],
  );
  assertEquals(await run("tar", "-xOf", path, "etc/a b"), "hello\n");
});

Deno.test("writeTar() refuses a name that the format cannot hold", () => {
  const name = "x".repeat(101);
  assertThrows(
    () => [...writeTar([{ name, mode: 0o644 }], 0)],
    RangeError,
    "too long",
  );
});

Deno.test("writeAr() pads odd members, and begins as ar does", () => {
  const text = decoder.decode(
    writeAr([["a", bytes("x")], ["b", bytes("yz")]], 7),
  );
  const [magic, head, body, next] = text.split("\n");
  assertEquals([magic, body], ["!<arch>", "x"]);
  assertEquals(
    head,
    "a               7           0     0     100644  1         `",
  );
  assertEquals(next?.slice(0, 2), "b ");
});

const PLAN = {
  fields: [["Package", "x"], ["Version", "1"], ["Architecture", "all"], [
    "Maintainer",
    "M <m@localhost>",
  ], ["Description", "d"]] as const,
  scripts: new Map([["postinst", "#!/bin/sh\n"]]),
  conffiles: ["/etc/a b"],
  entries: ENTRIES,
  mtimeSeconds: 1_000_000_000,
};

Deno.test("writeDeb() gives the same bytes for the same plan", async () => {
  assertEquals(await writeDeb(PLAN), await writeDeb(PLAN));
});

Deno.test({
  name: "writeDeb() writes what dpkg-deb reads",
  ignore: !await run("dpkg-deb", "--version").then(() => true, () => false),
  async fn() {
    using folder = makeTempDir();
    const path = `${folder.path}/x.deb`;
    await Deno.writeFile(path, await writeDeb(PLAN));
    const info = await run("dpkg-deb", "--field", path);
    assertEquals(
      info,
      "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: M <m@localhost>\n" +
        "Description: d\nInstalled-Size: 1\n",
    );
    await run("dpkg-deb", "--control", path, `${folder.path}/control`);
    const script = await Deno.stat(`${folder.path}/control/postinst`);
    assertEquals((script.mode ?? 0) & 0o777, 0o755);
    assertEquals(
      await Deno.readTextFile(`${folder.path}/control/conffiles`),
      "/etc/a b\n",
    );
    await run("dpkg-deb", "--extract", path, `${folder.path}/root`);
    assertEquals(
      await Deno.readTextFile(`${folder.path}/root/etc/a b`),
      "hello\n",
    );
  },
});
