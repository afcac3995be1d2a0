/**
 * A Git LFS client that can do what the tests ask of it. Older ones forget
 * what they were told between the list of objects and their transfer.
 * @module
 */
import { deriveSources } from "./apt_sources.ts";

/** A client that is there. */
export interface GitLfs extends AsyncDisposable {
  /** Goes in front of `PATH`; empty if `git-lfs` is on it already. */
  readonly folder: string;
}

/** The oldest version that transfers objects over SSH without a fault. */
export const GIT_LFS_MIN = [3, 6] as const;
/** Debian's first release with such a version, and its number. */
const RELEASE = { codename: "trixie", number: 13 } as const;
const APT_GET = "/usr/bin/apt-get";
const SOURCES = "/etc/apt";
const TIMEOUT_MS = 5 * 60_000;
const decoder = new TextDecoder();

/**
 * Sees to it that a client is there: on Debian root may download one, which is
 * unpacked into a folder of its own and never installed.
 * @param print Told before anything is downloaded.
 * @returns `undefined` if there is none and none can be had.
 */
export async function provideGitLfs(
  print: (line: string) => void,
): Promise<GitLfs | undefined> {
  if (await isGoodVersion("git-lfs")) {
    return { folder: "", [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  if (Deno.uid() !== 0 || !await isFile(APT_GET)) return undefined;
  const sources = await findSources();
  if (sources === undefined) return undefined;
  print("A Git LFS client is missing: unpacking Debian's git-lfs");
  const folder = await Deno.makeTempDir({ prefix: "git-lfs-" });
  const remove = () => Deno.remove(folder, { recursive: true });
  try {
    const bin = await unpackGitLfs(folder, sources);
    if (await isGoodVersion(`${bin}/git-lfs`)) {
      return { folder: bin, [Symbol.asyncDispose]: remove };
    }
    print("Git LFS cannot be had, or is too old");
  } catch (error) {
    print(`Git LFS cannot be had: ${error}`);
  }
  await remove();
  return undefined;
}

/**
 * Whether what `git-lfs version` prints names a version that is new enough.
 * @example
 * ```ts
 * import { isGoodVersionText } from "./git_lfs.ts";
 * isGoodVersionText("git-lfs/3.6.1 (GitHub; linux amd64; go 1.24.4)"); // true
 * isGoodVersionText("git-lfs/3.3.0 (Debian 3.3.0; linux amd64)"); // false
 * ```
 */
export function isGoodVersionText(text: string): boolean {
  const [, major, minor] = /^git-lfs\/([0-9]+)\.([0-9]+)/.exec(text) ?? [];
  const [wantedMajor, wantedMinor] = GIT_LFS_MIN;
  return Number(major) > wantedMajor ||
    Number(major) === wantedMajor && Number(minor) >= wantedMinor;
}

async function isGoodVersion(program: string): Promise<boolean> {
  try {
    const { stdout } = await new Deno.Command(program, { args: ["version"] })
      .output();
    return isGoodVersionText(decoder.decode(stdout));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** @returns Text of a `.sources` file; `undefined` on anything but Debian. */
async function findSources(): Promise<string | undefined> {
  const release = await Deno.readTextFile("/etc/os-release").catch(() => "");
  const field = (name: string) =>
    new RegExp(`^${name}="?([^"\n]*)"?$`, "m").exec(release)?.[1] ?? "";
  if (field("ID") !== "debian") return undefined;
  const codename = field("VERSION_CODENAME");
  const isOlder = Number(field("VERSION_ID") || Infinity) < RELEASE.number;
  const wanted = isOlder ? RELEASE.codename : codename;
  return deriveSources(await readSources(), { codename, wanted });
}

async function readSources(): Promise<string[]> {
  const files = [`${SOURCES}/sources.list`];
  try {
    for await (const { name } of Deno.readDir(`${SOURCES}/sources.list.d`)) {
      if (/\.(?:sources|list)$/.test(name)) {
        files.push(`${SOURCES}/sources.list.d/${name}`);
      }
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const read = (file: string) => Deno.readTextFile(file).catch(() => "");
  return await Promise.all(files.map(read));
}

/** Leaves apt's own lists and settings alone. @returns Folder of the program. */
async function unpackGitLfs(folder: string, sources: string): Promise<string> {
  const sourceFile = `${folder}/wanted.sources`;
  await Deno.writeTextFile(sourceFile, sources);
  for (const name of ["lists/partial", "cache/archives/partial", "deb"]) {
    await Deno.mkdir(`${folder}/${name}`, { recursive: true });
  }
  const options = [
    `Dir::Etc::SourceList=${sourceFile}`,
    "Dir::Etc::SourceParts=-",
    `Dir::State::Lists=${folder}/lists`,
    `Dir::Cache=${folder}/cache`,
    // The folder is root's alone.
    "APT::Sandbox::User=root",
    "Acquire::Languages=none",
  ].flatMap((option) => ["-o", option]);
  const cwd = `${folder}/deb`;
  await run(APT_GET, ["--quiet=2", ...options, "update"], cwd);
  await run(APT_GET, ["--quiet=2", ...options, "download", "git-lfs"], cwd);
  for await (const { name } of Deno.readDir(cwd)) {
    await run("dpkg", ["-x", name, `${folder}/root`], cwd);
  }
  return `${folder}/root/usr/bin`;
}

async function run(
  program: string,
  args: string[],
  cwd: string,
): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, {
    args,
    cwd,
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).output();
  if (success) return;
  throw new Error(`${program} failed: ${decoder.decode(stderr).trim()}`);
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
