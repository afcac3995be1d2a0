/**
 * Entry of gitaly-ssh, which git starts with arguments of its own: from the
 * sources there is no word that names the program.
 * @module
 */
import { keepDebuggerShut } from "./src/cli/debugger_signal.ts";
import { type ProgramTable, runEntry } from "./src/cli/entry.ts";

const PROGRAM = "gitaly-ssh";
const PROGRAMS: ProgramTable = new Map([
  [
    PROGRAM,
    async () => (await import("./src/cli/gitaly_ssh.ts")).runGitalySsh,
  ],
]);

if (import.meta.main) {
  keepDebuggerShut();
  const isBuilt = Deno.args[0]?.startsWith(`${PROGRAM}@`);
  const args = isBuilt ? Deno.args : [PROGRAM, ...Deno.args];
  Deno.exit(await runEntry(PROGRAMS, args));
}
