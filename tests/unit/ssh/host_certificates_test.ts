/** Host certificates: loading, offering, and what OpenSSH makes of them. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { SYSTEM_CLOCK } from "../../../src/core/host.ts";
import { Logger } from "../../../src/core/log.ts";
import { loadHostKeys } from "../../../src/ssh/host_keys.ts";
import { makeTempDir, type TempDir } from "../../support/temp_dir.ts";
import { keygen, readSsh2, runSsh, startFixture } from "./ssh_fixture.ts";

const ARGS: Record<string, string[]> = {
  ed25519: ["-t", "ed25519"],
  ecdsa: ["-t", "ecdsa"],
  rsa: ["-t", "rsa", "-b", "2048"],
};

/** An authority, and a key of each type with a certificate of it. */
async function makeHost(types: readonly string[]): Promise<TempDir> {
  const dir = makeTempDir();
  await keygen(`${dir.path}/ca`, ["-t", "ed25519"]);
  for (const type of types) {
    await keygen(`${dir.path}/host_${type}`, ARGS[type] ?? []);
    await certify(dir, `host_${type}`);
  }
  return dir;
}

async function certify(
  { path }: TempDir,
  name: string,
  args: readonly string[] = ["-h", "-n", "127.0.0.1"],
): Promise<void> {
  const { success, stderr } = await new Deno.Command("ssh-keygen", {
    args: ["-q", "-s", `${path}/ca`, "-I", "host", ...args]
      .concat([`${path}/${name}.pub`]),
  }).output();
  assert(success, new TextDecoder().decode(stderr));
}

function openLog() {
  const records: Record<string, unknown>[] = [];
  const log = new Logger({
    sink: {
      writeLine: (line) => {
        records.push(JSON.parse(new TextDecoder().decode(line)));
      },
    },
    clock: SYSTEM_CLOCK,
    threshold: -4,
    format: "json",
  });
  return { log, records };
}

const CHOICES: [string, string][] = [
  ["ed25519", "ssh-ed25519-cert-v01@openssh.com"],
  ["ecdsa", "ecdsa-sha2-nistp256-cert-v01@openssh.com"],
  ["rsa", "rsa-sha2-256-cert-v01@openssh.com"],
  ["rsa", "rsa-sha2-512-cert-v01@openssh.com"],
];
Deno.test("sshd.md case 41, row F19: OpenSSH trusts the authority", async (test) => {
  using dir = await makeHost(["ed25519", "ecdsa", "rsa"]);
  const file = (name: string) => `${dir.path}/host_${name}`;
  const types = ["rsa", "ecdsa", "ed25519"];
  await using fixture = await startFixture({
    sshd: {
      hostKeyFiles: types.map(file),
      hostCertFiles: types.map((type) => `${file(type)}-cert.pub`),
    },
  });
  const authority = await Deno.readTextFile(`${dir.path}/ca.pub`);
  await Deno.writeTextFile(
    `${dir.path}/known_hosts`,
    `@cert-authority * ${authority}`,
  );
  const trusting = (options: readonly string[]) => [
    "-o",
    "StrictHostKeyChecking=yes",
    "-o",
    `UserKnownHostsFile=${dir.path}/known_hosts`,
    ...options,
  ];
  for (const [, name] of CHOICES) {
    await test.step(name, async () => {
      const run = await runSsh(fixture, ["hi"], {
        first: trusting(["-o", `HostKeyAlgorithms=${name}`]),
      });
      assertEquals(run, { code: 0, stdout: 'key-42 "hi" \n', stderr: "" });
    });
  }
  await test.step("without a choice, rekeys included", async () => {
    const run = await runSsh(fixture, ["hi"], {
      first: trusting(["-o", "RekeyLimit=1K", "-v"]),
      options: ["-o", "LogLevel=DEBUG1"],
    });
    assertEquals(run.stdout, 'key-42 "hi" \n');
    assertMatch(run.stderr, /Server host certificate: ssh-/);
  });
  await test.step("sshd.md Q7: the plain keys are offered beside them", async () => {
    const run = await runSsh(fixture, ["hi"], {
      options: ["-o", "HostKeyAlgorithms=ssh-ed25519"],
    });
    assertEquals(run, { code: 0, stdout: 'key-42 "hi" \n', stderr: "" });
  });
});

