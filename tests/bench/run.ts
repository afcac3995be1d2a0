/**
 * `deno task bench`: what a user waits for and what an operator pays, every
 * rival in the same run. Prints one table; build `dist/` first.
 *
 * Rivals that environment variables name (programs with the same contract) are
 * put through the same work: RIVAL_GITLAB_SHELL, RIVAL_KEYS_CHECK.
 * @module
 */
import { buildEmptyProgram } from "../../src/build/dist.ts";
import { SAMPLE, SAMPLE_PROJECTS } from "../../src/devstack/sample.ts";
import { type Devstack, startDevstack } from "../../src/devstack/stack.ts";
import { programPath } from "../support/dist.ts";
import type { ChildUsage } from "./measure_child.ts";
import { type Contender, quantile, timeProcesses } from "./process_timer.ts";

const START_ROUNDS = 25;
const TRANSFER_ROUNDS = 3;
const BULK_MIB = 512;
const BULK_PROJECT = "tanuki/whale";
const SMALL_MIB = 64;
const SMALL_PROJECT = "tanuki/krill";
const API_DELAY_MS = 100;
const MEASURE = new URL("measure_child.ts", import.meta.url).pathname;
const INSTANT_API = new URL("instant_api.ts", import.meta.url).pathname;
/** `PATH` and what the programs would see under sshd. */
const BASE_ENV = {
  PATH: Deno.env.get("PATH") ?? "",
  SSH_CONNECTION: "127.0.0.1 0 127.0.0.2 65535",
};

/** One line of the table. */
interface Row {
  readonly question: string;
  readonly answer: string;
  readonly value: string;
  readonly ratio: string;
  readonly note: string;
}

const rows: Row[] = [];

function addRow(row: Row): void {
  rows.push(row);
  const { question, answer, value, ratio, note } = row;
  console.log(`| ${question} | ${answer} | ${value} | ${ratio} | ${note} |`);
}

/** Programs that the environment names besides ours. */
function rivals(name: string, ours: string): [string, string][] {
  const rival = Deno.env.get(name);
  return [
    ["ours", ours],
    ...(rival ? [["rival", rival] as [string, string]] : []),
  ];
}

/** Start-up, with an API that costs nothing and one that takes its time. */
async function benchStart(stack: Devstack, empty: string): Promise<void> {
  const shell = rivals("RIVAL_GITLAB_SHELL", programPath("gitlab-shell"));
  const check = rivals(
    "RIVAL_KEYS_CHECK",
    programPath("gitlab-shell-authorized-keys-check"),
  );
  await using instant = await startInstantApi(stack, 0);
  const env = { ...BASE_ENV, GITLAB_SHELL_DIR: instant.rootPath };
  const key = stack.api.state.directory.key(String(SAMPLE.keyId))?.publicKey;
  const blob = key?.split(" ")[1] ?? "";
  const floor: Contender = {
    name: "empty program (E)",
    command: empty,
    args: [],
    env,
  };
  await benchCommands("key lookup", [
    floor,
    ...check.map(([name, command]) => ({
      name,
      command,
      args: ["git", "git", blob],
      env,
    })),
  ]);
  await benchCommands("discover", [
    floor,
    ...shell.map(([name, command]) => ({
      name,
      command,
      args: ["key-1"],
      env,
      expectedStdout: `Welcome to GitLab, @${SAMPLE.username}!\n`,
    })),
  ]);
  const lsRemote = shell.map(([name, command]) => ({
    name,
    command: "sh",
    // What git says to list the refs: one request of protocol 2 and the end.
    args: [
      "-c",
      `printf '0014command=ls-refs\\n00000000' | exec "$0" key-1`,
      command,
    ],
    env: {
      ...env,
      GIT_PROTOCOL: "version=2",
      SSH_ORIGINAL_COMMAND: `git-upload-pack '${SAMPLE.project}'`,
    },
  }));
  await benchCommands("ls-remote, start to exit", [floor, ...lsRemote]);
  await using slow = await startInstantApi(stack, API_DELAY_MS);
  await benchCommands(`ls-remote, API takes ${API_DELAY_MS} ms`, [
    floor,
    ...lsRemote.map((contender) => ({
      ...contender,
      env: { ...contender.env, GITLAB_SHELL_DIR: slow.rootPath },
    })),
  ]);
}

