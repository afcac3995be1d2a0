/**
 * The shell scripts of `dist/`. Pure: text out.
 *
 * A start waits for the script, so it runs nothing but the shell itself: one
 * process more would cost a twentieth of an empty program.
 * @module
 */
import { WHOLE_FILE } from "./link.ts";
import {
  CALLER_HOME,
  FIXED_ENVIRONMENT,
  isLinked,
  type ProgramLibrary,
  programPermissionFlags,
  runFlags,
} from "./programs.ts";
import type { Stamp } from "./stamp.ts";

/**
 * Settings of Deno itself: nothing is looked up, or read from a home folder.
 */
export const DENO_ENVIRONMENT: Readonly<Record<string, string>> = {
  DENO_DISABLE_NODE_SHIM: "1",
  // That there is no cache is wanted; on a terminal Deno would say so twice.
  DENO_LOG: "error,deno::cache=off",
  DENO_NO_PACKAGE_JSON: "1",
  DENO_NO_UPDATE_CHECK: "1",
  NO_COLOR: "1",
};

/**
 * Where Deno would keep something between two runs: nobody can make a folder
 * below a device, so nothing is ever kept, whoever runs the program.
 */
const NO_FOLDER = "/dev/null/deno";

/**
 * File descriptor through which a linked library is read. Compiled code is
 * kept by the address of its module, and an address that begins here is the
 * same wherever `dist/` was put.
 */
export const FOLDER_DESCRIPTOR = 9;

/** Where the script lies and what it is called; leaves `self` and `folder`. */
const FIND_SELF = `case $0 in
  */*) self=$0 ;;
  *) self=./$0 ;;
esac
file=$self
[ -L "$self" ] && file=$(command -p readlink -f -- "$self")
folder=\${file%/*}`;

/** One program of a build, as a script must name it. */
export interface BuiltProgram {
  readonly name: string;
  readonly library: ProgramLibrary;
  readonly stamp: Stamp;
}

/**
 * The launcher of the portable form: `lib/deno` beside it runs
 * `lib/<library>/main.js`, and sees of the environment what the program may
 * read.
 */
export function formatLauncher(program: BuiltProgram): string {
  const { library } = program;
  const hasCache = isLinked(library, "portable");
  const settings = { ...DENO_ENVIRONMENT, ...FIXED_ENVIRONMENT };
  const assignments = Object.entries(settings).map(([name, value]) =>
    `${name}=${quote(value)}`
  );
  assignments.unshift(
    hasCache
      ? `DENO_DIR="$folder/lib/cache/${library.name}"`
      : `DENO_DIR=${NO_FOLDER}`,
  );
  const keepsHome = library.environment.includes("HOME");
  if (keepsHome) assignments.push(`${CALLER_HOME}=\${HOME-}`);
  const flags = [
    "--quiet",
    ...runFlags(library, "portable"),
    ...programPermissionFlags(library, program.name),
  ];
  return `#!/bin/sh
# ${describe(program)}
set -f
unset IFS home
# Not exported, so that it outlives what follows.
home=\${HOME-}
# Values may hold words that look like a variable: unsetting one too many of
# those that nobody reads does no harm.
for word in $(export -p); do
  case $word in
    ${keptPatterns(library).join("|\\\n    ")}) ;;
    PWD=*|SHELLOPTS=*|BASHOPTS=*) ;;
    [A-Za-z_]*=*)
      name=\${word%%=*}
      case $name in
        *[!A-Za-z0-9_]*) ;;
        *) unset "$name" ;;
      esac ;;
  esac
done
${FIND_SELF}
case $folder in
  /*) ;;
  *) folder=$PWD/$folder ;;
esac
# A core file would hold the secret.
ulimit -c 0
${findDenied(library)}export ${assignments.join(" ")}
export HOME="$folder/lib"
place=$folder/lib/${library.name}
${hasCache ? openFolder(library) : ""}main=main.js
${chooseMain(library)}exec "$folder/lib/deno" run \\
  ${flags.map(quote).join(" \\\n  ")} \\
  ${hasCache ? LATE_FLAG : ""}"--deny-write=$denied" \\${
    library.hiddenInSession ? HIDDEN_FLAG : ""
  }
  "$place/$main" \\
  ${programWord(program)}@"$self" "$@"
`;
}

/**
 * A linked program loads chunks late by names that are put together. When it
 * gives up the files below the root, it keeps these.
 */
const LATE_FLAG = '"--allow-read=$place" \\\n  ';

/** Expands to nothing outside of a session. */
const HIDDEN_FLAG = '\n  ${hidden:+"--deny-read=$hidden"} \\';

/**
 * Refuses what is known at the start alone: no program may change a program,
 * nor decide who may log in, unless that is its work.
 */
function findDenied({ writesKeys, hiddenInSession }: ProgramLibrary): string {
  const keys = "${home:+,$home/.ssh}";
  const denied = `denied=$folder${writesKeys ? "" : keys}\n`;
  if (!hiddenInSession) return denied;
  const hidden = `hidden=${hiddenInSession.join(",")}${keys}`;
  return `${denied}case \${SSH_CONNECTION-} in ?*) ${hidden} ;; esac\n`;
}

/** Has the library read through a descriptor, where the system has a name for it. */
function openFolder(library: ProgramLibrary): string {
  return `exec ${FOLDER_DESCRIPTOR}<"$folder/lib"
[ -r /proc/self/fd/${FOLDER_DESCRIPTOR} ] && place=${
    folderThroughDescriptor(library)
  }
`;
}

function chooseMain(library: ProgramLibrary): string {
  const { wholePatterns = [] } = library;
  if (wholePatterns.length === 0 || !isLinked(library, "portable")) return "";
  return `case \${SSH_ORIGINAL_COMMAND-} in
  ${wholePatterns.join("|")}) main=${WHOLE_FILE} ;;
esac
`;
}

/** The folder of a linked library, as the launcher names it. */
export function folderThroughDescriptor({ name }: ProgramLibrary): string {
  return `/proc/self/fd/${FOLDER_DESCRIPTOR}/${name}`;
}

/**
 * The script of a program that the compiled form carries in the executable of
 * another: an executable for each would take 90 MB more.
 */
export function formatCarriedScript(program: BuiltProgram): string {
  return `#!/bin/sh
# ${describe(program)}
${FIND_SELF}
exec "$folder/${program.library.name}" ${programWord(program)}@"$self" "$@"
`;
}

/** The first argument of an entry, which names the program and its build. */
export function programWord({ name, stamp }: BuiltProgram): string {
  return quote(`${name}@${stamp.version}-${stamp.buildTime}`);
}

function describe({ name, stamp }: BuiltProgram): string {
  return `${name} ${stamp.version}-${stamp.buildTime}, made by the build`;
}

/** Patterns of the variables that reach the program as the caller set them. */
function keptPatterns({ environment }: ProgramLibrary): string[] {
  return environment
    .filter((name) => !(name in FIXED_ENVIRONMENT) && name !== CALLER_HOME)
    .map((name) => `${name}=*`);
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word)
    ? word
    : `'${word.replaceAll("'", `'\\''`)}'`;
}
