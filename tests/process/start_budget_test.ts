/**
 * What the programs that start once per session load before they do anything
 * for it: files that Deno reads, their bytes, and the parts of them that run.
 * Each has a budget, so that nobody makes every login slower unawares.
 *
 * A copy of the programs is run whose main file tells, on the same stream on
 * which Deno names the modules that it loads, when the first byte goes to the
 * internal API and to Gitaly. The order of these lines is what is judged.
 * @module
 */
import { assert } from "@std/assert";
import { SAMPLE } from "../../src/devstack/sample.ts";
import { type Devstack, startDevstack } from "../../src/devstack/stack.ts";
import { programPath, runProgram } from "../support/dist.ts";
import { copyTampered, IS_PORTABLE } from "../support/tampered_dist.ts";
import { makeTempDir, type TempDir } from "../support/temp_dir.ts";

/** How much may be loaded until a moment. */
interface Budget {
  /** Modules that Deno reads. */
  readonly files: number;
  /** What they weigh. */
  readonly sourceKib: number;
  /** Chunks of the bundle that are run. */
  readonly scripts: number;
}

/** The moments: first byte on the first and on the second connection, exit. */
type Moment = "api" | "gitaly" | "exit";

/** One way to start a program, and what that may cost. */
interface Start {
  readonly what: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: (stack: Devstack) => Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Whom it connects to, in order. */
  readonly peers: readonly Moment[];
  readonly budgets: Partial<Readonly<Record<Moment, Budget>>>;
}

/** Words for a reader. */
const NAMES: Readonly<Record<keyof Budget, string>> = {
  files: "modules",
  sourceKib: "KiB of source",
  scripts: "scripts of the bundle",
};
const ADVICE =
  "Load what not every session needs by a late import(). If all of them do, " +
  "measure with `deno task bench start`, raise the budget in " +
  "tests/process/start_budget_test.ts and say in docs/performance.md what the " +
  "growth costs.";
const LIST_REFS = "0014command=ls-refs\n00000000";
const SSH_ENV = { SSH_CONNECTION: "127.0.0.1 0 127.0.0.2 65535" };
const LOADED = /fetch_no_follow - specifier: \S*\/([^/\s]+)$/;
const MARK = /^start-budget (\S+) ?(\S*)$/;
const KIB_BYTES = 1024;
/** Stands in front of a main file; a number for each connection. */
const PROBE = `{
const say=(words)=>Deno.stderr.writeSync(new TextEncoder().encode("\\nstart-budget "+words+"\\n"));
const connect=Deno.connect;
let count=0;
Deno.connect=async(...to)=>{
const connection=await connect(...to),number=count++,write=connection.write.bind(connection);
let isFirst=true;
connection.write=(bytes)=>{if(isFirst)say("byte "+number);isFirst=false;return write(bytes)};
return connection;
};
globalThis.startBudget=(name)=>say("script "+name);
}
`;

const forGit = (service: string) => () => ({
  ...SSH_ENV,
  GIT_PROTOCOL: "version=2",
  SSH_ORIGINAL_COMMAND: `${service} '${SAMPLE.project}'`,
});

const STARTS: readonly Start[] = [
  {
    what: "key lookup",
    program: "gitlab-shell-authorized-keys-check",
    args: ["git", "git", "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgME"],
    peers: ["api"],
    budgets: { api: { files: 1, sourceKib: 73, scripts: 25 } },
  },
  {
    what: "principals",
    program: "gitlab-shell-authorized-principals-check",
    args: [SAMPLE.username, "sshUsers"],
    peers: [],
    budgets: { exit: { files: 1, sourceKib: 73, scripts: 14 } },
  },
  {
    what: "discover",
    program: "gitlab-shell",
    args: ["key-1"],
    env: () => SSH_ENV,
    peers: ["api"],
    budgets: { api: { files: 1, sourceKib: 81, scripts: 30 } },
  },
  ...["git-upload-pack", "git-receive-pack"].map((service): Start => ({
    what: service,
    program: "gitlab-shell",
    args: ["key-1"],
    env: forGit(service),
    stdin: service === "git-upload-pack" ? LIST_REFS : "0000",
    peers: ["api", "gitaly"],
    budgets: {
      api: { files: 1, sourceKib: 162, scripts: 33 },
      gitaly: { files: 1, sourceKib: 162, scripts: 43 },
    },
  })),
  {
    what: "gitaly-ssh",
    program: "gitaly-ssh",
    args: ["upload-pack", "gitaly", "git-upload-pack"],
    env: (stack) => ({
      GITALY_ADDRESS: stack.gitalyAddress,
      GITALY_TOKEN: stack.gitalyToken,
      GITALY_PAYLOAD: JSON.stringify({
        repository: {
          storageName: "default",
          relativePath: stack.repositoryPath(SAMPLE.project)
            .slice(stack.storage.length + 1),
        },
        gitProtocol: "version=2",
      }),
    }),
    stdin: LIST_REFS,
    peers: ["gitaly"],
    budgets: { gitaly: { files: 1, sourceKib: 99, scripts: 17 } },
  },
];

