/**
 * `deno task test`: builds `dist/`, checks the types and runs the suites that
 * are named, or all of them. The last line is `N passed, N failed`, with
 * `, N skipped` only when something was; the exit status is 0 only if tests
 * ran and none failed.
 * @module
 */
import { buildPrograms } from "./build.ts";
import { provideCheckers, provideOpenssh } from "./debian_packages.ts";
import { provideGitLfs } from "./git_lfs.ts";
import {
  addCounts,
  formatCounts,
  runTests,
  type TestCounts,
} from "./test_run.ts";
import {
  chooseSuites,
  listTestFiles,
  needsModule,
  NEEDY_MODULES,
  type NeedyModule,
  type TestSuite,
} from "./test_suites.ts";

const NOTHING: TestCounts = { passed: 0, failed: 0, skipped: 0 };
const FAILED: TestCounts = { passed: 0, failed: 1, skipped: 0 };
const DOC_SUITE = "doc";
/** The suite that asks the checkers of others. */
const UNIT_SUITE = "unit";
/** Suites that need no programs. */
const SOURCE_SUITES = [UNIT_SUITE, DOC_SUITE] as const;

/** Runs one suite and says what came of it. */
async function runSuite(root: string, suite: TestSuite): Promise<TestCounts> {
  const startMs = performance.now();
  const found = await listTestFiles(root, suite);
  const files = await leaveOut(root, found);
  const skipped = found.length - files.length;
  // Docstrings stand in the sources themselves.
  const paths = suite.name === DOC_SUITE ? suite.paths : files;
  let counts: TestCounts = { ...NOTHING, skipped };
  if (paths.length > 0) {
    const run = await runTests(root, [...suite.flags, ...paths]);
    if (run.report !== "") console.log(run.report);
    counts = addCounts(counts, run.counts);
  }
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${suite.name}: ${formatCounts(counts)} (${seconds} s)`);
  return counts;
}

/** Something that the machine may lack. */
interface Need {
  readonly name: string;
  readonly module: NeedyModule;
  /** Asked once. @returns Whether it is there now. */
  readonly provide: () => Promise<boolean>;
}

const cleanups = new AsyncDisposableStack();
const NEEDS: readonly Need[] = [
  {
    name: "OpenSSH's sshd",
    module: NEEDY_MODULES.openssh,
    provide: () => provideOpenssh(console.log),
  },
  {
    name: "a Git LFS client of 3.6 or later",
    module: NEEDY_MODULES.gitLfs,
    async provide() {
      const gitLfs = await provideGitLfs(console.log);
      if (!gitLfs) return false;
      cleanups.use(gitLfs);
      if (gitLfs.folder === "") return true;
      const path = Deno.env.get("PATH") ?? "";
      Deno.env.set("PATH", `${gitLfs.folder}:${path}`);
      return true;
    },
  },
];

/** Keeps the files that this machine can run, and names the others. */
async function leaveOut(
  root: string,
  files: readonly string[],
): Promise<string[]> {
  let kept = [...files];
  for (const { name, module, provide } of NEEDS) {
    const needing = new Set<string>();
    for (const file of kept) {
      if (await needsModule(root, file, module)) needing.add(file);
    }
    if (needing.size === 0 || await provide()) continue;
    for (const file of needing) {
      console.log(`Left out, as ${name} is missing: ${file}`);
    }
    kept = kept.filter((file) => !needing.has(file));
  }
  return kept;
}

/** What stands before the tests. */
interface Preparation {
  readonly counts: TestCounts;
  readonly isBuilt: boolean;
}

/** Checks every type, while the programs are built. */
async function prepare(root: string): Promise<Preparation> {
  const checking = new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", "--frozen"],
    cwd: root,
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  const building = buildPrograms({
    root,
    folder: `${root}/dist`,
    print: console.log,
  });
  const [checked, built] = await Promise.allSettled([checking, building]);
  const isBuilt = built.status === "fulfilled";
  if (!isBuilt) console.log(`build: ${built.reason}`);
  const isChecked = checked.status === "fulfilled" && checked.value.success;
  if (!isChecked) console.log("check: the types are not right");
  const failed = Number(!isBuilt) + Number(!isChecked);
  return { counts: { ...NOTHING, failed }, isBuilt };
}

async function runAll(root: string, names: string[]): Promise<TestCounts> {
  const suites = chooseSuites(names);
  const { counts: before, isBuilt } = await prepare(root);
  let counts = before;
  for (const suite of suites) {
    if (!isBuilt && !SOURCE_SUITES.some((name) => name === suite.name)) {
      console.log(`${suite.name}: there are no programs to test`);
      continue;
    }
    if (suite.name === UNIT_SUITE) await provideCheckers(console.log);
    console.log(`${suite.name}: running`);
    counts = addCounts(counts, await runSuite(root, suite));
  }
  return counts;
}

if (import.meta.main) {
  const root = await Deno.realPath(new URL("../..", import.meta.url));
  try {
    const counts = await runAll(root, Deno.args);
    await cleanups.disposeAsync();
    console.log(formatCounts(counts));
    Deno.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    console.log(formatCounts(FAILED));
    Deno.exit(1);
  }
}
