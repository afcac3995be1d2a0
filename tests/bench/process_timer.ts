/**
 * Times whole processes side by side: each contender once, then each again, so
 * that a machine that drifts drifts for all of them.
 * @module
 */
import type { ChildUsage } from "./measure_child.ts";
import type { Series } from "./question.ts";

/** A command to time. */
export interface Contender {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What standard output must be, so that a fast failure is no victory. */
  readonly expects?: string | RegExp;
}

const RUN_TIMEOUT_MS = 120_000;
const MEASURE = new URL("measure_child.ts", import.meta.url).pathname;
const decoder = new TextDecoder();

/** Name of the note that says how much memory a contender took. */
export const PEAK_NOTE = "MiB peak";
/** Name of the note that says how much of the processor it took. */
export const CPU_NOTE = "CPU-ms";

/**
 * Runs every contender `rounds` times, in turn, after one round that does not
 * count, and once more under the kernel's accounting.
 * @throws {Error} If one fails or does not print what it should.
 */
export async function timeProcesses(
  contenders: readonly Contender[],
  rounds: number,
): Promise<Series[]> {
  const times = contenders.map(() => [] as number[]);
  for (let round = -1; round < rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      const elapsedMs = await runOnce(contender);
      if (round >= 0) times[index]?.push(elapsedMs);
    }
  }
  const series: Series[] = [];
  for (const [index, contender] of contenders.entries()) {
    const { cpuMs, peakRssMib } = await measureProcess(contender);
    const notes = { [PEAK_NOTE]: peakRssMib, [CPU_NOTE]: cpuMs };
    series.push({ name: contender.name, values: times[index] ?? [], notes });
  }
  return series;
}

/**
 * Runs a command once and gives its time in milliseconds.
 * @throws {Error} If it fails or does not print what it should.
 */
export async function runOnce(contender: Contender): Promise<number> {
  const { name, command, args, env, expects } = contender;
  const startMs = performance.now();
  const { stdout, stderr, code } = await new Deno.Command(command, {
    args: [...args],
    env: { ...env },
    clearEnv: true,
    stdin: "null",
    signal: AbortSignal.timeout(RUN_TIMEOUT_MS),
  }).output();
  const elapsedMs = performance.now() - startMs;
  const text = decoder.decode(stdout);
  const isRight = expects === undefined ||
    (typeof expects === "string" ? text === expects : expects.test(text));
  if (code !== 0 || !isRight) {
    const said = decoder.decode(stderr);
    throw new Error(`${name} printed ${JSON.stringify(text)}; ${said}`);
  }
  return elapsedMs;
}

/**
 * Runs a command once under the kernel's accounting.
 * @throws {Error} If it fails.
 */
export async function measureProcess(
  { name, command, args, env }: Contender,
): Promise<ChildUsage> {
  const file = await Deno.makeTempFile();
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...measureWords(file), command, ...args],
      env: { ...env, HOME: Deno.env.get("HOME") ?? "/" },
      stdin: "null",
      stdout: "null",
      signal: AbortSignal.timeout(RUN_TIMEOUT_MS),
    }).output();
    if (!success) throw new Error(`${name}: ${decoder.decode(stderr)}`);
    return JSON.parse(await Deno.readTextFile(file));
  } finally {
    await Deno.remove(file);
  }
}

/** Words after `deno` that run what follows them and write its usage down. */
export function measureWords(resultFile: string): string[] {
  const flags = ["--quiet", "--no-config", "--allow-all"];
  return ["run", ...flags, MEASURE, resultFile];
}
