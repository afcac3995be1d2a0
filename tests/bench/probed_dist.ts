/**
 * A copy of `dist/` whose gitlab-shell tells when it came to what: marks of
 * time around what it asks of the runtime, printed as it exits.
 * @module
 */
import { saveCodeCache } from "../../src/build/code_cache.ts";
import { PROGRAM_LIBRARIES } from "../../src/build/programs.ts";
import { programPath } from "../support/dist.ts";

/** Milliseconds since 1970 by name, in the order in which they came. */
export type Marks = readonly (readonly [name: string, atMs: number])[];

const LIBRARY = "gitlab-shell";
const PREFIX = "probed-marks ";
/** Stands in front of a main file. */
const PROBE = `{
const marks=[],first=new Set();
const now=()=>performance.timeOrigin+performance.now();
const mark=(name)=>{if(!first.has(name)){first.add(name);marks.push([name,now()])}};
mark("first line");
const openSync=Deno.openSync;
let files=0;
Deno.openSync=(...to)=>{mark("open "+files++);return openSync(...to)};
const connect=Deno.connect;
let count=0;
Deno.connect=async(...to)=>{
const peer=["api","gitaly"][count++]??"other";
mark(peer+" dialled");
const connection=await connect(...to);
const write=connection.write.bind(connection),read=connection.read.bind(connection);
connection.write=(bytes)=>{mark(peer+" asked");return write(bytes)};
connection.read=async(buffer)=>{const size=await read(buffer);mark(peer+" heard");return size};
return connection;
};
const subtle=crypto.subtle,importKey=subtle.importKey.bind(subtle);
subtle.importKey=(...to)=>{mark("token begun");return importKey(...to)};
const writeSync=Deno.stdout.writeSync.bind(Deno.stdout),exit=Deno.exit;
Deno.stdout.writeSync=(bytes)=>{mark("output");return writeSync(bytes)};
Deno.exit=(status)=>{
mark("exit");
Deno.stderr.writeSync(new TextEncoder().encode("\\n${PREFIX}"+JSON.stringify(marks)+"\\n"));
return exit(status);
};
}
`;

/** Makes the copy, with a cache of its own code. @returns Path of gitlab-shell. */
export async function copyWithMarks(target: string): Promise<string> {
  await copyDist(target);
  const folder = `${target}/lib/${LIBRARY}`;
  for (const name of ["main.js", "whole.js"]) {
    const path = `${folder}/${name}`;
    await Deno.writeTextFile(path, PROBE + await Deno.readTextFile(path));
  }
  await Deno.remove(`${target}/lib/cache/${LIBRARY}`, { recursive: true });
  const library = PROGRAM_LIBRARIES.find(({ name }) => name === LIBRARY);
  if (library) await saveCodeCache(`${target}/lib`, library);
  return `${target}/${LIBRARY}`;
}

/** A copy that has nothing to run: what is left is the launcher. */
export async function copyWithoutDeno(target: string): Promise<string> {
  await copyDist(target);
  await Deno.remove(`${target}/lib/deno`);
  await Deno.symlink("/bin/true", `${target}/lib/deno`);
  return `${target}/${LIBRARY}`;
}

/** @throws {Error} If a program has told nothing. */
export function parseMarks(stderr: string): Marks {
  const line = stderr.split("\n").find((line) => line.startsWith(PREFIX));
  if (line === undefined) throw new Error(`No marks in ${stderr}`);
  return JSON.parse(line.slice(PREFIX.length));
}

async function copyDist(target: string): Promise<void> {
  const { success } = await new Deno.Command("cp", {
    args: ["-R", "-p", "--reflink=auto", programPath(""), target],
  }).output();
  if (!success) throw new Error(`Cannot copy dist/ to ${target}`);
}
