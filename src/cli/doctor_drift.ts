/**
 * Doctor on the managed file: what is in it, and whether a sample of it is
 * still what GitLab says. `gitlab-keys verify --from-api` asks about all of it.
 * @module
 */
import type { Config } from "../config/config.ts";
import { joinPath } from "../config/go_path.ts";
import { ApiError } from "../core/errors.ts";
import { Deadline } from "../core/deadline.ts";
import { openForReading } from "../keys/edit_file.ts";
import { parseShellPath } from "../keys/line.ts";
import {
  classifyLine,
  type LineClass,
  makeLineShape,
  parseManagedLine,
} from "../keys/line_class.ts";
import { scanLines } from "../keys/line_scan.ts";
import { findKeyWords } from "../keys/public_key.ts";
import { resolveTarget } from "../keys/target_file.ts";
import {
  type Check,
  failed,
  type Finding,
  ok,
  skipped,
  timed,
  warning,
} from "./doctor_report.ts";
import {
  authFileOf,
  type DoctorRun,
  openDoctorApi,
  STEP_TIMEOUT_MS,
} from "./doctor_run.ts";

const SAMPLE_KEYS = 10;
const decoder = new TextDecoder();

interface SampledKey {
  readonly id: string;
  readonly base64: string;
}

interface FileContent {
  readonly counts: Record<LineClass, number>;
  readonly sample: readonly SampledKey[];
}

/**
 * Checks the file.
 * @param asksGitlab Whether GitLab can be asked at all.
 */
export function checkDrift(
  run: DoctorRun,
  config: Config,
  asksGitlab: boolean,
): Promise<Check> {
  return timed("authorized_keys", async () => {
    const authFile = authFileOf(run, config);
    if (authFile === undefined) return skipped("no auth_file is known");
    const content = readContent(authFile, config);
    if (!content) return skipped(`${authFile} is not there`);
    const { counts, sample } = content;
    if (counts.managed === 0) {
      return counts.other_root === 0
        ? ok(`${authFile} has no lines of GitLab's`)
        : warning(
          `${authFile} has ${counts.other_root} lines of another root folder`,
          "gitlab-keys rebuild --adopt-root=<that root> takes them over",
        );
    }
    const text = `${counts.managed} managed lines in ${authFile}`;
    if (!asksGitlab) return ok(`${text}; GitLab was not asked about them`);
    const drifted = await findDrift(run, config, sample);
    const asked = `${sample.length} asked about`;
    return drifted.length === 0
      ? ok(`${text}, ${asked}`)
      : judge(drifted, text);
  });
}

function judge(drifted: readonly string[], text: string): Finding {
  return failed(
    `${text}: ${drifted.join(", ")}`,
    "gitlab-keys verify --from-api --fix mends the file",
  );
}

/** Counts the lines, and keeps the first few and the last few keys. */
function readContent(
  authFile: string,
  { rootDir }: Config,
): FileContent | undefined {
  const shape = makeLineShape(parseShellPath(joinPath(rootDir)));
  using file = openForReading(resolveTarget(authFile));
  if (!file) return undefined;
  const counts: Record<LineClass, number> = {
    managed: 0,
    other_root: 0,
    tombstone: 0,
    marker: 0,
    foreign: 0,
  };
  const first: SampledKey[] = [];
  const last: SampledKey[] = [];
  scanLines(file, (line) => {
    const kind = classifyLine(line, shape);
    counts[kind]++;
    if (kind !== "managed") return;
    const { idStart, idEnd, keyStart, keyEnd } = parseManagedLine(line, shape);
    const words = findKeyWords(line.buffer, keyStart, keyEnd);
    const key = {
      id: decoder.decode(line.buffer.subarray(idStart, idEnd)),
      base64: decoder.decode(
        line.buffer.subarray(words.blobStart, words.blobEnd),
      ),
    };
    if (first.length < SAMPLE_KEYS / 2) first.push(key);
    else {
      last.push(key);
      if (last.length > SAMPLE_KEYS / 2) last.shift();
    }
  });
  return { counts, sample: [...first, ...last] };
}

/** @returns One clause for each key that GitLab says something else of. */
async function findDrift(
  run: DoctorRun,
  config: Config,
  sample: readonly SampledKey[],
): Promise<string[]> {
  using deadline = new Deadline(STEP_TIMEOUT_MS, run.host.signal);
  const api = openDoctorApi(run, config);
  const drifted: string[] = [];
  for (const { id, base64 } of sample) {
    // Lines of certificates' users have no key to ask about.
    if (!id.startsWith("key-")) continue;
    try {
      const found = await api.authorizedKey(base64, deadline.signal);
      if (id !== `key-${found.id}`) drifted.push(`${id} is key-${found.id}`);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
      drifted.push(`${id} is unknown to GitLab`);
    }
  }
  return drifted;
}
