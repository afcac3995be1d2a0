/**
 * `gitlab-shell doctor` as an operator runs it: every fault named, no secret
 * shown, and nothing of it within reach of an SSH session.
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { SAMPLE, SAMPLE_PUBLIC_KEY } from "../../src/devstack/sample.ts";
import type { ProgramOutcome } from "../support/dist.ts";
import { RootDir, type RootDirOptions } from "../support/root_dir.ts";
import {
  json,
  openScriptedApi,
  type ScriptedAnswer,
  whole,
} from "../support/scripted_api.ts";
import { ShellStand, testOnStand, warn } from "../support/shell_stand.ts";

const SECRET = "s3cret-of-doctor";
const CERTIFICATES = new URL("../testdata/tls/", import.meta.url);
const HEALTHY = json(200, { api_version: "v4", redis: true });

interface Check {
  readonly id: string;
  readonly result: string;
  readonly text: string;
  readonly advice: readonly string[];
  readonly elapsed_ms: number;
}

interface Diagnosis extends ProgramOutcome {
  readonly checks: readonly Check[];
  /** The first check of that name. */
  find(id: string): Check | undefined;
}

async function diagnose(
  folder: RootDir,
  ...args: readonly string[]
): Promise<Diagnosis> {
  const isGiven = args.some((word) => word.startsWith("--sshd-config"));
  const none = isGiven ? [] : [`--sshd-config=${folder.path}/none`];
  const outcome = await folder.run("gitlab-shell", {
    args: ["doctor", "--json", ...none, ...args],
  });
  assert(!outcome.stdout.includes(SECRET), "the secret is shown");
  const { checks } = JSON.parse(outcome.stdout) as { checks: Check[] };
  for (const { id, result, advice } of checks) {
    const isFault = result === "failed" || result === "warning";
    assertEquals(advice.length > 0, isFault, `advice of ${id}`);
  }
  return { ...outcome, checks, find: (id) => checks.find((c) => c.id === id) };
}

async function diagnoseApi(
  answer: ScriptedAnswer,
  options: RootDirOptions = {},
): Promise<Diagnosis> {
  await using api = openScriptedApi([answer]);
  using folder = new RootDir({
    gitlabUrl: api.url,
    secret: SECRET,
    config: "user: root\n",
    ...options,
  });
  return await diagnose(folder);
}

Deno.test("doctor finds nothing wrong with an installation that works", async () => {
  const { checks, exitStatus, stderr } = await diagnoseApi(HEALTHY);
  assertEquals([exitStatus, stderr], [0, ""]);
  assertEquals(checks.filter(({ result }) => result === "failed"), []);
  assertEquals(
    checks.map(({ id }) => id).filter((id) => id.startsWith("api.")),
    [
      "api.address",
      "api.name",
      "api.socket",
      "api.answer",
      "api.token",
      "api.redis",
    ],
  );
  for (const { elapsed_ms } of checks) assert(elapsed_ms >= 0);
});

interface Row {
  readonly name: string;
  readonly answer?: ScriptedAnswer;
  readonly options?: RootDirOptions;
  /** The check that fails, and what it says. */
  readonly id: string;
  readonly text: RegExp;
  readonly advice: RegExp;
}

const dateOf = (offsetMs: number) =>
  new Date(Date.now() + offsetMs).toUTCString();

