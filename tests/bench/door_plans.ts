/**
 * The doors that are compared, by whether this machine can open them.
 * @module
 */
import { programPath } from "../support/dist.ts";
import { type BenchWorld, OURS, RIVAL, rivalOf } from "./bench_world.ts";
import {
  type Door,
  type DoorPlan,
  findNoOpenssh,
  openOpensshDoor,
  openSshdDoor,
} from "./doors.ts";

/** What a user could have instead of GitLab's programs. */
export const PLAIN = "OpenSSH + git-upload-pack";
/** OpenSSH with our helper and shell. */
export const OPENSSH_OURS = `OpenSSH + ${OURS}`;
/** OpenSSH with the other build's. */
export const OPENSSH_RIVAL = `OpenSSH + ${RIVAL}`;
/** Our gitlab-sshd. */
export const SSHD_OURS = `gitlab-sshd, ${OURS}`;
/** The other build's. */
export const SSHD_RIVAL = `gitlab-sshd, ${RIVAL}`;

const SHELL = "gitlab-shell";
const LOOKUP = "gitlab-shell-authorized-keys-check";
const SSHD = "gitlab-sshd";

/** A door that may be opened here. */
interface KnownDoor {
  readonly plan: DoorPlan;
  open(world: BenchWorld, plan: DoorPlan): Promise<Door>;
}

/** Opens doors by name, those that cannot be had left out; dispose them all. */
export async function openDoors(
  world: BenchWorld,
  names: readonly string[],
  plan: Omit<DoorPlan, "name" | "programs"> = {},
): Promise<AsyncDisposableStack & { doors: readonly Door[] }> {
  await using parts = new AsyncDisposableStack();
  const doors: Door[] = [];
  for (const known of listDoors()) {
    if (!names.includes(known.plan.name)) continue;
    const merged = { ...known.plan, ...plan };
    doors.push(parts.use(await known.open(world, merged)));
  }
  return Object.assign(parts.move(), { doors });
}

function listDoors(): KnownDoor[] {
  const ours = (program: string): [string, string] => [
    program,
    programPath(program),
  ];
  const rivals = [SHELL, LOOKUP, SSHD].flatMap((program) => {
    const path = rivalOf(program);
    return path === undefined ? [] : [[program, path] as [string, string]];
  });
  const rival = new Map(rivals);
  const openssh = (name: string, programs: DoorPlan["programs"]) => ({
    plan: { name, programs },
    open: openOpensshDoor,
  });
  const sshd = (name: string, programs: DoorPlan["programs"]) => ({
    plan: { name, programs },
    open: openSshdDoor,
  });
  const hasOpenssh = findNoOpenssh() === undefined;
  const hasRivalShell = rival.has(SHELL) && rival.has(LOOKUP);
  return [
    ...hasOpenssh ? [openssh(PLAIN, new Map())] : [],
    ...hasOpenssh
      ? [openssh(OPENSSH_OURS, new Map([ours(SHELL), ours(LOOKUP)]))]
      : [],
    ...hasOpenssh && hasRivalShell ? [openssh(OPENSSH_RIVAL, rival)] : [],
    sshd(SSHD_OURS, new Map([ours(SSHD)])),
    ...rival.has(SSHD) ? [sshd(SSHD_RIVAL, rival)] : [],
  ];
}