/** Commands that ask the API and nobody else. */
async function benchAccount(stack: Devstack, empty: string): Promise<void> {
  await using instant = await startInstantApi(stack, 0);
  const contend = (typed: string, command: string): Contender[] =>
    rivals("RIVAL_GITLAB_SHELL", programPath("gitlab-shell"))
      .map(([name, program]) => ({
        name: `${name}, ${command.split(" ")[0]}`,
        command: typed === "" ? program : "sh",
        args: typed === ""
          ? ["key-1"]
          : ["-c", `echo ${typed} | exec "$0" key-1`, program],
        env: {
          ...BASE_ENV,
          GITLAB_SHELL_DIR: instant.rootPath,
          SSH_ORIGINAL_COMMAND: command,
        },
      }));
  const floor = { name: "empty program (E)", env: BASE_ENV };
  await benchCommands("tokens and LFS", [
    { ...floor, command: empty, args: [] },
    ...contend("", "personal_access_token reef read_api 30"),
    ...contend("", `git-lfs-authenticate ${SAMPLE.project} download`),
  ]);
  await benchCommands("2FA, with a shell that types", [
    { ...floor, command: "sh", args: ["-c", 'echo | exec "$0"', empty] },
    ...contend("yes", "2fa_recovery_codes"),
    ...contend("123456", "2fa_verify"),
  ]);
}

/** Starts the API in a process of its own, with a root that names it. */
async function startInstantApi(
  stack: Devstack,
  delayMs: number,
): Promise<AsyncDisposable & { rootPath: string }> {
  const rootPath = await Deno.makeTempDir();
  const socket = `${rootPath}/api.sock`;
  const key = stack.api.state.directory.key(String(SAMPLE.keyId));
  const answers = {
    "/discover": { id: SAMPLE.userId, username: SAMPLE.username, name: "Mira" },
    "/authorized_keys": { id: SAMPLE.keyId, key: key?.publicKey },
    "/allowed": allowedBody(stack),
    "/two_factor_recovery_codes": { success: true, recovery_codes: ["code"] },
    "/two_factor_manual_otp_check": { success: true },
    "/two_factor_push_otp_check": { success: false },
    "/personal_access_token": { success: true, token: "glpat-x", scopes: [] },
    "/lfs_authenticate": { username: SAMPLE.username, lfs_token: "x" },
  };
  await Deno.writeTextFile(`${rootPath}/answers.json`, JSON.stringify(answers));
  await Deno.writeTextFile(
    `${rootPath}/config.yml`,
    `gitlab_url: "http+unix://${
      encodeURIComponent(socket)
    }"\nsecret: "bench"\n`,
  );
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--allow-all",
      INSTANT_API,
      socket,
      `${rootPath}/answers.json`,
      String(delayMs),
    ],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  return {
    rootPath,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.status;
      await Deno.remove(rootPath, { recursive: true });
    },
  };
}

/** What `/allowed` answers for the sample project. */
function allowedBody(stack: Devstack) {
  const project = stack.api.state.directory.project(SAMPLE.project);
  return {
    status: true,
    gl_id: "user-5",
    gl_username: SAMPLE.username,
    gl_repository: "project-88",
    git_config_options: [],
    gitaly: {
      address: stack.gitalyAddress,
      token: stack.gitalyToken,
      features: {},
      repository: {
        storage_name: "default",
        relative_path: project?.relativePath,
        gl_repository: "project-88",
        gl_project_path: SAMPLE.project,
      },
    },
  };
}

