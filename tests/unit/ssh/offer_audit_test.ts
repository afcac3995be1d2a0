/**
 * What a scanner sees: the server's own KEXINIT, read from the wire by hand,
 * and each name judged as ssh-audit judges it; and what ssh-keyscan finds.
 */
import { assert, assertEquals } from "@std/assert";
import { SshReader } from "../../../src/ssh/wire.ts";
import { makeTempDir } from "../../support/temp_dir.ts";
import { keygen, type SshFixture, startFixture } from "./ssh_fixture.ts";

/** Names that nobody should offer. */
const BROKEN = [
  /^arcfour/,
  /-cbc$/,
  /md5/,
  /group1-/,
  /group-exchange/,
  /^ssh-dss/,
  /umac-64/,
  /^zlib/,
  /^none$/,
];
/** Names that old clients need and new ones pass by: SHA-1 and NIST's curves. */
const OLD = [/sha1/, /^ssh-rsa/, /nistp/];

/** The lists of a KEXINIT, in the order of the message. */
const LISTS = [
  "kex",
  "host key",
  "cipher in",
  "cipher out",
  "mac in",
  "mac out",
  "compression in",
  "compression out",
] as const;

/** Reads the first packet that a server sends to a client with a name alone. */
async function scan(port: number): Promise<Map<string, string[]>> {
  using tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  await tcp.write(new TextEncoder().encode("SSH-2.0-scanner\r\n"));
  let bytes = new Uint8Array();
  const target = new Uint8Array(4_096);
  for (;;) {
    const lineEnd = bytes.indexOf(10);
    const at = lineEnd + 1;
    if (lineEnd >= 0 && bytes.length >= at + 5) {
      const head = new SshReader(bytes.subarray(at));
      const sizeBytes = head.readUint32();
      if (bytes.length >= at + 4 + sizeBytes) return readLists(bytes, at);
    }
    const count = await tcp.read(target);
    if (count === null) throw new Error("Closed before the KEXINIT");
    bytes = new Uint8Array([...bytes, ...target.subarray(0, count)]);
  }
}

function readLists(bytes: Uint8Array, at: number): Map<string, string[]> {
  // Length, length of the padding, message number, cookie.
  const reader = new SshReader(bytes, at + 4 + 1 + 1 + 16);
  return new Map(LISTS.map((list) => [list, reader.readNameList()]));
}

Deno.test("sshd.md case 39: a scanner finds nothing broken, and names what is old", async () => {
  await using fixture = await startFixture();
  const lists = await scan(fixture.port);
  const old: string[] = [];
  for (const [list, names] of lists) {
    if (list.startsWith("compression")) {
      assertEquals(names, ["none"]);
      continue;
    }
    for (const name of names) {
      assert(!BROKEN.some((rule) => rule.test(name)), `${list}: ${name}`);
      if (OLD.some((rule) => rule.test(name))) old.push(name);
    }
  }
  const kex = lists.get("kex") ?? [];
  assertEquals(kex[0], "mlkem768x25519-sha256");
  assertEquals(kex.at(-1), "kex-strict-s-v00@openssh.com");
  // The reference's defaults; each can be taken out by configuration.
  assertEquals([...new Set(old)], [
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group14-sha1",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "hmac-sha1",
    "hmac-sha1-96",
  ]);
});

Deno.test("a configuration without old names offers none", async () => {
  await using fixture = await startFixture({
    sshd: {
      kexAlgorithms: ["mlkem768x25519-sha256", "curve25519-sha256"],
      ciphers: ["chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com"],
      macs: ["hmac-sha2-512-etm@openssh.com"],
    },
  });
  const lists = await scan(fixture.port);
  const offered = [...lists].filter(([list]) => list !== "host key")
    .flatMap(([, names]) => names);
  assertEquals(offered.filter((name) => OLD.some((old) => old.test(name))), []);
  assertEquals(lists.get("kex"), [
    "mlkem768x25519-sha256",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "kex-strict-s-v00@openssh.com",
  ]);
});

/** Key lines that ssh-keyscan finds. */
async function keyscan(
  { port }: SshFixture,
  args: readonly string[] = [],
): Promise<string[]> {
  const { stdout } = await new Deno.Command("ssh-keyscan", {
    args: ["-p", String(port), "-T", "20", "-t", "rsa,ecdsa,ed25519"]
      .concat([...args, "127.0.0.1"]),
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).split("\n")
    .filter((line) => line !== "")
    // In front stands the host, and for certificates a marker.
    .map((line) => line.split(" ").slice(-2).join(" ")).sort();
}

Deno.test("ssh-keyscan finds each host key, and each host certificate", async () => {
  using dir = makeTempDir();
  const { path } = dir;
  await keygen(`${path}/ca`, ["-t", "ed25519"]);
  await keygen(`${path}/rsa`, ["-t", "rsa", "-b", "2048"]);
  await keygen(`${path}/ecdsa`, ["-t", "ecdsa"]);
  await keygen(`${path}/ed25519`, ["-t", "ed25519"]);
  const types = ["rsa", "ecdsa", "ed25519"];
  for (const type of types) {
    const { success } = await new Deno.Command("ssh-keygen", {
      args: ["-q", "-s", `${path}/ca`, "-I", "host", "-h"]
        .concat([`${path}/${type}.pub`]),
    }).output();
    assert(success);
  }
  await using fixture = await startFixture({
    sshd: {
      hostKeyFiles: types.map((type) => `${path}/${type}`),
      hostCertFiles: types.map((type) => `${path}/${type}-cert.pub`),
    },
  });
  const keysOf = async (suffix: string) =>
    (await Promise.all(types.map(async (type) => {
      const line = await Deno.readTextFile(`${path}/${type}${suffix}`);
      return line.split(" ").slice(0, 2).join(" ");
    }))).sort();
  assertEquals(await keyscan(fixture), await keysOf(".pub"));
  assertEquals(await keyscan(fixture, ["-c"]), await keysOf("-cert.pub"));
});
