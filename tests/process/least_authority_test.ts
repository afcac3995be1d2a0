/**
 * What code that has taken a program over may do to files: it cannot make
 * itself at home. Each program is run with what the build gives it, in a
 * session and outside of one.
 */
import { assert, assertEquals } from "@std/assert";
import { buildSingleProgram } from "../../src/build/dist.ts";
import {
  PROGRAM_LIBRARIES,
  type ProgramLibrary,
} from "../../src/build/programs.ts";
import { runProgram } from "../support/dist.ts";
import { HOSTILE_ENVIRONMENT } from "../support/hostile_environment.ts";
import { makeTempDir } from "../support/temp_dir.ts";

/** Tried in this order; none does harm where it succeeds. */
const ATTEMPTS: Readonly<Record<string, string>> = {
  "change its own program": `write(bin + "/probe", "# changed\\n")`,
  "change its own code": `write(bin + "/lib/probe/main.js", "// changed\\n")`,
  "put a program beside it": `write(bin + "/another", "")`,
  "remove its own program": `Deno.removeSync(bin + "/probe")`,
  "move another file over it":
    `{ write(place + "/new", ""); Deno.renameSync(place + "/new", bin + "/probe"); }`,
  "make a symbolic link": `Deno.symlinkSync("/etc/passwd", place + "/link")`,
  "make one through Node": `(await import("node:fs"))
     .symlinkSync("/etc/passwd", place + "/link")`,
  "decide who may log in": `write(home + "/.ssh/authorized_keys", "\\n")`,
  "read a private key": `Deno.readTextFileSync(home + "/.ssh/id_ed25519")`,
  "link a private key elsewhere":
    `Deno.linkSync(home + "/.ssh/id_ed25519", place + "/key")`,
  "copy a private key":
    `Deno.copyFileSync(home + "/.ssh/id_ed25519", place + "/copy")`,
  "read a private key by another way":
    `Deno.readTextFileSync(home + "/x/../.ssh/id_ed25519")`,
  "read the accounts": `Deno.readTextFileSync("/etc/passwd")`,
  "open the passwords": `Deno.openSync("/etc/shadow")`,
  "list the folder of OpenSSH": `[...Deno.readDirSync("/etc/ssh")]`,
  "ask the cloud for credentials":
    `await Deno.connect({ hostname: "169.254.169.254", port: 80 })`,
};

const PROBE = `
const bin = Deno.args[0].split("@").slice(2).join("@").replace(/\\/[^/]*$/, "");
const [, place, home] = Deno.args;
const write = (path, text) => Deno.writeTextFileSync(path, text, { append: true });
const outcome = {};
async function attempt(name, act) {
  try { await act(); outcome[name] = "done"; }
  catch (error) { outcome[name] = error?.name + ""; }
}
${
  Object.entries(ATTEMPTS).map(([name, code]) =>
    `await attempt(${JSON.stringify(name)}, async () => ${
      code.startsWith("{") || code.startsWith("[") ? code : `{ ${code} }`
    });`
  ).join("\n")
}
write(place + "/log", "it may write its log\\n");
console.log(JSON.stringify(outcome));
Deno.exit(0);
`;

/** What each library may do of all this; outside of a session, what more. */
const ALLOWED: Readonly<
  Record<string, { always: readonly string[]; outside?: readonly string[] }>
> = {
  "gitlab-shell": {
    always: [],
    outside: [
      "read a private key",
      "copy a private key",
      "read a private key by another way",
      "read the accounts",
      "open the passwords",
      "list the folder of OpenSSH",
    ],
  },
  "gitlab-keys": {
    always: [
      "decide who may log in",
      "read a private key",
      "link a private key elsewhere",
      "copy a private key",
      "read a private key by another way",
      "read the accounts",
      "list the folder of OpenSSH",
    ],
  },
  // Its host keys may be anywhere.
  "gitlab-sshd": {
    always: [
      "read a private key",
      "copy a private key",
      "read a private key by another way",
      "list the folder of OpenSSH",
    ],
  },
  "gitaly-ssh": {
    always: [
      "read a private key",
      "copy a private key",
      "read a private key by another way",
    ],
  },
};

async function probe(model: ProgramLibrary, isSession: boolean) {
  using place = makeTempDir({
    "home/.ssh/id_ed25519": "a key\n",
    "home/.ssh/authorized_keys": "",
    "own/log": "",
  });
  const path = await buildSingleProgram(`${place.path}/bin`, {
    name: "probe",
    source: PROBE,
    model,
  });
  const { stdout, stderr, exitStatus } = await runProgram("probe", {
    path,
    args: [`${place.path}/own`, `${place.path}/home`],
    env: {
      ...HOSTILE_ENVIRONMENT,
      HOME: `${place.path}/home`,
      ...isSession && { SSH_CONNECTION: "192.0.2.1 1 192.0.2.2 22" },
    },
  });
  assertEquals({ stderr, exitStatus }, { stderr: "", exitStatus: 0 });
  const outcome: Record<string, string> = JSON.parse(stdout);
  assertEquals(Object.keys(outcome), Object.keys(ATTEMPTS));
  assert((await Deno.readTextFile(`${place.path}/own/log`)).length > 0);
  return outcome;
}

/** Not every machine has these, nor may everybody read them. */
const ABSENT = ["NotFound", "PermissionDenied"];

for (const model of PROGRAM_LIBRARIES) {
  for (const isSession of [true, false]) {
    const where = isSession ? "in a session" : "outside of one";
    Deno.test(`a program like ${model.name}, ${where}, cannot make itself at home`, async () => {
      const outcome = await probe(model, isSession);
      const { always = [], outside = [] } = ALLOWED[model.name] ?? {};
      const allowed = isSession ? always : [...always, ...outside];
      for (const [name, result] of Object.entries(outcome)) {
        const isAllowed = allowed.includes(name);
        assert(
          isAllowed
            ? result === "done" || ABSENT.includes(result)
            : result === "NotCapable",
          `${name}: ${result}`,
        );
      }
    });
  }
}

Deno.test("the attempts succeed where nothing is refused", async () => {
  using place = makeTempDir({
    "home/.ssh/id_ed25519": "a key\n",
    "own/log": "",
    "bin/probe": "",
    "bin/lib/probe/main.js": PROBE,
  });
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      "--deny-net",
      "--no-config",
      `${place.path}/bin/lib/probe/main.js`,
      `probe@v@${place.path}/bin/probe`,
      `${place.path}/own`,
      `${place.path}/home`,
    ],
    stderr: "null",
  }).output();
  const outcome: Record<string, string> = JSON.parse(
    new TextDecoder().decode(stdout),
  );
  const refused = Object.entries(outcome).filter(([, result]) =>
    result !== "done" && !ABSENT.includes(result)
  );
  // The second link has the name of the first; the network is not touched.
  assertEquals(refused.map(([name]) => name), [
    "make one through Node",
    "ask the cloud for credentials",
  ]);
});
