/** Logins by certificate with OpenSSH's client; cases of sshd.md by number. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { CertificateQuestion } from "../../../src/api/client.ts";
import { ApiError } from "../../../src/core/errors.ts";
import {
  type CertificateFields,
  makeCertificate,
  makeEd25519,
  makeSkEcdsa,
  type TestKey,
} from "../../support/certificate_maker.ts";
import { TestAgent } from "../../support/ssh_agent.ts";
import { makeTempDir, type TempDir } from "../../support/temp_dir.ts";
import {
  type FixtureOptions,
  keygen,
  runSsh,
  type SshFixture,
  type SshRun,
  startFixture,
} from "./ssh_fixture.ts";

const FAILED =
  "connection: initServerConn: failed to initialize SSH connection";
const GROUP_ON = { FF_GITLAB_SHELL_SSH_CERTIFICATES: "1" };
const AUTHORITY = makeEd25519();
const SUBJECT = makeEd25519();

/** A server that trusts `AUTHORITY`, and a folder for the client. */
async function startTrusting(
  options: FixtureOptions = {},
): Promise<{ fixture: SshFixture; dir: TempDir }> {
  const dir = makeTempDir({
    "ca.pub": `${AUTHORITY.type} ${AUTHORITY.blob.toBase64()}\n`,
  });
  const fixture = await startFixture({
    ...options,
    sshd: { trustedUserCaKeys: [`${dir.path}/ca.pub`], ...options.sshd },
  });
  return { fixture, dir };
}

/** Offers a certificate, and only that. */
async function offer(
  { fixture, dir }: { fixture: SshFixture; dir: TempDir },
  fields: CertificateFields,
  { authority = AUTHORITY, subject = SUBJECT, options = [] }: {
    authority?: TestKey;
    subject?: TestKey;
    options?: readonly string[];
  } = {},
): Promise<SshRun> {
  const blob = makeCertificate(subject, authority, fields);
  const path = `${dir.path}/agent-${crypto.randomUUID().slice(0, 8)}`;
  await using agent = new TestAgent(path, [{ blob, sign: subject.sign }]);
  return await runSsh(fixture, ["x"], {
    options,
    agentPath: agent.path,
  });
}

const welcome = (who: string) => ({
  code: 0,
  stdout: `${who} "x" \n`,
  stderr: "",
});

Deno.test("sshd.md case 58: an instance-level certificate is its identity, and GitLab is not asked", async () => {
  const stand = await startTrusting();
  await using fixture = stand.fixture;
  using _dir = stand.dir;
  assertEquals(await offer(stand, { keyId: "mira" }), welcome("mira@"));
  assertEquals(fixture.lookups, []);
  const record = await fixture.logged(
    "user certificate is signed by a locally trusted CA (instance-level)",
  );
  assertEquals(record["certificate_username"], "mira");
  assertEquals(record["certificate_identity"], "mira");
  assertEquals(record["ssh_user"], "git");
  assertMatch(
    String(record["signing_ca_fingerprint"]),
    /^SHA256:[A-Za-z0-9+/]{43}$/,
  );
  const loaded = await fixture.logged(
    "Loaded trusted user CA keys for instance-level SSH certificates",
  );
  assertEquals(loaded["count"], 1);
  const tried = await fixture.logged("public key authentication");
  assertEquals(tried["ssh_key_type"], "ssh-ed25519-cert-v01@openssh.com");
});

