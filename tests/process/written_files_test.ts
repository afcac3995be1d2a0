/**
 * What a session leaves behind: lines in its log, and nothing else, neither in
 * the folders that programs like to write to nor beside the programs.
 */
import { assertEquals } from "@std/assert";
import { SAMPLE } from "../../src/devstack/sample.ts";
import { startDevstack } from "../../src/devstack/stack.ts";
import { copyProgramTo, runProgram } from "../support/dist.ts";
import { makeTempDir } from "../support/temp_dir.ts";

const DIST = Deno.realPathSync(new URL("../../dist/", import.meta.url));
const COMMANDS = [
  "discover",
  `git-upload-pack '${SAMPLE.project}.git'`,
  `git-receive-pack '${SAMPLE.project}.git'`,
  `git-upload-archive '${SAMPLE.project}.git'`,
  `git-upload-pack '${SAMPLE.privateProject}.git'`,
  `git-lfs-authenticate ${SAMPLE.project}.git download`,
  "nothing of ours",
  "'",
] as const;

/** Every file below a folder, with its size and the time of its last change. */
function listFiles(folder: string): string[] {
  const lines: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    // Readers of the cache of compiled code leave their mark here, where they
    // may; what it is an index of stays empty.
    if (name.endsWith("-shm")) continue;
    const { size, mtime } = Deno.lstatSync(path);
    // A folder changes when something is put into it, be it for a moment.
    lines.push(`${path} ${isDirectory ? "" : size} ${mtime?.getTime()}`);
    if (isDirectory) lines.push(...listFiles(path));
  }
  return lines.toSorted();
}

Deno.test({
  name: "sessions write to the log and nowhere else",
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using stack = await startDevstack();
    using place = makeTempDir({ "home/x": "", "tmp/x": "", "cwd/x": "" });
    const root = `${place.path}/root`;
    const path = await copyProgramTo("gitlab-shell", `${root}/bin`);
    for (const name of ["config.yml", ".gitlab_shell_secret"]) {
      await Deno.copyFile(`${stack.shellRoot.path}/${name}`, `${root}/${name}`);
    }
    const log = `${root}/gitlab-shell.log`;
    const config = await Deno.readTextFile(`${root}/config.yml`);
    await Deno.writeTextFile(
      `${root}/config.yml`,
      config.replace(/^log_file:.*$/m, `log_file: ${log}`),
    );
    await Deno.writeTextFile(log, "");
    const look = () =>
      [...listFiles(place.path), ...listFiles(DIST)]
        .filter((line) => !line.startsWith(`${log} `));
    const before = look();
    for (const command of COMMANDS) {
      await runProgram("gitlab-shell", {
        path,
        args: [`key-${SAMPLE.keyId}`],
        cwd: `${place.path}/cwd`,
        env: {
          HOME: `${place.path}/home`,
          TMPDIR: `${place.path}/tmp`,
          XDG_CACHE_HOME: `${place.path}/home`,
          SSH_CONNECTION: "192.0.2.1 1 192.0.2.2 22",
          SSH_ORIGINAL_COMMAND: command,
        },
        stdin: "0000",
      });
    }
    assertEquals(look(), before);
    // They did run, and to an end.
    const records = (await Deno.readTextFile(log)).trimEnd().split("\n");
    assertEquals(records.length > COMMANDS.length, true);
  },
});
