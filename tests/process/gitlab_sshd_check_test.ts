/**
 * `gitlab-sshd check`, `-t` and `-T`: what an operator is told before a start.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runProgram } from "../support/dist.ts";
import {
  configOf as makeConfig,
  RunningSshd,
} from "../support/sshd_process.ts";
import { makeTempDir, type TempDir } from "../support/temp_dir.ts";
import { keygen } from "../unit/ssh/ssh_fixture.ts";

let keys: TempDir;

Deno.test.beforeAll(async () => {
  keys = makeTempDir();
  await keygen(`${keys.path}/host`, ["-t", "ed25519"]);
  await keygen(`${keys.path}/locked`, ["-t", "ed25519", "-N", "secret"]);
  await Deno.writeTextFile(`${keys.path}/garbage`, "no key\n");
  await Deno.copyFile(`${keys.path}/host`, `${keys.path}/open`);
  await Deno.chmod(`${keys.path}/open`, 0o644);
});
Deno.test.afterAll(() => keys[Symbol.dispose]());

function configOf(
  options: Partial<Parameters<typeof makeConfig>[0]> = {},
): string {
  return makeConfig({ hostKey: `${keys.path}/host`, ...options });
}

async function check(
  config: string,
  { flag = "-t", env = {} }: { flag?: string; env?: Record<string, string> } =
    {},
) {
  using dir = makeTempDir({ "config.yml": config });
  const { stdout, stderr, exitStatus } = await runProgram("gitlab-sshd", {
    args: [flag, "-config-dir", dir.path],
    env,
  });
  return { exitStatus, text: stdout, stderr };
}

for (const flag of ["-t", "check", "--t"]) {
  Deno.test(`gitlab-sshd ${flag} finds nothing wrong with what works`, async () => {
    const { exitStatus, text, stderr } = await check(configOf(), { flag });
    assertEquals([exitStatus, stderr], [0, ""], text);
    assertStringIncludes(text, "host is ssh-ed25519");
    assertStringIncludes(text, "127.0.0.1:0 can be listened on");
    assert(/checks: 0 failed, 0 warnings/.test(text), text);
  });
}

const FAILED: [what: string, config: () => string, text: string][] = [
  ["a malformed file", () => "gitlab_url: [\n", "yaml: line 2"],
  [
    "no URL",
    () => configOf().replace(/gitlab_url: .*/, 'gitlab_url: ""'),
    "gitlab_url is required",
  ],
  [
    "a URL of an unknown kind",
    () => configOf({ gitlabUrl: "ftp://localhost" }),
    "gitlab_url must begin with",
  ],
  [
    "a host key that is not there",
    () => configOf({ hostKey: "/nonexistent" }),
    "/nonexistent: No such file",
  ],
  [
    "a host key with a passphrase",
    () => configOf({ hostKey: `${keys.path}/locked` }),
    "locked: ssh: this private key is passphrase protected",
  ],
  [
    "a host key that is none",
    () => configOf({ hostKey: `${keys.path}/garbage` }),
    "garbage: ssh: no key found",
  ],
  [
    "an algorithm list of nothing",
    () => configOf({ sshd: ["ciphers: [none-such]"] }),
    "sshd.ciphers: no name of the list can be offered",
  ],
  [
    "a certificate authority that is not there",
    () => configOf({ sshd: ["trusted_user_ca_keys: [/nonexistent]"] }),
    "failed to load trusted user CA keys",
  ],
  [
    "a list with a bad address",
    () => configOf({ sshd: ["proxy_protocol: true", "proxy_allowed: [x]"] }),
    "invalid policy configuration",
  ],
  [
    "a bound that cannot be read",
    () => configOf({ sshd: ["max_startups: many"] }),
    'sshd.max_startups: cannot read "many"',
  ],
  [
    "penalties that cannot be read",
    () => configOf({ sshd: ["per_source_penalties: authfail:x"] }),
    "sshd.per_source_penalties: cannot read",
  ],
  [
    "an address without a port",
    () => configOf({ sshd: ["listen: localhost"] }),
    "sshd.listen: listen tcp: address localhost: missing port in address",
  ],
  [
    "probes of one path",
    () =>
      configOf({
        sshd: ['web_listen: "127.0.0.1:0"', "readiness_probe: /health"],
      }),
    "readiness_probe and liveness_probe must be two paths",
  ],
];
for (const [what, config, text] of FAILED) {
  Deno.test(`gitlab-sshd -t fails for ${what}`, async () => {
    const outcome = await check(config());
    assertEquals(outcome.exitStatus, 1, outcome.text);
    assertStringIncludes(outcome.text, text);
    assertStringIncludes(outcome.text, "FAILED");
  });
}

