/**
 * A large LFS object through git-lfs-transfer, there and back, against curl on
 * the same store.
 * @module
 */
import type { BenchWorld, Family } from "../bench_world.ts";
import { OURS } from "../bench_world.ts";
import { LfsObject, type LfsRun } from "../lfs_object.ts";
import { PEAK_NOTE } from "../process_timer.ts";
import { median, type Question, type Series } from "../question.ts";

const MIB = 1024 * 1024;
const SIZE_MIB = Number(Deno.env.get("LFS_BIG_MIB") ?? 512);
const QUICK_MIB = 8;
const ROUNDS = 3;
const CURL = "curl";
/** What is asked for in full, and a fifth below what curl does. */
const RATE_MIB_MIN = Math.round(300 / 1.048_576);
const CURL_SHARE_MIN = 0.8;
const PEAK_MIB_MAX = 110;

/** What a push and a clone with large files wait for. */
export const lfsFamily: Family = {
  name: "lfs",
  sizesMib: () => [],
  async run(world, tell) {
    const sizeMib = world.isQuick ? QUICK_MIB : SIZE_MIB;
    const folder = `${world.folder}/lfs`;
    await Deno.mkdir(folder);
    const { rootPath } = world.standIn;
    const object = new LfsObject(folder, rootPath, sizeMib * MIB);
    const up = await object.prepareUpload();
    tell(
      await ask(world, `LFS upload of ${sizeMib} MiB`, {
        sizeMib,
        curl: () => object.curlUpload(up),
        ours: () => object.shellUpload(),
      }),
    );
    const down = await object.askFor("download");
    tell(
      await ask(world, `LFS download of ${sizeMib} MiB`, {
        sizeMib,
        curl: () => object.curlDownload(down),
        ours: () => object.shellDownload(down),
      }),
    );
    await Deno.remove(folder, { recursive: true });
  },
};

interface Ways {
  readonly sizeMib: number;
  readonly curl: () => Promise<LfsRun>;
  readonly ours: () => Promise<LfsRun>;
}

async function ask(
  world: BenchWorld,
  title: string,
  { sizeMib, curl, ours }: Ways,
): Promise<Question> {
  const runs: { curl: LfsRun[]; ours: LfsRun[] } = { curl: [], ours: [] };
  for (let round = 0; round < world.rounds(ROUNDS); round++) {
    runs.curl.push(await curl());
    runs.ours.push(await ours());
  }
  const series = [
    toSeries(CURL, sizeMib, runs.curl),
    toSeries(OURS, sizeMib, runs.ours),
  ];
  const curlRate = median(series[0]?.values ?? []);
  return {
    family: "lfs",
    title,
    unit: "MiB/s",
    series,
    goals: [
      // Whichever is lower.
      curlRate * CURL_SHARE_MIN < RATE_MIB_MIN
        ? { of: OURS, against: CURL, atLeast: CURL_SHARE_MIN }
        : { of: OURS, atLeast: RATE_MIB_MIN },
      { of: OURS, note: PEAK_NOTE, atMost: PEAK_MIB_MAX },
    ],
  };
}

function toSeries(
  name: string,
  sizeMib: number,
  runs: readonly LfsRun[],
): Series {
  const used = runs.flatMap(({ usage }) => usage ? [usage] : []);
  const peakMib = Math.max(...used.map(({ peakRssMib }) => peakRssMib));
  const cpuSeconds = median(used.map(({ cpuMs }) => cpuMs)) / 1000;
  const notes = used.length === 0 ? {} : {
    [PEAK_NOTE]: peakMib,
    "CPU-s/GiB": cpuSeconds / (sizeMib / 1024),
  };
  return { name, values: runs.map(({ seconds }) => sizeMib / seconds), notes };
}