Deno.test("loadHostKeys() offers each certificate in front of its key", async () => {
  using dir = await makeHost(["rsa", "ed25519"]);
  const { log, records } = openLog();
  const { algorithms } = loadHostKeys(
    [`${dir.path}/host_rsa`, `${dir.path}/host_ed25519`],
    log,
    { files: [`${dir.path}/host_rsa-cert.pub`], nowMs: Date.now() },
  );
  assertEquals(algorithms, [
    "rsa-sha2-256-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
    "ssh-rsa-cert-v01@openssh.com",
    "rsa-sha2-256",
    "rsa-sha2-512",
    "ssh-rsa",
    "ssh-ed25519",
  ]);
  assertEquals(records, []);
});

Deno.test("sshd.md case 42: certificates that cannot be used are told and left out", async () => {
  using dir = await makeHost(["ed25519", "ecdsa"]);
  const { path } = dir;
  await keygen(`${path}/user`, ["-t", "ed25519"]);
  await keygen(`${path}/old`, ["-t", "ed25519"]);
  await certify(dir, "user", ["-n", "git"]);
  await certify(dir, "old", ["-h", "-V", "20200101:20200102"]);
  await Deno.writeTextFile(`${path}/rubbish`, "rubbish\n");
  await Deno.writeTextFile(`${path}/torn`, "ssh-ed25519 AAAA\n");
  const { log, records } = openLog();
  const { algorithms } = loadHostKeys([`${path}/host_ed25519`], log, {
    files: [
      "missing",
      "rubbish",
      "torn",
      "host_ed25519.pub",
      "host_ecdsa-cert.pub",
      "user-cert.pub",
      "host_ed25519-cert.pub",
      "host_ed25519-cert.pub",
    ].map((name) => `${path}/${name}`),
    nowMs: Date.now(),
  });
  assertEquals(
    records.map(({ level, msg, filename, error_message }) => [
      level,
      msg,
      String(filename).slice(path.length + 1),
      error_message !== undefined,
    ]),
    [
      ["ERROR", "failed to read host certificate", "missing", true],
      ["ERROR", "failed to parse host certificate", "rubbish", true],
      ["ERROR", "failed to parse host certificate", "torn", true],
      [
        "ERROR",
        "failed to decode host certificate",
        "host_ed25519.pub",
        false,
      ],
      [
        "ERROR",
        "no matching private key for certificate",
        "host_ecdsa-cert.pub",
        false,
      ],
      [
        "ERROR",
        "no matching private key for certificate",
        "user-cert.pub",
        false,
      ],
      [
        "ERROR",
        "the host certificate doesn't match the host private key",
        "host_ed25519-cert.pub",
        true,
      ],
    ],
  );
  assertEquals(algorithms, ["ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"]);
});

Deno.test("loadHostKeys() tells of certificates that clients will not take", async () => {
  using dir = makeTempDir();
  const { path } = dir;
  await keygen(`${path}/ca`, ["-t", "ed25519"]);
  await keygen(`${path}/user`, ["-t", "ed25519"]);
  await keygen(`${path}/old`, ["-t", "ecdsa"]);
  await certify(dir, "user", ["-n", "git"]);
  await certify(dir, "old", ["-h", "-V", "20200101:20200102"]);
  const { log, records } = openLog();
  const { algorithms } = loadHostKeys([`${path}/user`, `${path}/old`], log, {
    files: [`${path}/user-cert.pub`, `${path}/old-cert.pub`],
    nowMs: Date.now(),
  });
  assertEquals(
    records.map(({ level, error_message }) => [level, error_message]),
    [["WARN", "it is not a host certificate"], ["WARN", "it has expired"]],
  );
  assertEquals(algorithms, [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp256",
  ]);
});

Deno.test("row F19: the ground, ssh2 signs under the name that was chosen", async () => {
  const source = await readSsh2("protocol/kex.js");
  assertMatch(source, /this\._hostKey = hostKey;/);
  assertMatch(source, /const sigType = this\.negotiated\.serverHostKey;/);
  // Once ssh2 knows of certificates, patch/host_certificate.ts may go.
  assert(!source.includes("-cert-v01"));
});
