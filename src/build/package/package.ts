/**
 * `deno task package`: builds, and makes an archive for each target and a
 * Debian package, with manual pages, completions, units and the bill of
 * materials, in `dist/packages/`. What is not made is kept beside this file:
 * the top level of the repository is fixed, and packaging is part of the build.
 *
 *     deno task package [--program-form=portable|compiled]
 *                       [--deno=<target>=<path>]... [--manual]
 *
 * Another target than this machine's needs a Deno of its own for the portable
 * form. `--manual` only writes the manual page of config.yml anew.
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { buildPrograms } from "../build.ts";
import { PROGRAM_LIBRARIES, type ProgramForm } from "../programs.ts";
import type { Stamp } from "../stamp.ts";
import { formatConfigManual } from "./config_manual.ts";
import { writeDeb } from "./deb.ts";
import {
  CONFFILES,
  makeArchiveEntries,
  makeDebianEntries,
  PACKAGE_NAME,
  type PackageContent,
} from "./layout.ts";
import { findLicences, formatSbom, parseLock } from "./sbom.ts";
import { gzip, writeTar } from "./tar.ts";

/** Page that the table of keys makes. */
export const CONFIG_MANUAL = "docs/man/gitlab-shell-config.5.md";

/** Targets that Debian has a name for. */
const DEBIAN_ARCHITECTURES: ReadonlyMap<string, string> = new Map([
  ["x86_64-unknown-linux-gnu", "amd64"],
  ["aarch64-unknown-linux-gnu", "arm64"],
]);
/** Of the symbols that Deno 2.9 asks of the C library the newest are of 2.27. */
const DEPENDS = "libc6 (>= 2.27), libgcc-s1, passwd";

/** What to pack, and where to. */
export interface PackageOptions {
  readonly root: string;
  /** A `dist/` that has been built. */
  readonly dist: string;
  readonly output: string;
  /** A Deno by target, besides this machine's own. */
  readonly denos: ReadonlyMap<string, string>;
  /** Leaves the plain archives out. */
  readonly isDebianOnly?: boolean;
  readonly print: (line: string) => void;
}

/**
 * Makes the packages of all targets.
 * @returns Paths of what was made.
 * @throws {Error} If a licence or a file is missing.
 */
export async function makePackages(options: PackageOptions): Promise<string[]> {
  const { root, output, denos } = options;
  const stamp = await readBuiltStamp(options.dist);
  const version = packageVersion(stamp.version);
  const mtimeSeconds = parseBuildTime(stamp.buildTime);
  await Deno.mkdir(output, { recursive: true });
  const sbom = await makeSbom(root, version);
  const made = [`${output}/${PACKAGE_NAME}-${version}.cdx.json`];
  await Deno.writeTextFile(made[0] ?? "", sbom);
  const targets = new Map<string, string | undefined>([
    [Deno.build.target, undefined],
    ...denos,
  ]);
  for (const [target, deno] of targets) {
    const content: PackageContent = {
      root,
      dist: options.dist,
      deno,
      version,
      sbom,
      origin: {
        date: new Date(mtimeSeconds * 1_000).toISOString().slice(0, 10),
        source: `GitLab Shell ${version}`,
      },
    };
    const stampParts = { target, version, mtimeSeconds, time: stamp.buildTime };
    if (!options.isDebianOnly) {
      made.push(await makeArchive(content, output, stampParts));
    }
    const deb = await makeDebian(content, output, stampParts);
    if (deb !== undefined) made.push(deb);
  }
  for (const path of made) options.print(path);
  return made;
}

/**
 * What the programs say of themselves, so that a package says the same. One of
 * each library is run, which leaves the indexes of the code caches as every
 * further run leaves them: two packages of one commit are then the same.
 */
async function readBuiltStamp(dist: string): Promise<Stamp> {
  let stamp: Stamp | undefined;
  for (const { name } of PROGRAM_LIBRARIES) {
    const { stdout } = await new Deno.Command(`${dist}/${name}`, {
      args: ["-version"],
      stdin: "null",
      stderr: "null",
    }).output();
    const line = new TextDecoder().decode(stdout).trim();
    const [, version, buildTime] = /^[a-z-]+ (.+)-(\d{8}\.\d{6})$/.exec(line) ??
      [];
    if (version === undefined || buildTime === undefined) {
      throw new Error(`Cannot pack ${dist}: build it first`);
    }
    stamp ??= { version, buildTime };
  }
  if (!stamp) throw new TypeError("Cannot pack nothing");
  return stamp;
}

interface PackageStamp {
  readonly target: string;
  readonly version: string;
  readonly mtimeSeconds: number;
  readonly time: string;
}

