/**
 * What runs on this machine and what it holds, as Linux tells in /proc.
 * @module
 */

/** One process. */
export interface RunningProcess {
  readonly pid: number;
  readonly parent: number;
  /** Its words, blank-separated. */
  readonly words: string;
}

const POLL_MS = 20;

/** Every process that can be seen and is not a zombie. */
export function listProcesses(): RunningProcess[] {
  const found: RunningProcess[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    try {
      const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      // The name in brackets may hold anything, brackets too.
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (state === "Z") continue;
      const words = Deno.readTextFileSync(`/proc/${name}/cmdline`)
        .replaceAll("\0", " ").trim();
      found.push({ pid: Number(name), parent: Number(parent), words });
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

/** Files and sockets that a process has open. */
export function countOpenFiles(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

/** A size of a process's memory, in MiB: `VmRSS` now, `VmHWM` at most so far. */
export function memoryMib(pid: number, kind: "VmRSS" | "VmHWM"): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  const [, kib = "0"] = new RegExp(`^${kind}:\\s+(\\d+) kB`, "m").exec(text) ??
    [];
  return Number(kib) / 1024;
}

/** Processor time that a process has used, in seconds. */
export function processorSeconds(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticksPerSecond = 100;
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/**
 * Waits until `holds` is true.
 * @returns Whether it became true in time.
 */
export async function waitUntil(
  holds: () => boolean,
  timeoutMs: number,
): Promise<boolean> {
  const endMs = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > endMs) return false;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return true;
}
