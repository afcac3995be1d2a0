import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { buildSingleProgram } from "../../src/build/dist.ts";
import { PROGRAMS } from "../../src/build/programs.ts";
import { runProgram } from "../support/dist.ts";
import { HOSTILE_ENVIRONMENT } from "../support/hostile_environment.ts";
import { makeTempDir } from "../support/temp_dir.ts";

/** Says that it runs, and then waits for its standard input to end. */
const WAIT = `await Deno.stdout.write(new Uint8Array([46]));
await Deno.stdin.read(new Uint8Array(1)); Deno.exit(0);`;

/** The launcher and its program are one process, so this one can be looked at. */
async function whileItWaits(
  env: Readonly<Record<string, string>>,
  look: (child: Deno.ChildProcess) => Promise<void>,
  model = PROGRAMS.get("gitlab-shell"),
): Promise<Deno.CommandStatus> {
  using place = makeTempDir();
  const path = await buildSingleProgram(place.path, {
    name: "wait",
    source: WAIT,
    ...model && { model },
  });
  const child = new Deno.Command(path, {
    env: { PATH: Deno.env.get("PATH") ?? "", ...env },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
    signal: AbortSignal.timeout(30_000),
  }).spawn();
  const output = child.stdout.getReader();
  try {
    const { value } = await output.read();
    assertEquals(value, Uint8Array.of(46));
    await look(child);
  } finally {
    await child.stdin.close().catch(() => {});
    await output.cancel();
  }
  return await child.status;
}

Deno.test("the process has the variables of its program and no others", async () => {
  const env = {
    ...HOSTILE_ENVIRONMENT,
    HOME: "/home/x",
    GIT_PROTOCOL: "v",
    TZ: "UTC",
  };
  const { success } = await whileItWaits(env, async ({ pid }) => {
    const text = await Deno.readTextFile(`/proc/${pid}/environ`);
    const names = text.split("\0").filter((pair) => pair !== "")
      .map((pair) => pair.slice(0, pair.indexOf("=")));
    assertEquals(
      names.filter((name) => name !== "PWD").toSorted(),
      [
        "DENO_DIR",
        "DENO_DISABLE_NODE_SHIM",
        "DENO_LOG",
        "DENO_NO_PACKAGE_JSON",
        "DENO_NO_UPDATE_CHECK",
        "DENO_TLS_CA_STORE",
        "GIT_PROTOCOL",
        "HOME",
        "NO_COLOR",
        "TZ",
      ],
    );
    assertStringIncludes(text, "DENO_TLS_CA_STORE=,\0");
    assertMatch(text, /DENO_DIR=\/[^\0]+\/lib\/cache\/wait\0/);
  });
  assert(success);
});

Deno.test("gitlab-keys alone is told the caller's home folder", async () => {
  const env = { HOME: "/home/x", CALLER_HOME: "/home/y" };
  const model = PROGRAMS.get("gitlab-keys");
  await whileItWaits(env, async ({ pid }) => {
    const text = await Deno.readTextFile(`/proc/${pid}/environ`);
    assertStringIncludes(`\0${text}`, "\0CALLER_HOME=/home/x\0");
  }, model);
});

Deno.test("a crash of the process leaves no core", async () => {
  await whileItWaits({}, async ({ pid }) => {
    const text = await Deno.readTextFile(`/proc/${pid}/limits`);
    assert(/^Max core file size +0 /m.test(text), text);
  });
});

for (const name of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
  Deno.test(`${name} ends a one-shot program at once`, async () => {
    const { signal } = await whileItWaits({}, (child) => {
      child.kill(name);
      return Promise.resolve();
    });
    assertEquals(signal, name);
  });
}

Deno.test("a variable that is not UTF-8 reaches the program", async () => {
  using place = makeTempDir({
    "config.yml": 'gitlab_url: "http://localhost:1"\n' +
      'secret: "0123456789abcdef"\nlog_file: "log"\n',
  });
  const { stderr, exitStatus } = await runProgram("gitlab-shell", {
    shell: `SSH_CONNECTION=x SSH_ORIGINAL_COMMAND="$(printf 'no\\377such')" ` +
      `GITLAB_SHELL_DIR="$PWD" exec "$0" key-1`,
    cwd: place.path,
  });
  assertEquals({ stderr, exitStatus }, {
    stderr: "Disallowed command\n",
    exitStatus: 1,
  });
});

Deno.test("a reader that has gone is the exit status of a broken pipe", async () => {
  const { stderr } = await runProgram("gitlab-shell", {
    // The reader ends before the program has anything to say.
    shell: `{ "$0" -version; echo $? >&2; } | :`,
  });
  assertEquals(stderr, "141\n");
});