const FAULTS: readonly Row[] = [
  {
    name: "a configuration that is no YAML",
    options: { config: "user: root\nlfs: [\n" },
    id: "config",
    text: /yaml: line/,
    advice: /correct the lines/,
  },
  {
    name: "values that their keys cannot hold",
    options: { config: "user: root\nsshd:\n  proxy_protocol: 7\n" },
    id: "config",
    text: /line 4: .*\(sshd\.proxy_protocol\)/,
    advice: /config\.yml/,
  },
  {
    name: "no secret file",
    options: { secret: null },
    id: "config",
    text: /gitlab_shell_secret: no such file/,
    advice: /secret_file/,
  },
  {
    name: "a blank secret",
    options: { secret: "\n" },
    id: "config",
    text: /secret is blank/,
    advice: /config\.yml/,
  },
  {
    name: "a URL of another kind",
    options: { gitlabUrl: "ftp://localhost" },
    id: "config",
    text: /gitlab_url must begin with http/,
    advice: /config\.yml/,
  },
  {
    name: "a host that nobody knows",
    options: { gitlabUrl: "http://gitlab.invalid" },
    id: "api.name",
    text: /^gitlab\.invalid is not known/,
    advice: /DNS/,
  },
  {
    name: "a port that nobody listens on",
    options: { gitlabUrl: "http://127.0.0.1:1" },
    id: "api.socket",
    text: /port 1: .*refused/i,
    advice: /GitLab runs/,
  },
  {
    name: "a socket that is not there",
    options: { gitlabUrl: "http+unix:///nowhere/gitlab.sock" },
    id: "api.socket",
    text: /\/nowhere\/gitlab\.sock: No such file/i,
    advice: /Workhorse/,
  },
  {
    name: "a redirect",
    answer: whole(302, "", { Location: "https://elsewhere.example/" }),
    id: "api.answer",
    text: /redirect \(302\) to https:\/\/elsewhere\.example/,
    advice: /gitlab_url/,
  },
  {
    name: "a GitLab at fault",
    answer: whole(502, "<html>"),
    id: "api.answer",
    text: /status 502/,
    advice: /GitLab itself/,
  },
  {
    name: "another service in the place of GitLab",
    answer: whole(200, "<html>"),
    id: "api.redis",
    text: /not GitLab's/,
    advice: /gitlab_url/,
  },
  {
    name: "a secret that is not GitLab's",
    answer: json(401, { message: "401 Unauthorized" }, { Date: dateOf(0) }),
    id: "api.token",
    text: /401 Unauthorized/,
    advice: /compare the file that secret_file names/,
  },
  {
    name: "a clock that is behind, rather than the secret",
    answer: json(401, { message: "401" }, { Date: dateOf(300_000) }),
    id: "api.clock",
    text: /this machine is (29\d|30\d) s behind GitLab/,
    advice: /NTP/,
  },
  {
    name: "no Redis",
    answer: json(200, { redis: false }),
    id: "api.redis",
    text: /does not reach its Redis/,
    advice: /Redis runs/,
  },
  {
    name: "a log file in a folder that is not there",
    options: { config: "user: root\nlog_file: /nowhere/at/all.log\n" },
    id: "log",
    text: /^\/nowhere\/at is not there/,
    advice: /install -d -o root/,
  },
  {
    name: "a Topology Service that is not there",
    options: {
      config: "user: root\ntopology_service:\n  enabled: true\n" +
        "  address: 127.0.0.1:1\n  cell_endpoint: {scheme: https, port: 443}\n",
    },
    id: "topology",
    text: /^127\.0\.0\.1:1: .*refused/i,
    advice: /topology_service\.address/,
  },
  {
    name: "a host key that is none",
    options: {
      config: "user: root\nsshd:\n  host_key_files: [/etc/hostname]\n",
    },
    id: "host_keys",
    text: /\/etc\/hostname: ssh: no key found/,
    advice: /without passphrase/,
  },
];

for (const { name, answer = HEALTHY, options, id, text, advice } of FAULTS) {
  Deno.test(`doctor names ${name}`, async () => {
    const { exitStatus, find, checks } = await diagnoseApi(answer, options);
    assertEquals(exitStatus, 1);
    const first = checks.find(({ result }) => result === "failed");
    assertEquals(first?.id, id, JSON.stringify(checks, undefined, 1));
    assertMatch(find(id)?.text ?? "", text);
    assertMatch(find(id)?.advice.join() ?? "", advice);
  });
}

Deno.test("doctor tells a certificate that nobody trusts from a port without TLS", async () => {
  const read = (kind: string) =>
    Deno.readTextFile(new URL(`localhost.${kind}`, CERTIFICATES));
  await using api = openScriptedApi([HEALTHY], {
    kind: "tls",
    cert: await read("pem"),
    key: await read("key"),
  });
  using folder = new RootDir({
    gitlabUrl: api.url,
    secret: SECRET,
    config: "user: root\n",
  });
  const untrusted = await diagnose(folder);
  assertMatch(untrusted.find("api.tls")?.text ?? "", /certificate/i);
  assertMatch(untrusted.find("api.tls")?.advice.join() ?? "", /ca_file/);
  const plain = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answering = (async () => {
    for await (const conn of plain) {
      await conn.write(new TextEncoder().encode("HTTP/1.1 400 no\r\n\r\n"));
      conn.close();
    }
  })().catch(() => {});
  using other = new RootDir({
    gitlabUrl: `https://127.0.0.1:${plain.addr.port}`,
    secret: SECRET,
    config: "user: root\n",
  });
  const { find } = await diagnose(other);
  assertEquals(find("api.socket")?.result, "ok");
  assertMatch(find("api.tls")?.advice.join() ?? "", /speaks TLS/);
  plain.close();
  await answering;
});

