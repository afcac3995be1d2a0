import { assert, assertEquals } from "@std/assert";
import { buildSingleProgram } from "../../src/build/dist.ts";
import {
  PROGRAM_LIBRARIES,
  type ProgramLibrary,
} from "../../src/build/programs.ts";
import { runProgram } from "../support/dist.ts";
import { makeTempDir } from "../support/temp_dir.ts";

/**
 * What code that has taken a program over might try. Each attempt is harmless
 * where it succeeds: what is run is `true`, what is signalled hears nothing of
 * it, and nothing outside the folder of the test is named as a target.
 */
const ATTEMPTS: Readonly<Record<string, string>> = {
  "start a program": `new Deno.Command("/bin/true").outputSync()`,
  // Refused, Node's function gives an answer that says nothing at all.
  "start a program through Node": `const { stdout } =
     (await import("node:child_process")).spawnSync("/bin/echo", ["ran"]);
     if (!String(stdout).includes("ran")) throw { name: "NotCapable" };`,
  "start a program from a worker": `await new Promise((resolve, reject) => {
     const worker = new Worker("data:text/javascript,try{" +
       "new Deno.Command('/bin/true').outputSync();postMessage('')}" +
       "catch(error){postMessage(error.name)}", { type: "module" });
     worker.onmessage = ({ data }) => {
       worker.terminate();
       data === "" ? resolve() : reject({ name: data });
     };
   })`,
  "load native code": `Deno.dlopen("libc.so.6", {})`,
  "load a module of native code":
    `process.dlopen({ exports: {} }, "./none.node")`,
  "import from the network": `await import("https://localhost:1/a.js")`,
  "import a package": `await import("npm:ssh2@1.17.0")`,
  "signal another process": `Deno.kill(Deno.ppid, "SIGURG")`,
  "read the environment of the process":
    `Deno.readFileSync("/proc/self/environ")`,
  "read the memory of the process": `Deno.openSync("/proc/self/mem")`,
  "go through the root of the process": `Deno.statSync("/proc/self/root/tmp")`,
  "open a device": `Deno.openSync("/dev/full")`,
  "list the environment": `if (Object.keys(Deno.env.toObject())
     .includes("A_SECRET")) throw { name: "listed" }; else throw { name: "NotCapable" }`,
  "ask who the user is": `Deno.uid()`,
  "ask for the name of the host": `Deno.hostname()`,
  "ask for the release of the kernel": `Deno.osRelease()`,
  "ask for the addresses of the host": `Deno.networkInterfaces()`,
  "become another user": `process.setuid(process.pid + 100_000)`,
  "open the inspector": `(await import("node:inspector")).open(0, "127.0.0.1")`,
};

/** Permissions that a program may ask the operator for, in vain. */
const REQUESTS = ["run", "ffi", "sys", "import"] as const;

const PROBE = `
const outcome = {};
async function attempt(name, act) {
  try { await act(); outcome[name] = "done"; }
  catch (error) { outcome[name] = error?.name + ""; }
}
${
  Object.entries(ATTEMPTS).map(([name, code]) =>
    `await attempt(${JSON.stringify(name)}, async () => { ${code} });`
  ).join("\n")
}
for (const name of ${JSON.stringify(REQUESTS)}) {
  const { state } = await Deno.permissions.request({ name });
  outcome["ask for " + name] = state;
}
outcome.env = ["A_SECRET", "CORRELATION_ID", "DENO_DIR", "PATH"]
  .map((name) => Deno.env.get(name) ?? null);
try { outcome.eval = String((0, eval)("6 * 7")); }
catch (error) { outcome.eval = error.name; }
console.log(JSON.stringify(outcome));
Deno.exit(0);
`;

async function runProbe(
  model: ProgramLibrary,
): Promise<Readonly<Record<string, unknown>>> {
  using place = makeTempDir();
  const path = await buildSingleProgram(place.path, {
    name: "probe",
    source: PROBE,
    model,
  });
  const { stdout, stderr, exitStatus } = await runProgram("probe", {
    path,
    env: { A_SECRET: "x", CORRELATION_ID: "id" },
    cwd: place.path,
  });
  assertEquals({ stderr, exitStatus }, { stderr: "", exitStatus: 0 });
  return JSON.parse(stdout);
}

for (const library of PROGRAM_LIBRARIES) {
  Deno.test(`a program like ${library.name} can do nothing but its work`, async () => {
    const { env, eval: evaluated, ...outcome } = await runProbe(library);
    const allowed = Object.entries(outcome).filter(([, result]) =>
      // The two imports are refused with an error of their own.
      !["NotCapable", "TypeError", "denied"].includes(`${result}`)
    );
    assertEquals(allowed, []);
    assertEquals(
      Object.keys(outcome).length,
      Object.keys(ATTEMPTS).length + REQUESTS.length,
    );
    assertEquals(env, [null, "id", null, null]);
    assertEquals(evaluated, "EvalError");
  });
}

Deno.test("the attempts succeed where nothing is refused", async () => {
  // Else the probe would find every program harmless.
  using place = makeTempDir({ "probe.js": PROBE });
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-config", `${place.path}/probe.js`],
    env: { A_SECRET: "x" },
    stderr: "null",
  }).output();
  const outcome: Record<string, string> = JSON.parse(
    new TextDecoder().decode(stdout),
  );
  for (
    const name of [
      "start a program",
      "start a program through Node",
      "start a program from a worker",
      "signal another process",
      "read the environment of the process",
      "open a device",
      "ask who the user is",
      "ask for the name of the host",
      "ask for the addresses of the host",
    ]
  ) {
    assertEquals([name, outcome[name]], [name, "done"]);
  }
  assertEquals(outcome["list the environment"], "listed");
  assert(outcome["ask for run"] === "granted");
});
