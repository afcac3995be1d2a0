/**
 * OpenSSH's server, which some tests put in front of gitlab-shell.
 * @module
 */

const SSHD_PATHS = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];
const APT_GET = "/usr/bin/apt-get";
const INSTALL_TIMEOUT_MS = 5 * 60_000;

/**
 * Sees to it that sshd is there: on Debian root may install it.
 * @param print Told before anything is changed on the machine.
 * @returns Whether sshd is there now.
 */
export async function provideOpenssh(
  print: (line: string) => void,
): Promise<boolean> {
  if (await hasSshd()) return true;
  if (Deno.uid() !== 0 || !await isFile(APT_GET)) return false;
  print("OpenSSH's sshd is missing: installing Debian's openssh-server");
  await runAptGet(["update"]);
  await runAptGet([
    "install",
    "--yes",
    "--no-install-recommends",
    "openssh-server",
  ]);
  return await hasSshd();
}

async function hasSshd(): Promise<boolean> {
  for (const path of SSHD_PATHS) if (await isFile(path)) return true;
  return false;
}

async function runAptGet(args: string[]): Promise<void> {
  await new Deno.Command(APT_GET, {
    args: ["--quiet", "--quiet", ...args],
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
    signal: AbortSignal.timeout(INSTALL_TIMEOUT_MS),
  }).output();
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
