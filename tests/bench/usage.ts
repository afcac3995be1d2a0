/**
 * What processes use, as the kernel tells it in /proc.
 * @module
 */

const TICK_MS = 10;
const MIB_KIB = 1024;
/** Places in /proc/PID/stat behind the name: own time, and reaped children's. */
const TIMES = { first: 11, last: 15 } as const;

/** Processor time of a process and of its reaped children, in milliseconds. */
export function readCpuMs(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(TIMES.first, TIMES.last)
    .reduce((sum, field) => sum + Number(field) * TICK_MS, 0);
}

/** Memory of a process that it shares with nobody, in MiB. */
export function readUnsharedMib(pid: number): number {
  const rollup = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  let sum = 0;
  for (const [, size] of rollup.matchAll(/^Private_\w+:\s+(\d+) kB$/gm)) {
    sum += Number(size);
  }
  return sum / MIB_KIB;
}

/** Memory of a process and of all below it that each shares with nobody, in MiB. */
export function readTreeUnsharedMib(pid: number): number {
  return [pid, ...listDescendants(pid)]
    .reduce((sum, one) => sum + (readIfAlive(one, readUnsharedMib) ?? 0), 0);
}

/** Largest resident set that a process has had, in MiB. */
export function readPeakMib(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const [, size = "0"] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  return Number(size) / MIB_KIB;
}

/** Processes below a process, children of children included. */
export function listDescendants(pid: number): number[] {
  const children = readIfAlive(pid, listChildren) ?? [];
  return children.flatMap((child) => [child, ...listDescendants(child)]);
}

function listChildren(pid: number): number[] {
  return Array.from(Deno.readDirSync(`/proc/${pid}/task`)).flatMap(({ name }) =>
    Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`)
      .split(" ").filter((word) => word !== "").map(Number)
  );
}

/** A process may end while it is looked at. */
function readIfAlive<Found>(
  pid: number,
  read: (pid: number) => Found,
): Found | undefined {
  try {
    return read(pid);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
