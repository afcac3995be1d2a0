/**
 * What `deno task dev` says once everything runs: where things are, and what
 * to try. Pure.
 * @module
 */
import { SAMPLE } from "../devstack/sample.ts";
import type { Devstack } from "../devstack/stack.ts";
import type { UserKey } from "../devstack/user_key.ts";
import type { Neighbours } from "./dev_neighbours.ts";
import type { FrontDoor } from "./front_door.ts";

/** What there is to report. */
export interface DevReport {
  readonly stack: Devstack;
  /** Absent where no pair could be made. */
  readonly key: UserKey | undefined;
  /** Absent in a release without gitlab-sshd. */
  readonly door: FrontDoor | undefined;
  readonly rateLimit: number;
  /** Script that plays ssh without a network. */
  readonly localSsh: string;
  readonly neighbours: Pick<Neighbours, "rows" | "farProject">;
}

const LABEL_WIDTH = 15;

/** Formats the report, ready to be printed. */
export function formatDevReport(report: DevReport): string {
  const { stack, key, rateLimit } = report;
  const rows = [
    ["internal API", stack.api.urls.join(", ")],
    ["Gitaly", stack.gitaly.addresses.join(", ")],
    ["LFS store", stack.lfs.url],
    ["repositories", stack.storage],
    ["configuration", stack.shellRoot.configFile],
    ["log", stack.shellRoot.logFile],
    ["user", `${SAMPLE.username}, key ${SAMPLE.keyId}`],
    ["password", `${SAMPLE.otp}, one-time, every time`],
    ["public key", key?.publicKey ?? "none: there is no ssh-keygen"],
    ["private key", key?.privateKeyFile ?? "yours"],
    ["rate limit", rateLimit === 0 ? "none" : `${rateLimit} a minute`],
    ["projects", formatProjects()],
    ...report.neighbours.rows,
  ];
  const table = rows.map(([label = "", value = ""]) =>
    `  ${label.padEnd(LABEL_WIDTH)}${value}\n`
  );
  return [
    "The stack is up.\n\n",
    ...table,
    "\nTry, in another terminal:\n\n",
    ...formatCommands(report).map((command) => `  ${command}\n`),
    "\n",
  ].join("");
}

function formatProjects(): string {
  return [
    `${SAMPLE.project} (read, write)`,
    `${SAMPLE.readOnlyProject} (read, audited)`,
    `${SAMPLE.privateProject} (hidden)`,
    `${SAMPLE.busyProject} (read, write)`,
  ].join(", ");
}

function formatCommands(
  { stack, door, key, localSsh, neighbours }: DevReport,
): string[] {
  const host = door ? `git@127.0.0.1:${door.port}` : "git@localhost";
  const url = `ssh://${host}/${SAMPLE.project}.git`;
  const { farProject } = neighbours;
  const far = farProject === undefined
    ? []
    : [`git clone ssh://${host}/${farProject}.git`];
  if (!door) {
    return [
      ...formatUserCommands(`${localSsh} git@localhost`, stack),
      `export GIT_SSH_COMMAND=${localSsh} GIT_SSH_VARIANT=ssh`,
      ...formatGitCommands(url),
      ...far,
    ];
  }
  const identity = key?.privateKeyFile
    ? ` -i ${key.privateKeyFile} -o IdentitiesOnly=yes`
    : "";
  // The host key lives as long as the stack; nobody's own file need know it.
  const words = `ssh${identity} -o StrictHostKeyChecking=accept-new` +
    ` -o UserKnownHostsFile=${stack.folder}/known_hosts`;
  return [
    ...formatUserCommands(`${words} -p ${door.port} git@127.0.0.1`, stack),
    `export GIT_SSH_COMMAND='${words}'`,
    ...formatGitCommands(url),
    ...far,
  ];
}

/** What users can do about their own account, and what their phone says. */
function formatUserCommands(ssh: string, { api }: Devstack): string[] {
  const phone = `${api.state.webUrl}/phone/approve/${SAMPLE.username}`;
  return [
    `gitlab() { ${ssh} "$@"; }`,
    "gitlab",
    "gitlab personal_access_token reef read_api 30",
    "gitlab 2fa_recovery_codes",
    `gitlab 2fa_verify  # or, meanwhile, as the phone: curl -X POST ${phone}`,
    `gitlab git-lfs-authenticate ${SAMPLE.project} download`,
  ];
}

function formatGitCommands(url: string): string[] {
  return [
    `git clone ${url}`,
    `git archive --remote=${url} --output=project.tar HEAD`,
    "git config --global lfs.sshtransfer always  # git-lfs 3.6 or later",
  ];
}
