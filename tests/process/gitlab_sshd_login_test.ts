/**
 * Logins to gitlab-sshd by certificate, and what it offers, with the program
 * itself. Cases are numbered as in the specification of the server.
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  makeCertificate,
  makeEd25519,
  type TestKey,
} from "../support/certificate_maker.ts";
import { runProgram } from "../support/dist.ts";
import { json, openScriptedApi } from "../support/scripted_api.ts";
import { TestAgent } from "../support/ssh_agent.ts";
import {
  configOf,
  parseRecords,
  RunningSshd,
} from "../support/sshd_process.ts";
import { makeTempDir, type TempDir } from "../support/temp_dir.ts";
import { keygen, runSsh, type SshRun } from "../unit/ssh/ssh_fixture.ts";

const GROUP_ON = { FF_GITLAB_SHELL_SSH_CERTIFICATES: "1" };

let keys: TempDir;

Deno.test.beforeAll(async () => {
  keys = makeTempDir();
  await keygen(`${keys.path}/host`, ["-t", "ed25519"]);
});
Deno.test.afterAll(() => keys[Symbol.dispose]());

/** A GitLab that vouches for mira and refuses every access. */
function openApi() {
  return openScriptedApi([async (peer, attempt) => {
    const { pathname, searchParams } = new URL(attempt.target, "http://x");
    const answers: Record<string, () => ReturnType<typeof json>> = {
      authorized_certs: () =>
        json(200, { username: "mira", namespace: "reef" }),
      discover: () =>
        json(200, {
          id: 1,
          username: searchParams.get("username"),
          name: "Mira",
        }),
      allowed: () => json(401, { status: false, message: "not in reef" }),
    };
    const answer = answers[pathname.split("/").at(-1) ?? ""];
    await (answer?.() ?? json(404, {}))(peer, attempt);
  }]);
}

/** Runs a command as whoever the certificate names. */
async function runAs(
  server: RunningSshd,
  { authority, subject, keyId }: {
    authority: TestKey;
    subject: TestKey;
    keyId: string;
  },
  command: readonly string[],
): Promise<SshRun> {
  const blob = makeCertificate(subject, authority, { keyId });
  using dir = makeTempDir();
  const key = { blob, sign: subject.sign };
  await using agent = new TestAgent(`${dir.path}/agent`, [key]);
  const { port } = server;
  return await runSsh({ folder: dir.path, port }, command, {
    agentPath: agent.path,
  });
}

Deno.test("sshd.md cases 58, 66: whom certificates let in, and where to", async (test) => {
  await using api = openApi();
  const instance = makeEd25519();
  const group = makeEd25519();
  const subject = makeEd25519();
  await Deno.writeTextFile(
    `${keys.path}/ca.pub`,
    `${instance.type} ${instance.blob.toBase64()}\n`,
  );
  await using server = await RunningSshd.start(
    configOf({
      hostKey: `${keys.path}/host`,
      gitlabUrl: api.url,
      sshd: [`trusted_user_ca_keys: ["${keys.path}/ca.pub"]`],
    }),
    GROUP_ON,
  );
  const asInstance = { authority: instance, subject, keyId: "alex" };
  const asGroup = { authority: group, subject, keyId: "mira@reef.example" };
  const targets = () => api.attempts.map(({ target }) => target);

  await test.step("sshd.md case 58: an instance's authority names the user", async () => {
    assertEquals(await runAs(server, asInstance, []), {
      code: 0,
      stdout: "Welcome to GitLab, @alex!\n",
      stderr: "",
    });
    assertEquals(targets(), ["/api/v4/internal/discover?username=alex"]);
  });
  await test.step("sshd.md case 66: a group's user may not look around", async () => {
    const run = await runAs(server, asGroup, []);
    assertEquals([run.code, run.stdout], [128, ""]);
    assertStringIncludes(run.stderr, "ERROR: Unknown command: ");
    assertMatch(
      targets().at(-1) ?? "",
      /authorized_certs\?key=[^&]+&user_identifier=mira%40reef\.example$/,
    );
  });
  await test.step("sshd.md case 66: Git commands say which namespace", async () => {
    const run = await runAs(server, asGroup, ["git-upload-pack", "reef/x.git"]);
    assertEquals(run.code, 1);
    assertStringIncludes(run.stderr, "ERROR: not in reef");
    const { target, body } = api.attempts.at(-1) ?? { target: "", body: "{}" };
    assertEquals(target, "/api/v4/internal/allowed");
    const asked = JSON.parse(body);
    assertEquals(
      [asked.username, asked.namespace_path],
      ["mira", "reef"],
    );
  });
});

Deno.test("sshd.md case 64: without the variable nobody asks about a group's authority", async () => {
  await using api = openApi();
  await using server = await RunningSshd.start(
    configOf({ hostKey: `${keys.path}/host`, gitlabUrl: api.url }),
  );
  const run = await runAs(server, {
    authority: makeEd25519(),
    subject: makeEd25519(),
    keyId: "mira",
  }, []);
  assertEquals(run.code, 255);
  assertEquals(api.attempts.length, 0);
});

Deno.test("GSSAPI that is turned on is an error at the start, and not offered", async () => {
  await using api = openApi();
  await using server = await RunningSshd.start(
    configOf({
      hostKey: `${keys.path}/host`,
      gitlabUrl: api.url,
      sshd: ["gssapi:", "  enabled: true", '  keytab: "/etc/krb5.keytab"'],
    }),
  );
  const record = await server.logged(
    "Unable to load GSSAPI library, gssapi-with-mic is disabled",
  );
  assertEquals(record["level"], "ERROR");
  assert(record["error_message"]);
  const key = makeEd25519();
  using dir = makeTempDir();
  await using agent = new TestAgent(`${dir.path}/agent`, [key]);
  const run = await runSsh({ folder: dir.path, port: server.port }, [], {
    first: ["-v", "-o", "LogLevel=DEBUG1"],
    agentPath: agent.path,
  });
  assertEquals(run.code, 255);
  assertMatch(run.stderr, /Authentications that can continue: publickey\r?\n/);
});

const BAD_AUTHORITIES: [string, string, string | undefined, string][] = [
  [
    "sshd.md case 7: a file that is missing",
    "missing.pub",
    undefined,
    'failed to read trusted user CA key file "',
  ],
  [
    "sshd.md case 8: a key and then rubbish",
    "rubbish.pub",
    "KEY\nrubbish\n",
    "after 1 valid key(s): ssh: no key found",
  ],
  [
    "a file without a key",
    "empty.pub",
    "# none yet\n",
    "trusted_user_ca_keys configured but no valid CA keys were loaded, aborting",
  ],
];
for (const [what, name, content, told] of BAD_AUTHORITIES) {
  Deno.test(`${what} ends the start with status 1`, async () => {
    const { type, blob } = makeEd25519();
    const line = `${type} ${blob.toBase64()}`;
    using dir = makeTempDir(
      content === undefined ? {} : { [name]: content.replace("KEY", line) },
    );
    await Deno.writeTextFile(
      `${dir.path}/config.yml`,
      configOf({
        hostKey: `${keys.path}/host`,
        sshd: [`trusted_user_ca_keys: ["${dir.path}/${name}"]`],
      }),
    );
    const { exitStatus, stderr } = await runProgram("gitlab-sshd", {
      args: ["-config-dir", dir.path],
    });
    assertEquals(exitStatus, 1);
    const last = parseRecords(stderr).at(-1);
    assertEquals(last?.["msg"], "Failed to start Gitlab built-in sshd");
    assertStringIncludes(String(last?.["error_message"]), told);
  });
}
