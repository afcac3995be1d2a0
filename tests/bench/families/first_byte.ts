/**
 * Where a session's wait is: until GitLab is asked, and from GitLab's answer
 * until Gitaly hears of it. Both ends are here, so that one clock tells.
 * @module
 */
import { SAMPLE } from "../../../src/devstack/sample.ts";
import {
  BASE_ENV,
  type BenchWorld,
  contendersOf,
  type Family,
  OURS,
} from "../bench_world.ts";
import { writeRoot } from "../instant_root.ts";
import { median, type Series } from "../question.ts";

const ROUNDS = 25;
const FIRST_BYTE_MS_MAX = 4;
/** As long as a GitLab takes, so that what can be done meanwhile is done. */
const API_DELAY_MS = 50;
const BUFFER_BYTES = 16_384;
const encoder = new TextEncoder();

interface Moments {
  /** From the start of the process until the question is there. */
  readonly askedMs: number;
  /** From the answer until Gitaly's first byte. */
  readonly calledMs: number;
}

/** First byte to Gitaly after the API's answer. */
export const firstByteFamily: Family = {
  name: "first-byte",
  sizesMib: () => [],
  async run(world, tell) {
    using stage = await openStage(world);
    const contenders = contendersOf("gitlab-shell");
    const moments = contenders.map(() => [] as Moments[]);
    for (let round = -1; round < world.rounds(ROUNDS); round++) {
      for (const [index, [, program]] of contenders.entries()) {
        const found = await stage.play(program);
        if (round >= 0) moments[index]?.push(found);
      }
    }
    const series = contenders.map(([name], index): Series => {
      const own = moments[index] ?? [];
      return {
        name,
        values: own.map(({ calledMs }) => calledMs),
        notes: {
          "ms from the start to the question": median(
            own.map(({ askedMs }) => askedMs),
          ),
        },
      };
    });
    tell({
      family: "first-byte",
      title: "Gitaly's first byte after GitLab's answer",
      unit: "ms",
      series,
      goals: [{ of: OURS, atMost: FIRST_BYTE_MS_MAX }],
    });
  },
};

/** Both ends that a session talks to. */
interface Stage extends Disposable {
  play(program: string): Promise<Moments>;
}

async function openStage({ folder }: BenchWorld): Promise<Stage> {
  const root = `${folder}/first-byte`;
  const paths = { api: `${root}/api.sock`, gitaly: `${root}/gitaly.sock` };
  await writeRoot(root, [
    `gitlab_url: "http+unix://${encodeURIComponent(paths.api)}"`,
    'secret: "bench"',
  ]);
  const api = Deno.listen({ transport: "unix", path: paths.api });
  const gitaly = Deno.listen({ transport: "unix", path: paths.gitaly });
  return {
    async play(program) {
      const startMs = performance.now();
      const child = new Deno.Command(program, {
        args: ["key-1"],
        env: {
          ...BASE_ENV,
          GITLAB_SHELL_DIR: root,
          GIT_PROTOCOL: "version=2",
          SSH_ORIGINAL_COMMAND: `git-upload-pack '${SAMPLE.project}'`,
        },
        clearEnv: true,
        stdin: "piped",
        stdout: "null",
        stderr: "null",
      }).spawn();
      const { askedMs, answeredMs } = await answer(api, paths.gitaly);
      using connection = await gitaly.accept();
      await connection.read(new Uint8Array(BUFFER_BYTES));
      const calledMs = performance.now() - answeredMs;
      child.kill("SIGKILL");
      await child.status;
      await child.stdin.close().catch(() => {});
      return { askedMs: askedMs - startMs, calledMs };
    },
    [Symbol.dispose]() {
      api.close();
      gitaly.close();
    },
  };
}

async function answer(
  listener: Deno.Listener,
  gitalyPath: string,
): Promise<{ askedMs: number; answeredMs: number }> {
  using connection = await listener.accept();
  await connection.read(new Uint8Array(BUFFER_BYTES));
  const askedMs = performance.now();
  const body = JSON.stringify({
    status: true,
    gl_id: "user-5",
    gl_username: SAMPLE.username,
    gl_repository: "project-88",
    git_config_options: [],
    gitaly: {
      address: `unix:${gitalyPath}`,
      token: "token",
      features: {},
      repository: { storage_name: "default", relative_path: "a.git" },
    },
  });
  await new Promise((resolve) => setTimeout(resolve, API_DELAY_MS));
  const answeredMs = performance.now();
  await connection.write(encoder.encode(
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  ));
  return { askedMs, answeredMs };
}