Deno.test("doctor names unknown and misplaced keys, and goes on", async () => {
  const config = "user: root\nlisten: x\nsecrt_file: y\n";
  const { exitStatus, find } = await diagnoseApi(HEALTHY, { config });
  assertEquals(exitStatus, 0);
  assertEquals(find("config.keys")?.result, "warning");
  assertEquals(find("config.keys")?.text.split("\n"), [
    "line 3: listen belongs below sshd, as sshd.listen",
    "line 4: secrt_file did you mean secret_file?",
  ]);
});

Deno.test("doctor without a configuration says where it looked", async () => {
  using folder = new RootDir({ secret: null });
  Deno.removeSync(`${folder.path}/config.yml`);
  const { exitStatus, checks } = await diagnose(folder);
  assertEquals([exitStatus, checks.length], [1, 1]);
  assertMatch(checks[0]?.text ?? "", /config\.yml: no such file/);
  assertMatch(checks[0]?.advice.join() ?? "", /config example/);
});

Deno.test("doctor prints a line for each check, and a summary", async () => {
  await using api = openScriptedApi([json(401, { message: "no\u001b[31m" })]);
  using folder = new RootDir({
    gitlabUrl: api.url.replace("//", "//me:pass-word@"),
    secret: SECRET,
    config: "user: root\n",
  });
  const { stdout, exitStatus } = await folder.run("gitlab-shell", {
    args: ["doctor", `--sshd-config=${folder.path}/none`],
  });
  assertEquals(exitStatus, 1);
  assertMatch(
    stdout,
    /^ok {6}config +[\d.]+ ms {2}\/.*config\.yml can be used$/m,
  );
  assertMatch(
    stdout,
    /^FAILED {2}api\.token +[\d.]+ ms {2}no\?\[31m\n +-> the secret/m,
  );
  assertMatch(
    stdout,
    /^\d+ checks: 1 failed, \d+ warnings?, \d+ ok, \d+ skipped\n$/m,
  );
  for (const hidden of [SECRET, "pass-word"]) assert(!stdout.includes(hidden));
});

const stand = await ShellStand.start();
const { stack } = stand;
addEventListener("unload", () => void stand[Symbol.asyncDispose]());

function standRoot(lines = ""): RootDir {
  return new RootDir({
    gitlabUrl: stack.apiUrl,
    secret: null,
    config: `user: root\nsecret_file: ${stack.shellRoot.secretFile}\n${lines}`,
  });
}

testOnStand(
  "doctor --user --project tells what GitLab decides, and probes its Gitaly",
  async () => {
    using folder = standRoot();
    const user = `--user=${SAMPLE.username}`;
    const all = await diagnose(
      folder,
      user,
      `--project=${SAMPLE.readOnlyProject}`,
    );
    assertEquals(all.exitStatus, 0);
    assertMatch(all.find("access.fetch")?.text ?? "", /^allowed for @mira: /);
    assertMatch(all.find("access.push")?.text ?? "", /^denied: /);
    assertEquals(
      all.checks.filter(({ id }) => id.startsWith("gitaly."))
        .map(({ result }) => result),
      ["ok", "ok", "ok", "ok", "ok"],
    );
    assertEquals(
      all.find("gitaly.fetch")?.text,
      "SSHUploadPackWithSidechannel",
    );
    assert(!all.stdout.includes(stack.gitalyToken));
    const none = await diagnose(
      folder,
      user,
      `--project=${SAMPLE.privateProject}`,
    );
    assertEquals(none.exitStatus, 0, "a denial is no fault");
    assertMatch(none.find("access.fetch")?.text ?? "", /^denied: /);
    assertEquals(none.find("gitaly.address"), undefined);
  },
);

testOnStand(
  "doctor --user --project names a Gitaly that is not there",
  async () => {
    using folder = standRoot();
    const storage = stack.api.state.gitaly.get("default");
    if (!storage) throw new Error("The stack has no storage");
    stack.api.state.gitaly.set("default", {
      ...storage,
      address: "unix:/nowhere/gitaly.sock",
    });
    try {
      const { exitStatus, find } = await diagnose(
        folder,
        `--user=${SAMPLE.username}`,
        `--project=${SAMPLE.project}`,
      );
      assertEquals(exitStatus, 1);
      assertEquals(find("gitaly.connect")?.result, "failed");
      assertMatch(find("gitaly.connect")?.advice.join() ?? "", /Gitaly runs/);
    } finally {
      stack.api.state.gitaly.set("default", storage);
    }
  },
);

testOnStand("doctor --key says what a login with it would do", async () => {
  using folder = standRoot();
  const file = `${folder.path}/mira.pub`;
  const authFile = `${folder.path}/authorized_keys`;
  const shell = `${folder.path}/bin/gitlab-shell`;
  Deno.writeTextFileSync(file, `${SAMPLE_PUBLIC_KEY}\n`);
  Deno.writeTextFileSync(
    `${folder.path}/config.yml`,
    `auth_file: ${authFile}\n`,
    {
      append: true,
    },
  );
  Deno.writeTextFileSync(
    `${folder.path}/sshd_config`,
    `AuthorizedKeysFile ${authFile}\nStrictModes no\n`,
  );
  const look = (key: string) =>
    diagnose(
      folder,
      `--key=${key}`,
      `--sshd-config=${folder.path}/sshd_config`,
    );
  const line = (id: number) =>
    `command="${shell} key-${id}",no-port-forwarding,no-X11-forwarding,` +
    `no-agent-forwarding,no-pty ${SAMPLE_PUBLIC_KEY}\n`;

  Deno.writeTextFileSync(authFile, "# nothing\n");
  const unknown = await look(file);
  assertEquals(unknown.find("key.gitlab")?.text, "key-1 of @mira");
  assertMatch(unknown.find("key.login")?.text ?? "", /sshd refuses the login/);

  Deno.writeTextFileSync(authFile, line(1));
  const fingerprint = /SHA256:\S+/.exec(unknown.find("key")?.text ?? "")?.[0];
  const known = await look(fingerprint ?? "");
  assertEquals(
    known.find("key.login")?.text,
    "sshd lets it in by line 1 of the file, as @mira",
  );
  assertEquals(known.find("authorized_keys")?.result, "ok");

  Deno.writeTextFileSync(authFile, line(9));
  const drifted = await look(file);
  assertEquals(drifted.exitStatus, 1);
  assertMatch(drifted.find("authorized_keys")?.text ?? "", /key-9 is key-1/);
  assertMatch(drifted.find("key.login")?.text ?? "", /logs in as key-9/);
});

testOnStand(
  "doctor --key refuses a private key and a missing file",
  async () => {
    using folder = standRoot();
    Deno.writeTextFileSync(
      `${folder.path}/id`,
      "-----BEGIN OPENSSH PRIVATE KEY-----\n",
    );
    for (
      const [key, text] of [["id", "give the .pub file"], [
        "none",
        "neither a fingerprint nor a file",
      ]]
    ) {
      const { checks } = await diagnose(folder, `--key=${folder.path}/${key}`);
      assertMatch(
        checks.find(({ id }) => id === "key")?.text ?? "",
        new RegExp(text ?? ""),
      );
    }
  },
);

testOnStand(
  "doctor and config are out of reach of an SSH session",
  async () => {
    for (const word of ["doctor", "config", "help", "--help"]) {
      const asked = await stand.session({ command: word });
      assertEquals(
        [asked.stdout, asked.stderr, asked.exitStatus],
        ["", "Disallowed command\n", 1],
      );
      // As an argument within a session it names nobody.
      const passed = await stand.session({
        args: [word, "show"],
        command: "doctor",
      });
      assertEquals([passed.stdout, passed.stderr], [
        "",
        "Disallowed command\n",
      ]);
      const login = await stand.session({
        args: ["-c", word],
      });
      assertEquals(
        [login.stdout, login.stderr],
        ["", warn("Failed to get username: who='' is invalid")],
      );
    }
  },
);

testOnStand(
  "doctor, config and help are refused when either variable of a session is set",
  async () => {
    for (const name of ["SSH_CONNECTION", "SSH_ORIGINAL_COMMAND"]) {
      const { stdout } = await stand.session({
        args: ["config", "example"],
        env: {
          SSH_CONNECTION: undefined,
          SSH_ORIGINAL_COMMAND: undefined,
          [name]: "",
        },
      });
      assertEquals(stdout, "");
    }
  },
);
