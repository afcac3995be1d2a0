/**
 * Runs one command with our own standard streams and writes down what the
 * kernel says it used: `measure_child.ts RESULT_FILE COMMAND [ARGUMENT…]`.
 * The figures are the kernel's (getrusage of reaped children), so that a peak
 * cannot fall between two samples.
 * @module
 */

/** What one finished command used. */
export interface ChildUsage {
  readonly wallMs: number;
  readonly cpuMs: number;
  /** Largest resident set of any process of the command. */
  readonly peakRssMib: number;
  readonly exitStatus: number;
}

const RUSAGE_CHILDREN = -1;
const RUSAGE_BYTES = 144;
const LONG_BYTES = 8;

function usageOfChildren(): { cpuMs: number; peakRssMib: number } {
  const libc = Deno.dlopen("libc.so.6", {
    getrusage: { parameters: ["i32", "buffer"], result: "i32" },
  });
  const usage = new DataView(new ArrayBuffer(RUSAGE_BYTES));
  libc.symbols.getrusage(RUSAGE_CHILDREN, usage.buffer);
  libc.close();
  const long = (index: number) =>
    Number(usage.getBigInt64(index * LONG_BYTES, true));
  return {
    cpuMs: (long(0) + long(2)) * 1000 + (long(1) + long(3)) / 1000,
    peakRssMib: long(4) / 1024,
  };
}

if (import.meta.main) {
  const [resultFile = "", command = "", ...args] = Deno.args;
  const startMs = performance.now();
  const { code: exitStatus } = await new Deno.Command(command, {
    args,
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn().status;
  const wallMs = performance.now() - startMs;
  const usage: ChildUsage = { wallMs, ...usageOfChildren(), exitStatus };
  await Deno.writeTextFile(resultFile, JSON.stringify(usage));
  Deno.exit(exitStatus);
}
