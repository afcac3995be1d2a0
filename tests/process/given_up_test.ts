/**
 * What code that takes a program over can still do, moment by moment: when the
 * API's answer comes in, when it is read, when the client's and Gitaly's bytes
 * are pumped. Each program gives up what it has no more use for before that.
 *
 * The attempts are made by code in a copy of the programs, in the middle of a
 * real session; that they succeed at the start shows that they can.
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Authority } from "../../src/core/host.ts";
import { SAMPLE, SAMPLE_PUBLIC_KEY } from "../../src/devstack/sample.ts";
import {
  type Devstack,
  type Door,
  startDevstack,
} from "../../src/devstack/stack.ts";
import { runProgram } from "../support/dist.ts";
import { assertGone, hookCode, MARK } from "../support/given_up_hook.ts";
import { copyTampered, IS_PORTABLE } from "../support/tampered_dist.ts";
import { makeTempDir, type TempDir } from "../support/temp_dir.ts";

/** A moment, and what a program can no longer do then. */
type Moments = Readonly<Record<string, readonly Authority[]>>;

/** One session, and what is gone at which moment of it. */
interface Case {
  readonly what: string;
  readonly apiDoor?: Door;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: (stack: Devstack) => Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Part of what it must print: the session works all the same. */
  readonly prints: string;
  readonly gone: Moments;
  /** Answers of the API that come before the good one. */
  readonly before?: readonly string[];
  readonly isAudited?: boolean;
}

const NOTHING: readonly Authority[] = [];
const ALL: readonly Authority[] = ["env", "files", "net"];
const LIST_REFS = "0014command=ls-refs\n00000000";
const KEY = SAMPLE_PUBLIC_KEY.split(" ")[1] ?? "";

const lookUp = {
  program: "gitlab-shell-authorized-keys-check",
  args: ["git", "git", KEY],
  prints: "command=",
} as const;
const discover = {
  program: "gitlab-shell",
  args: ["key-1"],
  env: () => sessionEnv(""),
  prints: "Welcome to GitLab",
} as const;

function sessionEnv(command: string): Record<string, string> {
  return {
    SSH_CONNECTION: "127.0.0.1 0 127.0.0.2 65535",
    GIT_PROTOCOL: command.startsWith("git-upload-pack") ? "version=2" : "",
    ...command !== "" && { SSH_ORIGINAL_COMMAND: command },
  };
}

function session(command: string) {
  return {
    program: "gitlab-shell",
    args: ["key-1"],
    env: () => sessionEnv(command),
  };
}

function gitalySshEnv(stack: Devstack, gitProtocol: string) {
  return {
    GITALY_ADDRESS: stack.gitalyAddress,
    GITALY_TOKEN: stack.gitalyToken,
    GITALY_PAYLOAD: JSON.stringify({
      repository: {
        storageName: "default",
        relativePath: stack.repositoryPath(SAMPLE.project)
          .slice(stack.storage.length + 1),
      },
      gitProtocol,
      ...gitProtocol === "" && { glId: "key-1", glRepository: "project-1" },
    }),
  };
}

const CASES: readonly Case[] = [
  {
    what: "a key lookup through a socket",
    ...lookUp,
    // The path of the socket could be needed once more until then.
    gone: { start: NOTHING, answer: ["env"], parsed: ALL, output: ALL },
  },
  {
    what: "a key lookup over TCP",
    apiDoor: "tcp",
    ...lookUp,
    gone: {
      start: NOTHING,
      answer: ["env", "files"],
      parsed: ALL,
      output: ALL,
    },
  },
  ...(["unix", "tcp", "tls"] as const).map((apiDoor): Case => ({
    what: `a key lookup that is repeated (${apiDoor})`,
    apiDoor,
    ...lookUp,
    before: ["/authorized_keys"],
    gone: { start: NOTHING, parsed: ALL, output: ALL },
  })),
  {
    what: "a session without a command",
    ...discover,
    gone: { start: NOTHING, answer: ["env"], parsed: ALL, output: ALL },
  },
  {
    what: "a principals helper, which asks nobody,",
    program: "gitlab-shell-authorized-principals-check",
    args: [SAMPLE.username, "sshUsers"],
    prints: "command=",
    gone: { output: ["net"] },
  },
  {
    what: "a fetch",
    ...session(`git-upload-pack '${SAMPLE.project}'`),
    stdin: LIST_REFS,
    prints: "refs/heads/",
    gone: { start: NOTHING, answer: ["env"], input: ALL, output: ALL },
  },
  {
    what: "a push",
    ...session(`git-receive-pack '${SAMPLE.project}'`),
    stdin: "0000",
    prints: "report-status",
    // A call that Gitaly has not begun is repeated.
    gone: { start: NOTHING, answer: ["env"], input: ["env"], output: ALL },
  },
  ...(["unix", "tcp", "tls"] as const).map((apiDoor): Case => ({
    what: `a fetch that GitLab is told of (${apiDoor})`,
    apiDoor,
    ...session(`git-upload-pack '${SAMPLE.readOnlyProject}'`),
    stdin: LIST_REFS,
    prints: "refs/heads/",
    isAudited: true,
    gone: {
      start: NOTHING,
      input: apiDoor === "unix" ? ["env"] : ["env", "files"],
      output: apiDoor === "unix" ? ["env"] : ["env", "files"],
    },
  })),
  {
    what: "gitaly-ssh",
    program: "gitaly-ssh",
    args: ["upload-pack", "gitaly", "git-upload-pack"],
    env: (stack) => gitalySshEnv(stack, "version=2"),
    stdin: LIST_REFS,
    prints: "refs/heads/",
    gone: { start: NOTHING, input: ALL, output: ALL },
  },
  {
    what: "gitaly-ssh for a push",
    program: "gitaly-ssh",
    args: ["receive-pack", "gitaly", "git-receive-pack"],
    env: (stack) => gitalySshEnv(stack, ""),
    stdin: "0000",
    prints: "report-status",
    gone: { start: NOTHING, output: ALL },
  },
];