async function makeArchive(
  content: PackageContent,
  output: string,
  { target, version, mtimeSeconds }: PackageStamp,
): Promise<string> {
  const top = `gitlab-shell-${version}-${target}`;
  const entries = await makeArchiveEntries(content, top);
  const path = `${output}/${top}.tar.gz`;
  await Deno.writeFile(path, await gzip(writeTar(entries, mtimeSeconds)));
  return path;
}

/** @returns `undefined` for a target that Debian does not know. */
async function makeDebian(
  content: PackageContent,
  output: string,
  { target, version, mtimeSeconds, time }: PackageStamp,
): Promise<string | undefined> {
  const architecture = DEBIAN_ARCHITECTURES.get(target);
  if (architecture === undefined) return undefined;
  const debianVersion = `${version}+${time}`;
  const scripts = new Map<string, string>();
  for (const name of ["postinst", "prerm", "postrm"]) {
    const path = `${content.root}/src/build/package/files/debian/${name}`;
    scripts.set(name, await Deno.readTextFile(path));
  }
  const bytes = await writeDeb({
    fields: [
      ["Package", PACKAGE_NAME],
      ["Version", debianVersion],
      ["Architecture", architecture],
      [
        "Maintainer",
        "The authors of GitLab's Git over SSH, on Deno <root@localhost>",
      ],
      ["Depends", DEPENDS],
      ["Recommends", "openssh-server"],
      ["Suggests", "logrotate"],
      ["Section", "vcs"],
      ["Priority", "optional"],
      [
        "Description",
        "GitLab's Git over SSH\n gitlab-shell, gitlab-keys, gitlab-sshd and " +
        "gitaly-ssh, which stand between\n an SSH client and a GitLab server.",
      ],
    ],
    scripts,
    conffiles: CONFFILES,
    entries: await makeDebianEntries(content),
    mtimeSeconds,
  });
  const path = `${output}/${PACKAGE_NAME}_${debianVersion}_${architecture}.deb`;
  await Deno.writeFile(path, bytes);
  return path;
}

async function makeSbom(root: string, version: string): Promise<string> {
  const locked = parseLock(await Deno.readTextFile(`${root}/deno.lock`));
  const packages = await findLicences(locked, await findCache());
  return formatSbom(packages, { version, deno: Deno.version.deno });
}

/** Folder in which Deno keeps npm packages. */
async function findCache(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-config"],
    stdin: "null",
    stderr: "null",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).npmCache;
}

/**
 * A version as packages may have it.
 * @example
 * ```ts
 * import { packageVersion } from "./package.ts";
 * packageVersion("v14.56.1-3-gabc"); // "14.56.1-3-gabc"
 * packageVersion("(unknown version)"); // "0.0.0"
 * ```
 */
export function packageVersion(version: string): string {
  const plain = version.replace(/^v/, "");
  return /^[0-9][0-9A-Za-z.+~-]*$/.test(plain) ? plain : "0.0.0";
}

/** `YYYYMMDD.HHMMSS` to seconds since 1970. */
function parseBuildTime(text: string): number {
  const iso = text.replace(
    /^(\d{4})(\d\d)(\d\d)\.(\d\d)(\d\d)(\d\d)$/,
    "$1-$2-$3T$4:$5:$6Z",
  );
  return Date.parse(iso) / 1_000;
}

interface TaskOptions {
  readonly form: ProgramForm | undefined;
  readonly denos: ReadonlyMap<string, string>;
  readonly isManualOnly: boolean;
}

function parseTask(args: string[]): TaskOptions {
  const { _: words, deno = [], manual, ["program-form"]: form, ...others } =
    parseArgs(args, {
      string: ["program-form", "deno"],
      boolean: ["manual"],
      collect: ["deno"],
    });
  const denos = new Map<string, string>();
  let isGood = words.length === 0 && Object.keys(others).length === 0;
  for (const one of deno) {
    const [target = "", path = ""] = String(one).split(/=(.*)/s);
    isGood &&= target !== "" && path !== "";
    denos.set(target, path);
  }
  const isForm = form === undefined || form === "portable" ||
    form === "compiled";
  if (!isGood || !isForm) {
    console.error(
      "Usage: deno task package [--program-form=portable|compiled] " +
        "[--deno=<target>=<path>]... [--manual]",
    );
    Deno.exit(1);
  }
  return { form, denos, isManualOnly: manual };
}

if (import.meta.main) {
  const { form, denos, isManualOnly } = parseTask(Deno.args);
  const root = await Deno.realPath(new URL("../../..", import.meta.url));
  try {
    await Deno.writeTextFile(`${root}/${CONFIG_MANUAL}`, formatConfigManual());
    if (!isManualOnly) {
      const dist = `${root}/dist`;
      const print = console.log;
      await buildPrograms({ root, folder: dist, print, ...form && { form } });
      const output = `${dist}/packages`;
      await makePackages({ root, dist, output, denos, print });
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
