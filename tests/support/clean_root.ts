/**
 * A Debian root to install packages into, with nothing of the machine's at
 * stake: a layer over the machine's own root, thrown away at the end, or what
 * debootstrap makes, in mount and process namespaces of their own.
 * @module
 */

/** What a command in the root came to. */
export interface RootOutcome {
  /** Standard output and standard error, as they came. */
  readonly output: string;
  readonly exitStatus: number;
}

/** A root that can be worked in. */
export interface CleanRoot extends AsyncDisposable {
  /** What it was made of, for those who read a failure. */
  readonly kind: "layer" | "debootstrap";
  /** Runs a shell script as root in `/root`, with a clean environment. */
  run(script: string): Promise<RootOutcome>;
  /** Puts a file into the root. */
  write(path: string, bytes: Uint8Array): Promise<void>;
}

/** Set to `1` to have debootstrap make the root, which takes half a minute. */
export const DEBOOTSTRAP_VARIABLE = "CLEAN_ROOT_DEBOOTSTRAP";

const START_TIMEOUT_MS = 30_000;
const DEBOOTSTRAP_TIMEOUT_MS = 600_000;
const RUN_TIMEOUT_MS = 60_000;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * Mounts what a root needs and then waits to be told to end; as process 1 of
 * its namespace it takes everything with it.
 */
const HOLDER = `set -e
folder=$1
mount --make-rprivate /
if [ -d "$folder/debian" ]; then
  mkdir "$folder/root"
  mount --bind "$folder/debian" "$folder/root"
else
  mkdir "$folder/layer" "$folder/root"
  mount -t tmpfs none "$folder/layer"
  mkdir "$folder/layer/upper" "$folder/layer/work"
  mount -t overlay none "$folder/root" \\
    -o "lowerdir=/,upperdir=$folder/layer/upper,workdir=$folder/layer/work"
fi
mount -t proc none "$folder/root/proc"
mount --rbind /dev "$folder/root/dev"
mount -t tmpfs none "$folder/root/run"
mount -t tmpfs none "$folder/root/tmp"
echo ready
read -r _ || true
`;

/** Why there can be no such root here; empty if there can. */
export const NO_CLEAN_ROOT = await findObstacle();

async function findObstacle(): Promise<string> {
  const reason = " (left out: may not mount a root here)";
  if (Deno.uid() !== 0) return reason;
  try {
    await using root = await makeCleanRoot("layer");
    const { exitStatus } = await root.run(
      "dpkg --version && test -c /dev/null",
    );
    return exitStatus === 0 ? "" : " (left out: this machine has no dpkg)";
  } catch {
    return reason;
  }
}

/**
 * Makes a root of the kind that the environment asks for.
 * @throws {Error} If it cannot be made.
 */
export async function makeCleanRoot(
  kind: CleanRoot["kind"] = Deno.env.get(DEBOOTSTRAP_VARIABLE) === "1"
    ? "debootstrap"
    : "layer",
): Promise<CleanRoot> {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "root-" });
  await using parts = new AsyncDisposableStack();
  parts.defer(() => Deno.remove(folder, { recursive: true }));
  if (kind === "debootstrap") await debootstrap(`${folder}/debian`);
  const holder = new Deno.Command("unshare", {
    args: ["--mount", "--pid", "--fork", "--kill-child"]
      .concat("sh", "-c", HOLDER, "sh", folder),
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  parts.defer(async () => {
    await holder.stdin.close().catch(() => {});
    await holder.status;
    await holder.stdout.cancel();
  });
  await untilReady(holder);
  const owned = parts.move();
  const pid = await findChild(holder.pid);
  const run = (script: string, stdin?: Uint8Array) =>
    runInside({ pid, root: `${folder}/root`, script, stdin });
  return {
    kind,
    run,
    async write(path, bytes) {
      const { exitStatus, output } = await run(`cat > '${path}'`, bytes);
      if (exitStatus !== 0) throw new Error(output);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function untilReady(holder: Deno.ChildProcess): Promise<void> {
  const reader = holder.stdout.getReader();
  const timeout = AbortSignal.timeout(START_TIMEOUT_MS);
  const giveUp = () => holder.kill("SIGKILL");
  timeout.addEventListener("abort", giveUp);
  try {
    let text = "";
    while (!text.includes("ready")) {
      const { value, done } = await reader.read();
      if (done) throw new Error("Cannot mount a root");
      text += decoder.decode(value);
    }
  } finally {
    timeout.removeEventListener("abort", giveUp);
    reader.releaseLock();
  }
}

/** The namespace of processes belongs to the child of unshare. */
async function findChild(pid: number): Promise<string> {
  const path = `/proc/${pid}/task/${pid}/children`;
  const [child] = (await Deno.readTextFile(path)).trim().split(" ");
  if (!child) throw new Error("Cannot find the holder of the root");
  return child;
}

async function runInside(
  { pid, root, script, stdin }: {
    pid: string;
    root: string;
    script: string;
    stdin?: Uint8Array | undefined;
  },
): Promise<RootOutcome> {
  const child = new Deno.Command("nsenter", {
    args: ["--target", pid, "--mount", "--pid", "chroot", root]
      .concat("sh", "-c", `exec 2>&1; cd /root\n${script}`),
    clearEnv: true,
    env: {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: "/root",
      LC_ALL: "C.UTF-8",
      DEBIAN_FRONTEND: "noninteractive",
    },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
    signal: AbortSignal.timeout(RUN_TIMEOUT_MS),
  }).spawn();
  const writer = child.stdin.getWriter();
  const feeding = (async () => {
    if (stdin) await writer.write(stdin);
    await writer.close();
  })().catch(() => {});
  const [{ code, stdout }] = await Promise.all([child.output(), feeding]);
  return { output: decoder.decode(stdout), exitStatus: code };
}

/** Makes a small Debian with OpenSSH, from where this machine takes its own. */
async function debootstrap(folder: string): Promise<void> {
  const { suite, mirror } = await findMirror();
  const { success, stdout } = await new Deno.Command("debootstrap", {
    args: ["--variant=minbase", "--include=openssh-server"]
      .concat(suite, folder, mirror),
    stdin: "null",
    stderr: "inherit",
    signal: AbortSignal.timeout(DEBOOTSTRAP_TIMEOUT_MS),
  }).output();
  if (!success) throw new Error(decoder.decode(stdout));
}

/** The first source of packages of this machine. */
async function findMirror(): Promise<{ suite: string; mirror: string }> {
  const policy = await new Deno.Command("apt-get", {
    args: ["indextargets", "--format", "$(REPO_URI) $(RELEASE)"],
  }).output();
  const [line = ""] = decoder.decode(policy.stdout).split("\n");
  const [mirror, suite] = line.split(" ");
  if (!mirror || !suite) throw new Error("Cannot find a mirror of Debian");
  return { suite, mirror };
}

/** Bytes of a text, for `write`. */
export function textBytes(text: string): Uint8Array {
  return encoder.encode(text);
}
