/**
 * Disks that are full, read-only or mounted in odd ways under the managed
 * file: one clear line, status 1, and the file as it was.
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { ed25519Key } from "../support/key_samples.ts";
import { KeysRoot } from "../support/keys_root.ts";
import { programPath } from "../support/dist.ts";
import { MOUNT_SPACE, NO_MOUNT_SPACE } from "../support/mount_space.ts";

const RECORDS = [...Array(2_000).keys()]
  .map((at) => `key-${at + 10}\t${ed25519Key(at + 10)}\n`).join("");

const WRITERS:
  readonly (readonly [name: string, args: string, input: string])[] = [
    ["add-key", `add-key key-9 '${ed25519Key(9)}'`, ""],
    ["add-key of another key", `add-key key-1 '${ed25519Key(9)}'`, ""],
    ["batch-add-keys", "batch-add-keys", RECORDS],
    ["rebuild", "rebuild", RECORDS],
    ["verify --fix", "verify --fix", RECORDS],
  ];

/** Fills the file up to 60 bytes below five blocks. */
function start(root: KeysRoot): string {
  const line = `# mine\n${root.line("key-1", ed25519Key(1))}`;
  const content = `${line}${"x".repeat(2_499 - line.length)}\n`;
  root.write(content);
  return content;
}

for (const [name, args, input] of WRITERS) {
  Deno.test(`${name} whose write is cut short leaves the file as it was`, async () => {
    using root = new KeysRoot();
    const content = start(root);
    // Room for 60 bytes more than there are, and not for a line.
    const { exitStatus, stdout, stderr } = await root.runWith({
      shell: `trap "" XFSZ; ulimit -f 5; exec "$0" ${args}`,
      stdin: input,
    });
    assertMatch(
      stderr,
      /^gitlab-keys: could not (write|replace) .*: File too large\n$/,
    );
    assertEquals([exitStatus, name === "verify --fix" ? "" : stdout], [1, ""]);
    assertEquals(root.read(), content);
    assertEquals(root.names(), ["authorized_keys", "authorized_keys.lock"]);
    assert(root.isLockFree());
  });
}

/** Runs a script with the managed file's folder on a small disk. */
async function onSmallDisk(
  root: KeysRoot,
  script: string,
  input = "",
): Promise<string> {
  const [command = "", ...args] = MOUNT_SPACE ?? [];
  const child = new Deno.Command(command, {
    args: [...args, "sh", "-c", script, programPath("gitlab-keys")],
    env: { ...root.env, SSH: root.folder },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const feeding = writer.write(new TextEncoder().encode(input))
    .then(() => writer.close()).catch(() => {});
  const { stdout, stderr } = await child.output();
  await feeding;
  const decoder = new TextDecoder();
  return decoder.decode(stdout) + decoder.decode(stderr);
}

const FULL = `mount -t tmpfs -o size=64k none "$SSH" && cp "$SEED" ` +
  `"$SSH/authorized_keys" && : > "$SSH/authorized_keys.lock" && ` +
  `cat /dev/zero > "$SSH/fill" 2>/dev/null;`;

for (const [name, args, input] of WRITERS) {
  Deno.test({
    name: `${name} on a full disk leaves the file as it was${NO_MOUNT_SPACE}`,
    ignore: MOUNT_SPACE === undefined,
    async fn() {
      using root = new KeysRoot();
      // Whole pages, so that not one byte more has room.
      const line = root.line("key-1", ed25519Key(1));
      root.write(line + "x".repeat(8_191 - line.length) + "\n");
      Deno.copyFileSync(root.authFile, `${root.path}/seed`);
      const said = await onSmallDisk(
        root,
        `SEED=${root.path}/seed; ${FULL} "$0" ${args}; echo "status $?"; ` +
          `cmp "$SEED" "$SSH/authorized_keys" && ls -A "$SSH"`,
        input,
      );
      assertMatch(said, /gitlab-keys: could not .*: No space left on device\n/);
      assertMatch(
        said,
        /status 1\nauthorized_keys\nauthorized_keys\.lock\nfill\n/,
      );
    },
  });
}

Deno.test({
  name: `rm-key works on a full disk${NO_MOUNT_SPACE}`,
  ignore: MOUNT_SPACE === undefined,
  async fn() {
    using root = new KeysRoot();
    start(root);
    Deno.copyFileSync(root.authFile, `${root.path}/seed`);
    const said = await onSmallDisk(
      root,
      `SEED=${root.path}/seed; ${FULL} "$0" rm-key key-1; echo "status $?"; ` +
        `grep -c command= "$SSH/authorized_keys"`,
    );
    assertEquals(said, "status 0\n0\n");
  },
});

Deno.test({
  name:
    `a read-only file system refuses writers and lets readers list${NO_MOUNT_SPACE}`,
  ignore: MOUNT_SPACE === undefined,
  async fn() {
    using root = new KeysRoot();
    root.write(root.line("key-1", ed25519Key(1)));
    Deno.copyFileSync(root.authFile, `${root.path}/seed`);
    const run = (args: string) => `"$0" ${args}; echo "status $?"; `;
    const said = await onSmallDisk(
      root,
      `mount -t tmpfs none "$SSH" && cp ${root.path}/seed ` +
        `"$SSH/authorized_keys" && chmod 600 "$SSH/authorized_keys" && ` +
        `mount -o remount,bind,ro "$SSH" && exec 2>&1; ` +
        run("add-key key-2 'ssh-rsa AAAA'") + run("rm-key key-1") +
        run("clear") + run("list-key-ids") + run("check-permissions"),
    );
    const [add, addStatus, rm, rmStatus, clear, clearStatus, ...rest] = said
      .split("\n");
    const refusal =
      `gitlab-keys: could not open ${root.authFile}.lock: Read-only file system`;
    assertEquals([add, rm, clear], [refusal, refusal, refusal]);
    assertEquals([addStatus, rmStatus, clearStatus], Array(3).fill("status 1"));
    assertEquals(rest.slice(0, 3), [
      "1",
      "status 0",
      `error: could not open ${root.authFile}: Read-only file system`,
    ]);
    assertMatch(rest[3] ?? "", /^-rw------- 1 0 0 \d+ .* \S+authorized_keys$/);
    assertEquals(rest[4], "status 1");
  },
});

Deno.test({
  name:
    `a file that is mounted on its own is overwritten, and that is said${NO_MOUNT_SPACE}`,
  ignore: MOUNT_SPACE === undefined,
  async fn() {
    using root = new KeysRoot();
    root.write(`# mine\n${"#".repeat(400)}\n`);
    const said = await onSmallDisk(
      root,
      `touch ${root.path}/other && cp "$SSH/authorized_keys" ` +
        `${root.path}/other && mount --bind ${root.path}/other ` +
        `"$SSH/authorized_keys" && "$0" rebuild; echo "status $?"; ` +
        `grep -c . "$SSH/authorized_keys"; ls -A "$SSH"`,
      `key-1\t${ed25519Key(1)}\n`,
    );
    assertMatch(said, /status 0\n3\nauthorized_keys\nauthorized_keys\.lock\n/);
    assertMatch(said, /cannot be replaced and was overwritten in place/);
    assertEquals(
      Deno.readTextFileSync(`${root.path}/other`),
      `# Managed by gitlab-shell\n# mine\n${root.line("key-1", ed25519Key(1))}`,
    );
  },
});
