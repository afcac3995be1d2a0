/**
 * The plain archive, unpacked and used as docs/installing.md has it: its `bin`
 * below a root, `config.yml` beside it.
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { makeArchiveEntries } from "../../src/build/package/layout.ts";
import { writeTar } from "../../src/build/package/tar.ts";
import { PROGRAMS } from "../../src/build/programs.ts";
import { runProgram } from "../support/dist.ts";
import { json, openScriptedApi } from "../support/scripted_api.ts";
import { makeTempDir } from "../support/temp_dir.ts";

const ROOT = new URL("../../", import.meta.url).pathname.slice(0, -1);
const TOP = "gitlab-shell-1.2.3";

/** Unpacks what would be compressed, which takes most of the time. */
async function unpack(folder: string): Promise<string> {
  const entries = await makeArchiveEntries({
    root: ROOT,
    dist: `${ROOT}/dist`,
    deno: undefined,
    version: "1.2.3",
    sbom: "{}",
    origin: { date: "2026-09-01", source: "GitLab Shell 1.2.3" },
  }, TOP);
  const tar = new Deno.Command("tar", {
    args: ["-xf", "-", "-C", folder],
    stdin: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = tar.stdin.getWriter();
  for (const piece of writeTar(entries, 1_000_000_000)) {
    await writer.write(piece);
  }
  await writer.close();
  assert((await tar.status).success);
  return `${folder}/${TOP}`;
}

Deno.test("the archive works where it is unpacked, and through a link", async () => {
  using folder = makeTempDir();
  const root = await unpack(folder.path);
  await using api = openScriptedApi([json(200, { redis: true })]);
  await Deno.writeTextFile(
    `${root}/config.yml`,
    `user: root\ngitlab_url: "${api.url}"\nsecret: s3cret\n`,
  );
  await Deno.symlink(root, `${folder.path}/link`);
  const run = (name: string, ...args: string[]) =>
    runProgram(name, { path: `${folder.path}/link/bin/${name}`, args });
  for (const name of PROGRAMS.keys()) {
    const { exitStatus } = await run(name, "-version");
    assertEquals(exitStatus, 0, name);
  }
  assertEquals((await run("gitlab-shell-check")).exitStatus, 0);
  const checked = await run("gitlab-shell", "config", "check");
  assertEquals(checked.stdout.endsWith("/config.yml can be used\n"), true);
  const version = await Deno.readTextFile(`${root}/VERSION`);
  assertEquals(version, "1.2.3\n");
});
