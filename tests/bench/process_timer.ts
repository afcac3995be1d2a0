/**
 * Times whole processes side by side: each contender once, then each again, so
 * that a machine that drifts drifts for all of them.
 * @module
 */

/** A command to time. */
export interface Contender {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What standard output must be, so that a fast failure is no victory. */
  readonly expectedStdout?: string;
}

/** What a row of a table says. */
export interface Timing {
  readonly name: string;
  readonly medianMs: number;
  readonly p99Ms: number;
  /** Median of the ratios to the first contender, round by round. */
  readonly ratio: number;
}

const RUN_TIMEOUT_MS = 60_000;

/**
 * Runs every contender `rounds` times, in turn, after one round that does not
 * count.
 * @throws {Error} If one does not print what it should.
 */
export async function timeProcesses(
  contenders: readonly Contender[],
  rounds: number,
): Promise<Timing[]> {
  const times = contenders.map(() => [] as number[]);
  for (let round = -1; round < rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      const elapsedMs = await runOnce(contender);
      if (round >= 0) times[index]?.push(elapsedMs);
    }
  }
  const floor = times[0] ?? [];
  return contenders.map(({ name }, index) => {
    const own = times[index] ?? [];
    const ratios = own.map((time, round) => time / (floor[round] ?? NaN));
    return {
      name,
      medianMs: quantile(own, 0.5),
      p99Ms: quantile(own, 0.99),
      ratio: quantile(ratios, 0.5),
    };
  });
}

async function runOnce(contender: Contender): Promise<number> {
  const { name, command, args, env, expectedStdout } = contender;
  const startMs = performance.now();
  const { stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    env: { ...env },
    clearEnv: true,
    stdin: "null",
    signal: AbortSignal.timeout(RUN_TIMEOUT_MS),
  }).output();
  const elapsedMs = performance.now() - startMs;
  const text = new TextDecoder().decode(stdout);
  if (expectedStdout !== undefined && text !== expectedStdout) {
    const said = new TextDecoder().decode(stderr);
    throw new Error(`${name} printed ${JSON.stringify(text)}; ${said}`);
  }
  return elapsedMs;
}

/** The value below which a `share` of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  const at = Math.min(sorted.length - 1, Math.floor(sorted.length * share));
  return sorted[at] ?? NaN;
}
