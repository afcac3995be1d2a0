/**
 * Secrets stay where they are needed: not in records, however talkative, nor
 * in what a user reads, nor in the list of processes, whatever goes wrong.
 */
import { assert, assertEquals } from "@std/assert";
import { SAMPLE } from "../../src/devstack/sample.ts";
import { type Devstack, startDevstack } from "../../src/devstack/stack.ts";
import { programPath, runProgram } from "../support/dist.ts";
import { listProcesses, waitUntil } from "../support/processes.ts";

const PASSWORD = "correct-horse-battery-staple";
const TOKEN = "gitaly-token-0f1e2d3c4b5a";
const SECRET = "shared-secret-of-shell-and-rails-0123456789";
const MEET_MS_MAX = 20_000;
const options = { sanitizeOps: false, sanitizeResources: false };

function startStack(): Promise<Devstack> {
  return startDevstack({
    apiDoor: "tcp",
    secret: SECRET,
    logLevel: "debug",
    api: { basicAuth: { user: "jane", password: PASSWORD } },
    gitaly: { token: TOKEN },
  });
}

function session(stack: Devstack, command: string) {
  return {
    args: [`key-${SAMPLE.keyId}`],
    env: {
      GITLAB_SHELL_DIR: stack.shellRoot.path,
      SSH_CONNECTION: "192.0.2.1 1 192.0.2.2 22",
      SSH_ORIGINAL_COMMAND: command,
    },
  };
}

/** The log with all that was said; what is secret in it is an error. */
async function assertNothingIsTold(stack: Devstack, said: string) {
  const log = await Deno.readTextFile(stack.shellRoot.logFile);
  for (const secret of [PASSWORD, TOKEN, SECRET, btoa(`jane:${PASSWORD}`)]) {
    assert(!said.includes(secret), `it was said: ${secret}`);
    assert(!log.includes(secret), `it was logged: ${secret}`);
  }
  // Signed for the internal API, and good for a minute.
  assert(!/eyJ[\w-]+\.[\w-]+\.[\w-]+/.test(said + log), "a token was told");
  // Signed for Gitaly.
  assert(!/v2\.[0-9a-f]{64}\.[0-9]+/.test(said + log), "a token was told");
}

Deno.test({
  name: "neither records nor users learn a secret, whatever goes wrong",
  ...options,
  async fn() {
    await using stack = await startStack();
    const said: string[] = [];
    const run = async (command: string) => {
      const { stdout, stderr, exitStatus } = await runProgram("gitlab-shell", {
        ...session(stack, command),
        stdin: "0000",
      });
      said.push(stdout, stderr);
      return exitStatus;
    };
    const clone = `git-upload-pack '${SAMPLE.project}.git'`;
    assertEquals(await run("discover"), 0);
    assertEquals(await run(clone), 0);
    assertEquals(await run("git-upload-pack '../../x'"), 1);
    assertEquals(await run("nothing of ours"), 1);
    // Gitaly refuses the token; then nobody is there; then no API is.
    stack.api.state.gitaly.set("default", {
      address: stack.gitalyAddress,
      token: `${TOKEN}-wrong`,
      features: {},
    });
    assertEquals(await run(clone), 1);
    await stack.gitaly[Symbol.asyncDispose]();
    assertEquals(await run(clone), 1);
    await stack.api[Symbol.asyncDispose]();
    assertEquals(await run(clone), 1);
    await assertNothingIsTold(stack, said.join("\n"));
  },
});

Deno.test({
  name: "the list of processes shows no secret",
  ...options,
  async fn() {
    await using stack = await startStack();
    const command = `git-upload-pack '${SAMPLE.project}.git'`;
    const { args, env } = session(stack, command);
    const child = new Deno.Command(programPath("gitlab-shell"), {
      args,
      env: { PATH: Deno.env.get("PATH") ?? "", ...env },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const output = child.stdout.getReader();
    await output.read();
    // The advertisement has come: every secret is in use now.
    const shown = () => listProcesses().map(({ words }) => words).join("\n");
    assert(await waitUntil(() => shown().includes("upload-pack"), MEET_MS_MAX));
    const words = shown();
    const environment = Deno.readTextFileSync(`/proc/${child.pid}/environ`);
    for (const secret of [PASSWORD, TOKEN, SECRET]) {
      assert(!words.includes(secret), "an argument shows it");
      assert(!environment.includes(secret), "the environment shows it");
    }
    await child.stdin.close();
    await output.cancel();
    await child.status;
  },
});