Deno.test("gitlab-sshd -t fails for ports that others have", async () => {
  using ssh = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using web = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  void ssh.accept().then((tcp) => tcp.close(), () => {});
  const { exitStatus, text } = await check(configOf({
    sshd: [
      `listen: "127.0.0.1:${ssh.addr.port}"`,
      `web_listen: "127.0.0.1:${web.addr.port}"`,
    ],
  }));
  assertEquals(exitStatus, 1);
  assertEquals(text.match(/bind: address already in use/g)?.length, 2, text);
});

Deno.test("gitlab-sshd -t takes a port of a gitlab-sshd that runs for in order", async () => {
  await using server = await RunningSshd.start(configOf());
  const { exitStatus, text } = await check(
    configOf({ sshd: [`listen: "127.0.0.1:${server.port}"`] }),
  );
  assertEquals(exitStatus, 0, text);
  assertStringIncludes(text, "by a gitlab-sshd that runs");
});

Deno.test("gitlab-sshd -t warns of what works and is not as it should be", async () => {
  const { exitStatus, text } = await check(configOf({
    hostKey: `${keys.path}/open`,
    sshd: ["ciphers: [none-such, aes128-ctr]", "lisen: x"],
  }));
  assertEquals(exitStatus, 0, text);
  assertStringIncludes(text, `chmod 600 ${keys.path}/open`);
  assertStringIncludes(text, "none-such");
  assertStringIncludes(text, "sshd.lisen");
});

Deno.test("gitlab-sshd check --json says the same to scripts", async () => {
  using dir = makeTempDir({ "config.yml": configOf() });
  const { stdout, exitStatus } = await runProgram("gitlab-sshd", {
    args: ["check", "--json", "-config-dir", dir.path],
  });
  const report = JSON.parse(stdout);
  assertEquals([exitStatus, report.ok], [0, true]);
  assertEquals(
    report.checks.map(({ id }: { id: string }) => id),
    ["config", "config.keys", "host_keys", "server", "listen", "web_listen"],
  );
});

Deno.test("gitlab-sshd -t without a directory fails", async () => {
  const { stdout, exitStatus } = await runProgram("gitlab-sshd", {
    args: ["-t"],
  });
  assertEquals(exitStatus, 1);
  assertStringIncludes(stdout, "-config-dir is needed");
});

Deno.test("gitlab-sshd -T prints what counts, where it comes from, and no secret", async () => {
  const { exitStatus, text, stderr } = await check(
    configOf({ lines: ["http_settings: {user: u, password: hunter2}"] }),
    {
      flag: "-T",
      env: { GITLAB_URL: "http://env", GITLAB_SHELL_SECRET: "hunter3" },
    },
  );
  assertEquals([exitStatus, stderr], [0, ""]);
  assert(/^gitlab_url = "?http:\/\/env"? +# environment$/m.test(text), text);
  assert(/^sshd\.login_grace_time = \S+ +# default$/m.test(text), text);
  assert(/^sshd\.listen = "?127\.0\.0\.1:0"? +# file$/m.test(text), text);
  assert(/^secret = .* # environment$/m.test(text), text);
  assert(!/hunter|= "?secret"? /.test(text), text);
});

Deno.test("gitlab-sshd -T fails for a file that cannot be read", async () => {
  const { exitStatus, stderr } = await check("sshd: [\n", { flag: "-T" });
  assertEquals(exitStatus, 1);
  assertStringIncludes(stderr, "yaml: line 2");
});

Deno.test("gitlab-sshd check and a start warn of PROXY headers that anybody can send", async () => {
  const forged = "sshd.proxy_policy is use and sshd.proxy_allowed is empty";
  const open = configOf({ sshd: ["proxy_protocol: true"] });
  const { exitStatus, text } = await check(open, { flag: "check" });
  assertEquals(exitStatus, 0, text);
  assertStringIncludes(text, forged);
  await using server = await RunningSshd.start(open);
  const warnings = server.records.filter(({ msg }) =>
    String(msg).startsWith(forged)
  );
  assertEquals(warnings.map(({ level }) => level), ["WARN"]);
  const listed = configOf({
    sshd: ["proxy_protocol: true", "proxy_allowed: [10.0.0.0/24]"],
  });
  assert(!(await check(listed)).text.includes(forged));
});
