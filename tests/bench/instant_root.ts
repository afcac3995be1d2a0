/**
 * An internal API in a process of its own, and a root directory that names it.
 * @module
 */
import { SAMPLE } from "../../src/devstack/sample.ts";
import type { StandIn } from "./stand_in_process.ts";

/** An API that runs. */
export interface InstantApi extends AsyncDisposable {
  /** What `GITLAB_SHELL_DIR` is to name. */
  readonly rootPath: string;
  /** Lines of `config.yml`. */
  readonly configLines: readonly string[];
}

/** Where it lives and how long it takes for an answer. */
export interface InstantPlace {
  readonly folder: string;
  readonly delayMs: number;
}

/** What its answers speak of. */
export interface InstantSubject {
  readonly standIn: StandIn;
  /** Key of the sample user. */
  readonly publicKey: string;
}

const INSTANT_API = new URL("instant_api.ts", import.meta.url).pathname;

/** Starts the API and writes the root directory. */
export async function startInstantApi(
  { folder, delayMs }: InstantPlace,
  subject: InstantSubject,
): Promise<InstantApi> {
  await Deno.mkdir(folder, { recursive: true });
  const socket = `${folder}/api.sock`;
  const answersFile = `${folder}/answers.json`;
  await Deno.writeTextFile(answersFile, JSON.stringify(listAnswers(subject)));
  const configLines = [
    `gitlab_url: "http+unix://${encodeURIComponent(socket)}"`,
    'secret: "bench"',
  ];
  await writeRoot(folder, configLines);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", INSTANT_API, socket, answersFile]
      .concat(String(delayMs)),
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  return {
    rootPath: folder,
    configLines,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.status;
    },
  };
}

/** Makes a root directory out of lines of `config.yml`. */
export async function writeRoot(
  folder: string,
  lines: readonly string[],
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/config.yml`, `${lines.join("\n")}\n`);
}

/** Bodies by endpoint; those of `/allowed` by project as well. */
function listAnswers(
  { standIn, publicKey }: InstantSubject,
): Record<string, unknown> {
  const allowed = Object.keys(standIn.relativePaths).map((project) => [
    `/allowed ${project}`,
    allowedBody(standIn, project),
  ]);
  const { userId, username, keyId } = SAMPLE;
  return {
    "/discover": { id: userId, username, name: "Mira" },
    "/authorized_keys": { id: keyId, key: publicKey },
    "/two_factor_recovery_codes": { success: true, recovery_codes: ["code"] },
    "/two_factor_manual_otp_check": { success: true },
    "/two_factor_push_otp_check": { success: false },
    "/personal_access_token": { success: true, token: "glpat-x", scopes: [] },
    "/lfs_authenticate": { username, lfs_token: "x" },
    ...Object.fromEntries(allowed),
  };
}

function allowedBody(standIn: StandIn, project: string) {
  return {
    status: true,
    gl_id: `user-${SAMPLE.userId}`,
    gl_username: SAMPLE.username,
    gl_repository: "project-88",
    git_config_options: [],
    gitaly: {
      address: standIn.gitalyAddress,
      token: standIn.gitalyToken,
      features: {},
      repository: {
        storage_name: "default",
        relative_path: standIn.relativePath(project),
        gl_repository: "project-88",
        gl_project_path: project,
      },
    },
  };
}