const REFUSED: [string, CertificateFields, RegExp, string][] = [
  [
    "case 60: of a host",
    { kind: 2 },
    /handleUserCertificate: cert has type 2/,
    "certificate rejected: not a user certificate",
  ],
  [
    "case 60: that has expired",
    { validBefore: 1_000n },
    /ssh: cert has expired/,
    "certificate rejected: validity check failed",
  ],
  [
    "case 60: that is not yet valid",
    { validAfter: 2n ** 40n },
    /ssh: cert is not yet valid/,
    "certificate rejected: validity check failed",
  ],
  [
    "case 61: for another login name",
    { principals: ["root"] },
    /principal "git" not in the set of valid principals/,
    "certificate rejected: validity check failed",
  ],
  [
    "case 62: with a forced command",
    { criticalOptions: [["force-command", "x"]] },
    /unsupported critical option "force-command"/,
    "certificate rejected: validity check failed",
  ],
  [
    "case 59: without identity",
    { keyId: "" },
    /handleUserCertificate: certificate has empty KeyId/,
    "instance-level certificate rejected: invalid KeyId",
  ],
  [
    "case 59: with a line feed in its identity",
    { keyId: "mira\nroot" },
    /certificate KeyId does not match GitLab username format/,
    "instance-level certificate rejected: invalid KeyId",
  ],
  [
    "case 63: for another address",
    { criticalOptions: [["source-address", "192.0.2.0/24"]] },
    /remote address 127\.0\.0\.1 is not allowed because of source-address/,
    "certificate authorized with source-address restriction",
  ],
];
Deno.test("sshd.md cases 59 to 63: certificates that let nobody in", async (test) => {
  const stand = await startTrusting();
  await using fixture = stand.fixture;
  using _dir = stand.dir;
  for (const [count, [what, fields, told, message]] of REFUSED.entries()) {
    await test.step(`sshd.md ${what}`, async () => {
      const run = await offer(stand, fields);
      assertEquals([run.code, run.stdout], [255, ""]);
      assertMatch(run.stderr, /Permission denied \(publickey\)/);
      const record = await fixture.logged(FAILED, count + 1);
      assertMatch(String(record["error_message"]), told);
      assert(fixture.records.some(({ msg }) => msg === message), message);
    });
  }
  assertEquals(fixture.lookups, []);
});

Deno.test("sshd.md cases 61, 63: any login name without principals, an address within the range", async () => {
  const stand = await startTrusting();
  await using _fixture = stand.fixture;
  using _dir = stand.dir;
  const run = await offer(stand, {
    keyId: "mira",
    criticalOptions: [["source-address", "192.0.2.1,127.0.0.0/8"]],
    extensions: [["permit-pty", ""]],
  }, { options: ["-l", "anyone"] });
  assertEquals(run, welcome("mira@"));
});

Deno.test("sshd.md case 64, internal-api.md case 89: group-level certificates are off unless the variable is 1", async () => {
  for (const value of ["", "0", "true", undefined]) {
    let asked = 0;
    await using fixture = await startFixture({
      ...(value !== undefined &&
        { env: { FF_GITLAB_SHELL_SSH_CERTIFICATES: value } }),
      authorizedCertificate: () => {
        asked++;
        return Promise.resolve({ username: "mira", namespace: "reef" });
      },
    });
    using dir = makeTempDir();
    const run = await offer({ fixture, dir }, {});
    assertEquals([run.code, asked], [255, 0]);
    const record = await fixture.logged(FAILED);
    assertMatch(
      String(record["error_message"]),
      /handleUserCertificate: feature is disabled/,
    );
  }
});

Deno.test("sshd.md case 65, internal-api.md case 90: a group-level certificate is whom GitLab says, in its namespace", async () => {
  const asked: CertificateQuestion[] = [];
  await using fixture = await startFixture({
    env: GROUP_ON,
    authorizedCertificate: (question) => {
      asked.push(question);
      return Promise.resolve({ username: "mira", namespace: "reef" });
    },
  });
  using dir = makeTempDir();
  const run = await offer({ fixture, dir }, { keyId: "mira@reef.example" });
  assertEquals(run, welcome("mira@reef"));
  const record = await fixture.logged(
    "user certificate is signed by a trusted key (group-level)",
  );
  assertEquals(record["certificate_namespace"], "reef");
  const fingerprint = String(record["signing_ca_fingerprint"]);
  // A query and a signature: one question.
  assertEquals(asked, [{
    authority: fingerprint.replace("SHA256:", ""),
    identifier: "mira@reef.example",
  }]);
});

