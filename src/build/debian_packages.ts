/**
 * Programs of others that tests ask: OpenSSH's server, which some of them put
 * in front of gitlab-shell, and those that check what we write or stand at the
 * other end. On Debian root may install them.
 * @module
 */

const APT_GET = "/usr/bin/apt-get";
const INSTALL_TIMEOUT_MS = 5 * 60_000;

/** A package, and the files one of which shows that it is there. */
interface DebianPackage {
  readonly name: string;
  readonly paths: readonly string[];
}

const OPENSSH: DebianPackage = {
  name: "openssh-server",
  paths: ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"],
};

/** Tests that need one of these are skipped where it is missing. */
const CHECKERS: readonly DebianPackage[] = [
  { name: "fish", paths: ["/usr/bin/fish", "/usr/local/bin/fish"] },
  { name: "mandoc", paths: ["/usr/bin/mandoc", "/usr/local/bin/mandoc"] },
  {
    name: "python3-grpcio",
    paths: ["/usr/lib/python3/dist-packages/grpc/__init__.py"],
  },
  { name: "zsh", paths: ["/usr/bin/zsh", "/bin/zsh", "/usr/local/bin/zsh"] },
];

/**
 * Sees to it that sshd is there.
 * @param print Told before anything is changed on the machine.
 * @returns Whether sshd is there now.
 */
export async function provideOpenssh(
  print: (line: string) => void,
): Promise<boolean> {
  return (await install([OPENSSH], print)).length === 0;
}

/**
 * Sees to it that the checkers are there, as far as that can be done.
 * @param print Told before anything is changed on the machine.
 */
export async function provideCheckers(
  print: (line: string) => void,
): Promise<void> {
  await install(CHECKERS, print);
}

/** @returns The packages that are still missing. */
async function install(
  packages: readonly DebianPackage[],
  print: (line: string) => void,
): Promise<DebianPackage[]> {
  const missing = await findMissing(packages);
  if (missing.length === 0) return missing;
  if (Deno.uid() !== 0 || !await isFile(APT_GET)) return missing;
  const names = missing.map(({ name }) => name);
  print(`Installing from Debian, for the tests: ${names.join(", ")}`);
  await runAptGet(["update"]);
  // One by one, for one that cannot be had must not keep the others away.
  for (const name of names) {
    await runAptGet(["install", "--yes", "--no-install-recommends", name]);
  }
  return await findMissing(missing);
}

async function findMissing(
  packages: readonly DebianPackage[],
): Promise<DebianPackage[]> {
  const missing: DebianPackage[] = [];
  for (const one of packages) {
    const found = await Promise.all(one.paths.map(isFile));
    if (!found.includes(true)) missing.push(one);
  }
  return missing;
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
