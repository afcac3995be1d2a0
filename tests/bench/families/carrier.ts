/**
 * The two gRPC carriers side by side: our own, and grpc-js.
 * @module
 */
import type { BenchWorld, Family } from "../bench_world.ts";
import { CPU_PER_GIB_NOTE, gitEnv, runGit } from "../git_way.ts";
import {
  type Contender,
  measureProcess,
  PEAK_NOTE,
  runOnce,
} from "../process_timer.ts";
import { median, type Series } from "../question.ts";
import { bulkProject } from "../stand_in_process.ts";

const CARRIERS = ["lean", "grpc-js"] as const;
const SIZE_MIB = 256;
const QUICK_MIB = 8;
const ROUNDS = 3;
const COLD_ROUNDS = 8;
const MIB_BYTES = 1_048_576;
const GIB_MIB = 1024;
const ROOT = new URL("../../..", import.meta.url).pathname;
const CLIENT = "tests/bench/carrier_client.ts";

/** Both carriers, in bundles like those of `dist/`. */
export const carrierFamily: Family = {
  name: "carrier",
  sizesMib: (isQuick) => [isQuick ? QUICK_MIB : SIZE_MIB],
  async run(world, tell) {
    const sizeMib = world.isQuick ? QUICK_MIB : SIZE_MIB;
    const family = "carrier";
    await bundleClient(world);
    tell({
      family,
      title: "a cold call to Gitaly, start to exit",
      unit: "ms",
      series: await timeCold(world, sizeMib),
      goals: [],
    });
    tell({
      family,
      title: `${sizeMib} MiB from Gitaly to nowhere`,
      unit: "MiB/s",
      series: await timeBulk(world, sizeMib),
      goals: [{ of: "lean", against: "grpc-js", atLeast: 1 }],
      remark: "The carriers fetch what git packs: at their speed it is git " +
        "that bounds them, so the processor's time says more.",
    });
  },
};

async function bundleClient({ folder }: BenchWorld): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--minify", "--code-splitting"]
      .concat("--platform=deno", `--outdir=${folder}/carrier`, CLIENT),
    cwd: ROOT,
    stdin: "null",
    stdout: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

function makeContender(
  { standIn, folder }: BenchWorld,
  name: string,
  { sizeMib, objectId }: { sizeMib: number; objectId?: string },
): Contender {
  const path = standIn.relativePath(bulkProject(sizeMib));
  const place = [standIn.gitalyAddress, standIn.gitalyToken, path];
  return {
    name,
    command: Deno.execPath(),
    args: ["run", "--quiet", "--allow-all", "--no-config", "--no-code-cache"]
      .concat(`${folder}/carrier/carrier_client.js`, name, ...place)
      .concat(objectId ?? []),
    env: {
      PATH: Deno.env.get("PATH") ?? "",
      HOME: Deno.env.get("HOME") ?? "/",
    },
    expects: /^[1-9][0-9]*\n$/,
  };
}

async function timeCold(world: BenchWorld, sizeMib: number): Promise<Series[]> {
  const contenders = CARRIERS.map((name) =>
    makeContender(world, name, { sizeMib })
  );
  const values = contenders.map(() => [] as number[]);
  for (let round = -1; round < world.rounds(COLD_ROUNDS); round++) {
    for (const [index, contender] of contenders.entries()) {
      const timeMs = await runOnce(contender);
      if (round >= 0) values[index]?.push(timeMs);
    }
  }
  return CARRIERS.map((name, index) => ({
    name,
    values: values[index] ?? [],
    notes: {},
  }));
}

async function timeBulk(world: BenchWorld, sizeMib: number): Promise<Series[]> {
  const path = world.standIn.repositoryPath(bulkProject(sizeMib));
  const words = ["-C", path, "rev-parse", "refs/heads/main"];
  const objectId = (await runGit(words, gitEnv(world.folder))).trim();
  const series: Series[] = [];
  for (const name of CARRIERS) {
    const contender = makeContender(world, name, { sizeMib, objectId });
    // Judged once by what it prints: all of the blobs.
    await runOnce({ ...contender, expects: atLeastBytes(sizeMib * MIB_BYTES) });
    const usages = [];
    for (let round = 0; round < world.rounds(ROUNDS); round++) {
      usages.push(await measureProcess(contender));
    }
    series.push({
      name,
      values: usages.map(({ wallMs }) => sizeMib / (wallMs / 1000)),
      notes: {
        [CPU_PER_GIB_NOTE]: median(usages.map(({ cpuMs }) => cpuMs)) / 1000 /
          (sizeMib / GIB_MIB),
        [PEAK_NOTE]: Math.max(...usages.map(({ peakRssMib }) => peakRssMib)),
      },
    });
  }
  return series;
}

/** A number of at least so many digits, which is exact enough for a power of two. */
function atLeastBytes(sizeBytes: number): RegExp {
  return new RegExp(`^[1-9][0-9]{${String(sizeBytes).length - 1},}\\n$`);
}