Deno.test("sshd.md case 67: an authority that GitLab does not know", async () => {
  await using fixture = await startFixture({
    env: GROUP_ON,
    authorizedCertificate: () =>
      Promise.reject(
        new ApiError("404 Certificate Not Found", {
          kind: "policy",
          status: 404,
        }),
      ),
  });
  using dir = makeTempDir();
  const run = await offer({ fixture, dir }, {});
  assertEquals(run.code, 255);
  const record = await fixture.logged(
    "user certificate is not signed by a trusted key",
  );
  assertEquals(record["error_message"], "404 Certificate Not Found");
});

const PAIRS: [string, string[], string[]][] = [
  ["RSA with rsa-sha2-512", ["-t", "rsa", "-b", "2048"], [
    "-o",
    "PubkeyAcceptedAlgorithms=rsa-sha2-512-cert-v01@openssh.com",
  ]],
  ["RSA with rsa-sha2-256", ["-t", "rsa", "-b", "2048"], [
    "-o",
    "PubkeyAcceptedAlgorithms=rsa-sha2-256-cert-v01@openssh.com",
  ]],
  ["Ed25519", ["-t", "ed25519"], []],
  ["ECDSA P-256", ["-t", "ecdsa", "-b", "256"], []],
  ["ECDSA P-521", ["-t", "ecdsa", "-b", "521"], []],
];
Deno.test("sshd.md case 68: what ssh-keygen certifies, and files of OpenSSH's client", async (test) => {
  for (const [name, args, options] of PAIRS) {
    await test.step(name, async () => {
      using dir = makeTempDir();
      await keygen(`${dir.path}/ca`, args);
      await keygen(`${dir.path}/user_ed25519`, args);
      const { success } = await new Deno.Command("ssh-keygen", {
        args: ["-q", "-s", `${dir.path}/ca`, "-I", "mira", "-n", "git,x"]
          .concat(["-V", "-1m:+1h", `${dir.path}/user_ed25519.pub`]),
      }).output();
      assert(success);
      await using fixture = await startFixture({
        sshd: { trustedUserCaKeys: [`${dir.path}/ca.pub`] },
      });
      const { port } = fixture;
      const run = await runSsh({ folder: dir.path, port }, ["x"], { options });
      assertEquals(run, welcome("mira@"));
    });
  }
});

Deno.test("a certificate of a security key that is signed by another", async () => {
  const authority = makeSkEcdsa();
  using dir = makeTempDir({
    "ca.pub": `${authority.type} ${authority.blob.toBase64()}\n`,
  });
  await using fixture = await startFixture({
    sshd: { trustedUserCaKeys: [`${dir.path}/ca.pub`] },
  });
  const subject = makeSkEcdsa();
  const run = await offer({ fixture, dir }, {}, { authority, subject });
  assertEquals(run, welcome("mira@"));
});

Deno.test("a certificate is judged by the algorithm of the key in it", async () => {
  const stand = await startTrusting({
    sshd: { publicKeyAlgorithms: ["rsa-sha2-256"] },
  });
  await using fixture = stand.fixture;
  using _dir = stand.dir;
  // The client is told what is accepted; this one does not listen.
  const run = await offer(stand, {});
  assertEquals(run.code, 255);
  await fixture.logged(FAILED);
});

Deno.test("an identity is never taken from a certificate whose owner does not sign", async () => {
  const stand = await startTrusting();
  await using fixture = stand.fixture;
  using _dir = stand.dir;
  const other = makeEd25519();
  const subject = { ...SUBJECT, sign: other.sign };
  const run = await offer(stand, {}, { subject });
  assertEquals([run.code, run.stdout], [255, ""]);
  const record = await fixture.logged(FAILED);
  assertEquals(record["error_message"], "ssh: signature did not verify");
});