type Outcome = Readonly<Record<string, Readonly<Record<string, string>>>>;

const TESTDATA = new URL("../testdata/tls/", import.meta.url);
let folder: TempDir;
let elsewhere: Deno.Listener;
const stacks = new Map<Door, Devstack>();

Deno.test.beforeAll(async () => {
  folder = makeTempDir({ "place/secret": "a secret\n", "place/log": "" });
  elsewhere = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = elsewhere.addr as Deno.NetAddr;
  if (!IS_PORTABLE) return;
  const code = hookCode(`${folder.path}/place`, port);
  await copyTampered(`${folder.path}/dist`, { code });
});
Deno.test.afterAll(async () => {
  for (const stack of stacks.values()) await stack[Symbol.asyncDispose]();
  elsewhere.close();
  folder[Symbol.dispose]();
});

async function stackOf(apiDoor: Door): Promise<Devstack> {
  const known = stacks.get(apiDoor);
  if (known) return known;
  const read = (name: string) => Deno.readTextFile(new URL(name, TESTDATA));
  const tls = {
    cert: await read("localhost.pem"),
    key: await read("localhost.key"),
    caFile: new URL("ca.pem", TESTDATA).pathname,
  };
  const stack = await startDevstack({ apiDoor, tls });
  stacks.set(apiDoor, stack);
  return stack;
}

/** Runs a session of the tampered programs. */
async function tamper(one: Case, stack: Devstack) {
  const { exitStatus, stdout, stderr } = await runProgram(one.program, {
    path: `${folder.path}/dist/${one.program}`,
    args: one.args,
    env: {
      GITLAB_SHELL_DIR: stack.shellRoot.path,
      TZ: "UTC",
      ...one.env?.(stack),
    },
    ...one.stdin !== undefined && { stdin: one.stdin },
  });
  const line = stderr.split("\n").find((line) => line.startsWith(MARK)) ?? "";
  const outcome: Outcome = JSON.parse(line.slice(MARK.length) || "{}");
  return { exitStatus, stdout, stderr, outcome };
}

for (const one of CASES) {
  Deno.test({
    name: `${one.what} gives up in time what it has no more use for`,
    ignore: !IS_PORTABLE,
    // The stack's servers wait before, during and after each test.
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      const stack = await stackOf(one.apiDoor ?? "unix");
      for (const path of one.before ?? []) {
        stack.api.script.enqueue(path, { status: 503 });
      }
      const before = stack.api.requests.all.length;
      const { exitStatus, stdout, stderr, outcome } = await tamper(one, stack);
      assertEquals(exitStatus, 0, stderr);
      assertStringIncludes(stdout, one.prints);
      for (const [moment, gone] of Object.entries(one.gone)) {
        const found = outcome[moment];
        if (!found) throw new Error(`${moment} has not come: ${stderr}`);
        assertGone(moment, found, gone);
      }
      const asked = stack.api.requests.all.slice(before)
        .map(({ endpoint }) => endpoint);
      assertEquals(
        asked.includes("/shellhorse/git_audit_event"),
        one.isAudited ?? false,
      );
      if (one.before) assertEquals(asked.length, one.before.length + 1);
    },
  });
}