let stack: Devstack;
let folder: TempDir;

Deno.test.beforeAll(async () => {
  folder = makeTempDir();
  if (IS_PORTABLE) await copyWithProbe(folder.path);
  stack = await startDevstack();
});
Deno.test.afterAll(async () => {
  await stack[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** Puts the probe into a copy of `dist/`, and lets Deno talk. */
async function copyWithProbe(target: string): Promise<void> {
  await copyTampered(target, {
    code: PROBE,
    onScript: "globalThis.startBudget(name)",
  });
  for (const { program } of STARTS) {
    const path = `${target}/${program}`;
    const launcher = await Deno.readTextFile(path);
    await Deno.writeTextFile(
      path,
      launcher.replace(/DENO_LOG=\S+/, "DENO_LOG=debug")
        .replace("  --quiet \\\n", ""),
    );
  }
}

/** What was loaded until each moment. */
async function trace(start: Start): Promise<Map<Moment, Budget>> {
  const { stderr, exitStatus } = await runProgram(start.program, {
    path: `${folder.path}/${start.program}`,
    args: start.args,
    env: { GITLAB_SHELL_DIR: stack.shellRoot.path, ...start.env?.(stack) },
    ...(start.stdin === undefined ? {} : { stdin: start.stdin }),
  });
  const shown = stderr.split("\n").filter((line) => !line.startsWith("DEBUG"));
  assert(exitStatus === 0, `${start.what} ended with ${exitStatus}: ${shown}`);
  const found = new Map<Moment, Budget>();
  const files = new Set<string>();
  let scripts = 0;
  const weigh = () => ({
    files: files.size,
    sourceKib: [...files].reduce((sum, name) => sum + sizeKib(start, name), 0),
    scripts,
  });
  for (const line of stderr.split("\n")) {
    const [, file] = LOADED.exec(line) ?? [];
    if (file !== undefined) files.add(file);
    const [, event, word] = MARK.exec(line) ?? [];
    if (event === "script") scripts++;
    const moment = event === "byte" ? start.peers[Number(word)] : undefined;
    if (moment) found.set(moment, weigh());
  }
  return found.set("exit", weigh());
}

/** As it was built, without the probe. */
function sizeKib({ program }: Start, file: string): number {
  const library = ["gitlab-shell", "gitaly-ssh"].includes(program)
    ? program
    : "gitlab-keys";
  const path = programPath(`lib/${library}/${file}`);
  return Deno.statSync(path).size / KIB_BYTES;
}

for (const start of STARTS) {
  for (const [moment, budget] of Object.entries(start.budgets)) {
    const until = moment === "exit" ? "exit" : `the first byte to ${moment}`;
    Deno.test({
      name: `${start.what} keeps to its budget until ${until}`,
      ignore: !IS_PORTABLE,
      // The stack's servers wait before, during and after each test.
      sanitizeOps: false,
      sanitizeResources: false,
      async fn() {
        const found = (await trace(start)).get(moment as Moment);
        if (!found) throw new Error(`${start.what} has not come to ${until}`);
        // Nothing at all would be a probe that does not work.
        assert(found.files > 0 && found.scripts > 0, JSON.stringify(found));
        for (const name of ["files", "sourceKib", "scripts"] as const) {
          const [value, bound] = [found[name], budget[name]];
          const loaded = `${Math.ceil(value)} ${NAMES[name]} before ${until}`;
          assert(
            value <= bound,
            `${start.what} loads ${loaded}, its budget is ${bound}. ${ADVICE}`,
          );
        }
      },
    });
  }
}
