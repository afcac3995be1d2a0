/**
 * What every family of scenarios works on: the programs and their rivals, a
 * Gitaly stand-in and an internal API in processes of their own, and folders.
 * @module
 */
import { makeSshKeys, type SshKeys } from "../../src/cli/ssh_front_door.ts";
import { buildEmptyProgram } from "../../src/build/dist.ts";
import { programPath } from "../support/dist.ts";
import { type InstantApi, startInstantApi } from "./instant_root.ts";
import type { Question } from "./question.ts";
import { type StandIn, startStandIn } from "./stand_in_process.ts";

/** What a run is like. */
export interface BenchPlan {
  /** Few rounds and small repositories: whether everything works, no figures. */
  readonly isQuick: boolean;
  /** Where repositories are made; the system's folder if absent. */
  readonly folder: string | undefined;
  /** Sizes of the repositories that are needed, in MiB. */
  readonly sizesMib: readonly number[];
}

/** Everything that a family is given. */
export interface BenchWorld extends AsyncDisposable {
  readonly isQuick: boolean;
  readonly folder: string;
  /** A program of the same form as ours that does nothing. */
  readonly empty: string;
  readonly keys: SshKeys;
  readonly standIn: StandIn;
  /** An internal API that takes this long for every answer. */
  api(delayMs: number): Promise<InstantApi>;
  /** How often something is done: `full` times, or twice in the quick form. */
  rounds(full: number): number;
}

/** A set of scenarios that can be chosen by name. */
export interface Family {
  readonly name: string;
  /** Sizes in MiB of the repositories that it works on. */
  sizesMib(isQuick: boolean): readonly number[];
  /** Why it cannot be run here, if it cannot. */
  missing?(): string | undefined;
  /** Asks its questions, and tells each as soon as it is answered. */
  run(world: BenchWorld, tell: (question: Question) => void): Promise<void>;
}

/** Our programs in every question. */
export const OURS = "ours";
/** The other build, as the environment names it. */
export const RIVAL = Deno.env.get("RIVAL_NAME") ?? "rival";
/** The floor of everything that starts a process. */
export const EMPTY = "empty program (E)";

const QUICK_ROUNDS = 2;

/** `PATH` and what the programs would see under sshd. */
export const BASE_ENV: Readonly<Record<string, string>> = {
  PATH: Deno.env.get("PATH") ?? "",
  SSH_CONNECTION: "127.0.0.1 0 127.0.0.2 65535",
};

/** Variables that name programs with the same contract as ours. */
const RIVAL_VARIABLES: ReadonlyMap<string, string> = new Map([
  ["gitlab-shell", "RIVAL_GITLAB_SHELL"],
  ["gitlab-sshd", "RIVAL_GITLAB_SSHD"],
  ["gitlab-shell-authorized-keys-check", "RIVAL_KEYS_CHECK"],
  ["gitlab-shell-authorized-principals-check", "RIVAL_PRINCIPALS_CHECK"],
  ["gitaly-ssh", "RIVAL_GITALY_SSH"],
]);

/** The other build of a program, if the environment names one. */
export function rivalOf(program: string): string | undefined {
  return Deno.env.get(RIVAL_VARIABLES.get(program) ?? "") || undefined;
}

/** Our build of a program and the other one, by the contender's name. */
export function contendersOf(program: string): [name: string, path: string][] {
  const rival = rivalOf(program);
  const ours: [string, string] = [OURS, programPath(program)];
  return rival === undefined ? [ours] : [ours, [RIVAL, rival]];
}

/**
 * Brings a world up.
 * @throws {Error} If the programs have not been built.
 */
export async function openBenchWorld(plan: BenchPlan): Promise<BenchWorld> {
  const isBuilt = await Deno.stat(programPath("gitlab-shell"))
    .then(() => true, () => false);
  if (!isBuilt) throw new Error("There is no dist/: run deno task build first");
  await using parts = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({
    prefix: "bench-",
    ...(plan.folder === undefined ? {} : { dir: plan.folder }),
  });
  parts.defer(() => Deno.remove(folder, { recursive: true }));
  // sshd looks into the folder as whoever it runs a helper as.
  await Deno.chmod(folder, 0o755);
  const keys = await makeSshKeys(folder);
  const empty = await buildEmptyProgram(`${folder}/empty`);
  const standIn = parts.use(await startStandIn(folder, plan.sizesMib));
  const apis = new Map<number, Promise<InstantApi>>();
  parts.defer(async () => {
    for (const api of apis.values()) await (await api)[Symbol.asyncDispose]();
  });
  const owned = parts.move();
  return {
    isQuick: plan.isQuick,
    folder,
    empty,
    keys,
    standIn,
    api(delayMs) {
      const place = { folder: `${folder}/api-${delayMs}`, delayMs };
      const api = apis.get(delayMs) ??
        startInstantApi(place, { standIn, publicKey: keys.userPublicKey });
      apis.set(delayMs, api);
      return api;
    },
    rounds: (full) => plan.isQuick ? Math.min(QUICK_ROUNDS, full) : full,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
