/**
 * Commands that ask the internal API and nobody else.
 * @module
 */
import { SAMPLE } from "../../../src/devstack/sample.ts";
import {
  BASE_ENV,
  contendersOf,
  EMPTY,
  type Family,
  OURS,
} from "../bench_world.ts";
import { type Contender, timeProcesses } from "../process_timer.ts";
import type { Goal } from "../question.ts";

const ROUNDS = 20;
const TOKEN = "personal_access_token reef read_api 30";
/** What each prints when it has done its work. */
const EXPECTED: ReadonlyMap<string, RegExp> = new Map([
  [TOKEN, /Token: +glpat-x/],
  [`git-lfs-authenticate ${SAMPLE.project} download`, /"Authorization"/],
  ["2fa_recovery_codes", /^code$/m],
  ["2fa_verify", /OTP validation successful/],
]);

/** Tokens, LFS authentication and 2FA. */
export const accountFamily: Family = {
  name: "account",
  sizesMib: () => [],
  async run(world, tell) {
    const { rootPath } = await world.api(0);
    const contend = (typed: string, command: string): Contender[] =>
      contendersOf("gitlab-shell").map(([name, program]) => ({
        name: `${name}, ${command.split(" ")[0]}`,
        command: typed === "" ? program : "sh",
        args: typed === ""
          ? ["key-1"]
          : ["-c", `echo ${typed} | exec "$0" key-1`, program],
        env: {
          ...BASE_ENV,
          GITLAB_SHELL_DIR: rootPath,
          SSH_ORIGINAL_COMMAND: command,
        },
        expects: EXPECTED.get(command) ?? /./,
      }));
    const floor = { name: EMPTY, env: BASE_ENV };
    const ask = async (title: string, contenders: Contender[]) => {
      const series = await timeProcesses(contenders, world.rounds(ROUNDS));
      const goals = series.slice(1).filter(({ name }) => name.startsWith(OURS))
        .map(({ name }): Goal => ({ of: name, against: EMPTY, atMost: 2 }));
      tell({ family: "account", title, unit: "ms", series, goals });
    };
    await ask("tokens and LFS authentication", [
      { ...floor, command: world.empty, args: [] },
      ...contend("", TOKEN),
      ...contend("", `git-lfs-authenticate ${SAMPLE.project} download`),
    ]);
    await ask("2FA, with a shell that types", [
      {
        ...floor,
        command: "sh",
        args: ["-c", 'echo | exec "$0"', world.empty],
      },
      ...contend("yes", "2fa_recovery_codes"),
      ...contend("123456", "2fa_verify"),
    ]);
  },
};
