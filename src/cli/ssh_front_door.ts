/**
 * gitlab-sshd as a child process in front of a devstack, with keys made for
 * the occasion. For the demo, `deno task dev` and tests; no program has it.
 * @module
 */

/** Files that a client needs to reach the server. */
export interface SshKeys {
  /** Private key of the user; `.pub` beside it. */
  readonly userKeyFile: string;
  readonly hostKeyFile: string;
  /** Public key of the user as one line. */
  readonly userPublicKey: string;
  /** Public key of the host, type and base64. */
  readonly hostPublicKey: string;
}

/** A server that accepts connections. */
export interface SshFrontDoor extends AsyncDisposable {
  readonly hostname: string;
  readonly port: number;
}

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5_000;
const POLL_MS = 20;
const LISTENING = "Listening for SSH connections";

/** Makes a key for the host and one for the user, unless they are there. */
export async function makeSshKeys(folder: string): Promise<SshKeys> {
  const userKeyFile = `${folder}/id_ed25519`;
  const hostKeyFile = `${folder}/ssh_host_ed25519_key`;
  for (
    const [file, comment] of [[userKeyFile, "demo"], [
      hostKeyFile,
      "host",
    ]] as const
  ) {
    if (await exists(file)) continue;
    const { success, stderr } = await new Deno.Command("ssh-keygen", {
      args: ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file],
      stdout: "null",
      stderr: "piped",
    }).output();
    if (success) continue;
    const said = new TextDecoder().decode(stderr).trim();
    throw new Error(`Cannot make a key with ssh-keygen: ${said}`);
  }
  const publicKey = async (file: string) =>
    (await Deno.readTextFile(`${file}.pub`)).trim();
  const host = await publicKey(hostKeyFile);
  return {
    userKeyFile,
    hostKeyFile,
    userPublicKey: await publicKey(userKeyFile),
    hostPublicKey: host.split(" ").slice(0, 2).join(" "),
  };
}

/** Lines of `config.yml` that the server needs. */
export function sshdConfigLines(
  { hostKeyFile }: SshKeys,
  { hostname, port }: { hostname: string; port: number },
): string[] {
  return [
    "sshd:",
    `  listen: ${JSON.stringify(`${hostname}:${port}`)}`,
    '  web_listen: ""',
    `  host_key_files: [${JSON.stringify(hostKeyFile)}]`,
  ];
}

/**
 * Starts gitlab-sshd from the sources and waits until it listens.
 * @throws {Error} If it ends before, with what it said last.
 */
export async function openSshFrontDoor(
  root: { readonly path: string; readonly logFile: string },
): Promise<SshFrontDoor> {
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--allow-all",
      main,
      "gitlab-sshd",
      "-config-dir",
      root.path,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  let hasEnded = false;
  void child.status.then(() => {
    hasEnded = true;
  });
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  let address: string | undefined;
  while (address === undefined && !hasEnded && performance.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    address = await findAddress(root.logFile);
  }
  if (address === undefined) {
    await stop(child);
    throw new Error(`Cannot start gitlab-sshd; its log is ${root.logFile}`);
  }
  const colon = address.lastIndexOf(":");
  return {
    hostname: address.slice(0, colon),
    port: Number(address.slice(colon + 1)),
    [Symbol.asyncDispose]: () => stop(child),
  };
}

/** The address in the last record that says where the server listens. */
async function findAddress(logFile: string): Promise<string | undefined> {
  const text = await Deno.readTextFile(logFile).catch(() => "");
  const line = text.split("\n").findLast((line) => line.includes(LISTENING));
  if (line === undefined) return undefined;
  const address = JSON.parse(line)["tcp_address"];
  return typeof address === "string" ? address : undefined;
}

/** Asks it to stop and, if it does not, ends it. */
async function stop(child: Deno.ChildProcess): Promise<void> {
  const timer = setTimeout(() => kill("SIGKILL"), STOP_TIMEOUT_MS);
  kill("SIGTERM");
  await child.status;
  clearTimeout(timer);
  function kill(signal: Deno.Signal) {
    try {
      child.kill(signal);
    } catch {
      // It has ended by itself.
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
