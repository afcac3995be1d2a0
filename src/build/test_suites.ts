/**
 * The suites of tests, and what each needs of the machine.
 * @module
 */

/** One kind of test, run by one `deno test`. */
export interface TestSuite {
  readonly name: string;
  /** Arguments of `deno test` that all of its runs have. */
  readonly flags: readonly string[];
  /** Files or folders, from the root of the repository. */
  readonly paths: readonly string[];
}

/**
 * Every suite, the quick ones first. Unit tests run side by side; the others
 * start processes, which two processors are busy enough with, and measure
 * time now and then.
 */
export const TEST_SUITES: readonly TestSuite[] = [
  { name: "unit", flags: ["--parallel"], paths: ["tests/unit"] },
  {
    name: "doc",
    flags: ["--doc", "--parallel"],
    paths: ["src", "main.ts", "gitaly_ssh.ts"],
  },
  { name: "process", flags: [], paths: ["tests/process"] },
  { name: "hostile", flags: [], paths: ["tests/hostile"] },
  { name: "stack", flags: [], paths: ["tests/stack"] },
];

/** A module of tests/support that needs something of the machine. */
export type NeedyModule = typeof NEEDY_MODULES[keyof typeof NEEDY_MODULES];
/** They start OpenSSH's server, and a Git LFS client. */
export const NEEDY_MODULES = {
  openssh: "tests/support/openssh_server.ts",
  gitLfs: "tests/support/git_lfs.ts",
} as const;
const IMPORT = /\b(?:from|import)\s*\(?\s*"(\.[^"]+)"/g;

/**
 * Chooses suites by name.
 * @param names What the user typed; all suites when empty.
 * @throws {RangeError} If a name is no suite's.
 * @example
 * ```ts
 * import { chooseSuites } from "./test_suites.ts";
 * chooseSuites(["doc"]).map(({ name }) => name); // ["doc"]
 * ```
 */
export function chooseSuites(names: readonly string[]): TestSuite[] {
  for (const name of names) {
    if (!TEST_SUITES.some((suite) => suite.name === name)) {
      const known = TEST_SUITES.map((suite) => suite.name).join(", ");
      throw new RangeError(
        `There is no suite ${JSON.stringify(name)}, only ${known}`,
      );
    }
  }
  return TEST_SUITES.filter(({ name }) =>
    names.length === 0 || names.includes(name)
  );
}

/**
 * Lists the test files of a suite.
 * @param root Folder of the repository.
 * @returns Paths from the root, sorted; a suite without tests has none.
 */
export async function listTestFiles(
  root: string,
  suite: TestSuite,
): Promise<string[]> {
  const files: string[] = [];
  for (const path of suite.paths) await walk(root, path, files);
  return files.filter((file) => file.endsWith("_test.ts")).toSorted();
}

/**
 * Whether a test file uses a module, itself or through a helper.
 * @param root Folder of the repository.
 * @param file Path from there.
 */
export async function needsModule(
  root: string,
  file: string,
  module: NeedyModule,
): Promise<boolean> {
  const found = new Set([file]);
  // A set that grows while it is walked is walked to its new end.
  for (const path of found) {
    if (path === module) return true;
    const text = await Deno.readTextFile(`${root}/${path}`).catch(() => "");
    for (const [, specifier = ""] of text.matchAll(IMPORT)) {
      const url = new URL(specifier, `file:///${path}`);
      if (url.pathname.startsWith("/tests/")) found.add(url.pathname.slice(1));
    }
  }
  return false;
}

async function walk(
  root: string,
  path: string,
  files: string[],
): Promise<void> {
  const { isDirectory } = await Deno.stat(`${root}/${path}`);
  if (!isDirectory) {
    files.push(path);
    return;
  }
  for await (const { name } of Deno.readDir(`${root}/${path}`)) {
    await walk(root, `${path}/${name}`, files);
  }
}
