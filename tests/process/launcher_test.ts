import { assertEquals } from "@std/assert";
import { buildSingleProgram } from "../../src/build/dist.ts";
import { type ProgramOutcome, runProgram } from "../support/dist.ts";
import { HOSTILE_ENVIRONMENT } from "../support/hostile_environment.ts";
import { makeTempDir } from "../support/temp_dir.ts";

/** Prints what reached it; the first argument names the program. */
const ECHO = `console.log(JSON.stringify({
  word: Deno.args[0],
  args: Deno.args.slice(1),
  env: Object.fromEntries(["SSH_CONNECTION", "SSH_ORIGINAL_COMMAND",
    "GIT_PROTOCOL", "CALLER_HOME"].map((name) => [name, Deno.env.get(name)])),
  executable: Deno.execPath(),
})); Deno.exit(3);`;

const STAMP = "v0.0.0-19700101.000000";

/** Files with which a working directory could tell Deno what to do. */
const HOSTILE_FILES: Readonly<Record<string, string>> = {
  ".env": "SSH_CONNECTION=from-a-file\n",
  ".npmrc": "\u0000not a setting",
  "bunfig.toml": "x",
  "deno.json": "{ this is not JSON",
  "deno.lock": "{ nor is this",
  "import_map.json": "{",
  "node_modules/x/package.json": "{",
  "package.json": "{ neither",
  "tsconfig.json": "{",
};

function buildEcho(folder: string): Promise<string> {
  return buildSingleProgram(folder, { name: "echo_arguments", source: ECHO });
}

async function echo(
  run: Parameters<typeof runProgram>[1],
): Promise<{ outcome: ProgramOutcome; seen: Record<string, unknown> }> {
  const outcome = await runProgram("echo_arguments", run);
  assertEquals(outcome.stderr, "");
  assertEquals(outcome.exitStatus, 3);
  return { outcome, seen: JSON.parse(outcome.stdout) };
}

Deno.test("the launcher passes arguments and exit status on", async () => {
  using place = makeTempDir();
  const path = await buildEcho(place.path);
  const args = ["", " a  b ", "*", "$HOME", "`x`", "'\"\\", "-c", "\n", "é"];
  const { seen } = await echo({ path, args: ["--allow-all", ...args] });
  assertEquals(seen["args"], ["--allow-all", ...args]);
  assertEquals(seen["word"], `echo_arguments@${STAMP}@${path}`);
});

const WAYS = [
  ["by its path", `"$0"`],
  ["from its folder", `cd "\${0%/*}" && ./echo_arguments`],
  ["by a path that goes up", `cd "\${0%/*}/lib" && ../echo_arguments`],
  ["as an argument of sh", `cd "\${0%/*}" && sh echo_arguments`],
  ["from the PATH", `PATH="\${0%/*}:$PATH" && echo_arguments`],
  ["through a link", `ln -s "$0" link && ./link`],
  ["through a link to a link", `ln -s "$0" one && ln -s one two && ./two`],
  [
    "through a link to its folder",
    `ln -s "\${0%/*}" folder && folder/echo_arguments`,
  ],
] as const;
for (const [way, shell] of WAYS) {
  Deno.test(`the launcher finds its files when started ${way}`, async () => {
    using place = makeTempDir({ "cwd/x": "" });
    const folder = `${place.path}/it's a "folder"@home`;
    const path = await buildEcho(folder);
    const { seen } = await echo({ path, shell, cwd: `${place.path}/cwd` });
    const executable = await Deno.realPath(`${seen["executable"]}`);
    assertEquals(executable, `${folder}/lib/deno`);
  });
}

Deno.test("the launcher keeps a user's environment from the runtime", async () => {
  using place = makeTempDir(
    Object.fromEntries(
      Object.entries(HOSTILE_FILES).map((
        [name, text],
      ) => [`cwd/${name}`, text]),
    ),
  );
  const cwd = `${place.path}/cwd`;
  await Deno.mkdir(`${place.path}/home`);
  const path = await buildEcho(`${place.path}/dist`);
  const before = await listBelow(place.path);
  // Words that look like settings change neither themselves nor others.
  const command = "SSH_CONNECTION=x DENO_DIR=/tmp\nexport GIT_PROTOCOL='y' * ?";
  const env = {
    ...HOSTILE_ENVIRONMENT,
    HOME: `${place.path}/home`,
    SSH_CONNECTION: "192.0.2.1 1 192.0.2.2 22",
    SSH_ORIGINAL_COMMAND: command,
    GIT_PROTOCOL: "version=2",
  };
  const { seen } = await echo({ path, env, cwd });
  assertEquals(seen["env"], {
    SSH_CONNECTION: env.SSH_CONNECTION,
    SSH_ORIGINAL_COMMAND: command,
    GIT_PROTOCOL: "version=2",
  });
  assertEquals(await listBelow(place.path), before);
});

const HOMES = [
  ["unset", undefined],
  ["empty", ""],
  ["missing", "./none"],
  ["full of settings", "./cwd"],
] as const;
for (const [state, home] of HOMES) {
  Deno.test(`the launcher starts when the home folder is ${state}`, async () => {
    using place = makeTempDir({ "cwd/.npmrc": "\u0000" });
    const path = await buildEcho(`${place.path}/dist`);
    const before = await listBelow(place.path);
    const { seen } = await echo({
      path,
      env: home === undefined ? {} : { HOME: home },
      cwd: place.path,
    });
    assertEquals(seen["args"], []);
    assertEquals(await listBelow(place.path), before);
  });
}

async function listBelow(folder: string): Promise<string[]> {
  const paths: string[] = [];
  async function walk(path: string): Promise<void> {
    for await (const { name, isDirectory } of Deno.readDir(path)) {
      const { mtime, size } = await Deno.lstat(`${path}/${name}`);
      // The owner of the programs makes the index of an empty log anew.
      const time = name.endsWith("-shm") ? "" : mtime?.getTime();
      paths.push(`${path}/${name} ${size} ${time}`);
      if (isDirectory) await walk(`${path}/${name}`);
    }
  }
  await walk(folder);
  return paths.toSorted();
}