async function benchCommands(
  question: string,
  contenders: readonly Contender[],
): Promise<void> {
  const timings = await timeProcesses(contenders, START_ROUNDS);
  for (const [index, { name, medianMs, p99Ms, ratio }] of timings.entries()) {
    const contender = contenders[index];
    const usage = contender && await measure(contender);
    addRow({
      question,
      answer: name,
      value: `${medianMs.toFixed(1)} ms`,
      ratio: `${ratio.toFixed(2)} x E`,
      note: `p99 ${p99Ms.toFixed(1)} ms, ${usage?.peakRssMib.toFixed(0)} MiB`,
    });
  }
}

/** Runs a command once under the kernel's accounting. */
async function measure(
  { command, args, env }: Contender,
): Promise<ChildUsage> {
  const file = await Deno.makeTempFile();
  try {
    await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", MEASURE, file, command, ...args],
      env: { ...env, HOME: Deno.env.get("HOME") ?? "/" },
      stdin: "null",
      stdout: "null",
    }).output();
    return JSON.parse(await Deno.readTextFile(file));
  } finally {
    await Deno.remove(file);
  }
}

async function benchTransfer(stack: Devstack): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const ways = new Map([["git upload-pack over a pipe", ""]]);
    for (
      const [name, program] of rivals(
        "RIVAL_GITLAB_SHELL",
        programPath("gitlab-shell"),
      )
    ) {
      ways.set(
        name,
        await writeSshScript(`${folder}/${name}`, { program, stack }),
      );
    }
    for (
      const [project, mib] of [[SMALL_PROJECT, SMALL_MIB], [
        BULK_PROJECT,
        BULK_MIB,
      ]] as const
    ) {
      await benchClone({ stack, folder, ways, project, mib });
    }
    await benchPush({
      stack,
      folder,
      ways,
      project: BULK_PROJECT,
      mib: BULK_MIB,
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Stands in for ssh: runs the program as sshd would, and counts what it uses. */
async function writeSshScript(
  path: string,
  { program, stack }: { program: string; stack: Devstack },
): Promise<string> {
  const measured = [Deno.execPath(), "run", "--quiet", "--allow-all", MEASURE];
  await Deno.writeTextFile(
    path,
    `#!/bin/sh
for last; do :; done
export SSH_ORIGINAL_COMMAND="$last"
export SSH_CONNECTION="127.0.0.1 0 127.0.0.2 65535"
export GITLAB_SHELL_DIR='${stack.shellRoot.path}'
exec ${measured.join(" ")} '${path}.json' '${program}' key-1
`,
    { mode: 0o755 },
  );
  return path;
}

interface Transfer {
  readonly stack: Devstack;
  readonly folder: string;
  readonly ways: ReadonlyMap<string, string>;
  readonly project: string;
  readonly mib: number;
}

async function benchClone(transfer: Transfer): Promise<void> {
  const { stack, folder, project, mib } = transfer;
  await benchWays(`clone ${mib} MiB`, transfer, async (script) => {
    const source = script === ""
      ? stack.repositoryPath(project)
      : `git@host:${project}.git`;
    const target = `${folder}/clone.git`;
    const seconds = await timeGit(
      ["clone", "-q", "--bare", "--no-local", source, target],
      { folder, script },
    );
    await Deno.remove(target, { recursive: true });
    return seconds;
  });
}

async function benchPush(transfer: Transfer): Promise<void> {
  const { stack, folder, project, mib } = transfer;
  const source = stack.repositoryPath(project);
  const target = stack.repositoryPath(SAMPLE.busyProject);
  let count = 0;
  await benchWays(`push ${mib} MiB`, transfer, async (script) => {
    // Emptied each time, so that every object travels.
    await emptyRepository(target);
    const url = script === ""
      ? `file://${target}`
      : `git@host:${SAMPLE.busyProject}.git`;
    const ref = `refs/heads/main:refs/heads/push${++count}`;
    return await timeGit(["-C", source, "push", "-q", url, ref], {
      folder,
      script,
    });
  });
}

async function emptyRepository(path: string): Promise<void> {
  for (const name of ["objects", "refs/heads", "refs/tags"]) {
    await Deno.remove(`${path}/${name}`, { recursive: true });
    await Deno.mkdir(`${path}/${name}`, { recursive: true });
  }
  await Deno.remove(`${path}/packed-refs`).catch(() => {});
}

/** Times each way in turn, and prints throughput against the first. */
async function benchWays(
  question: string,
  { ways, mib }: Transfer,
  run: (script: string) => Promise<number>,
): Promise<void> {
  const names = [...ways.keys()];
  const seconds = new Map(names.map((name) => [name, [] as number[]]));
  const usages = new Map<string, ChildUsage[]>(names.map((name) => [name, []]));
  for (let round = 0; round < TRANSFER_ROUNDS; round++) {
    for (const [name, script] of ways) {
      seconds.get(name)?.push(await run(script));
      if (script === "") continue;
      usages.get(name)?.push(
        JSON.parse(await Deno.readTextFile(`${script}.json`)),
      );
    }
  }
  const direct = seconds.get(names[0] ?? "") ?? [];
  for (const name of names) {
    const own = seconds.get(name) ?? [];
    const ratios = own.map((time, round) => (direct[round] ?? NaN) / time);
    const used = usages.get(name) ?? [];
    const peak = Math.max(0, ...used.map(({ peakRssMib }) => peakRssMib));
    const cpu = quantile(used.map(({ cpuMs }) => cpuMs), 0.5) / 1000 /
      (mib / 1024);
    addRow({
      question,
      answer: name,
      value: `${(mib / quantile(own, 0.5)).toFixed(0)} MiB/s`,
      ratio: quantile(ratios, 0.5).toFixed(2),
      note: used.length === 0
        ? ""
        : `${cpu.toFixed(2)} CPU-s/GiB, ${peak.toFixed(0)} MiB`,
    });
  }
}

async function timeGit(
  args: readonly string[],
  { folder, script }: { folder: string; script: string },
): Promise<number> {
  const startMs = performance.now();
  const { success, stderr } = await new Deno.Command("git", {
    args: [...args],
    env: {
      PATH: BASE_ENV.PATH,
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_SSH_VARIANT: "ssh",
      ...(script === "" ? {} : { GIT_SSH_COMMAND: script }),
    },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return (performance.now() - startMs) / 1000;
}

if (import.meta.main) {
  const [first] = SAMPLE_PROJECTS;
  if (first === undefined) throw new Error("The sample has no projects");
  const bulk = (id: number, path: string, sizeMib: number) => ({
    ...first,
    id,
    path,
    content: { kind: "bulk", sizeMib } as const,
  });
  const emptyFolder = await Deno.makeTempDir();
  await using stack = await startDevstack({
    api: { rateLimit: 0 },
    // The faster of its two carriers: it is not to be measured.
    gitaly: { carrier: "lean" },
    projects: [
      ...SAMPLE_PROJECTS,
      bulk(301, SMALL_PROJECT, SMALL_MIB),
      bulk(302, BULK_PROJECT, BULK_MIB),
    ],
  });
  console.log(
    "| what is waited for | who | median | against | spread, memory |",
  );
  console.log("| --- | --- | --- | --- | --- |");
  const only = new Set(Deno.args);
  const isWanted = (name: string) => only.size === 0 || only.has(name);
  const empty = await buildEmptyProgram(emptyFolder);
  if (isWanted("start")) await benchStart(stack, empty);
  if (isWanted("account")) await benchAccount(stack, empty);
  if (isWanted("transfer")) await benchTransfer(stack);
  await Deno.remove(emptyFolder, { recursive: true });
}
