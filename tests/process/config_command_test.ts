/**
 * `gitlab-shell config`, and what the operator's words print.
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { runProgram } from "../support/dist.ts";
import { RootDir } from "../support/root_dir.ts";

const shell = (folder: RootDir, ...args: string[]) =>
  folder.run("gitlab-shell", { args });

Deno.test("config check is content with a good file", async () => {
  using folder = new RootDir({ gitlabUrl: "http://localhost" });
  const { stdout, stderr, exitStatus } = await shell(folder, "config", "check");
  assertEquals(
    [stdout, stderr, exitStatus],
    [`${folder.path}/config.yml can be used\n`, "", 0],
  );
});

Deno.test("config check names what is wrong, with lines, and goes on", async () => {
  using folder = new RootDir({
    gitlabUrl: "http://localhost",
    config: "log_level: loud\nlisten: x\nsshd:\n  ciphrs: []\n",
  });
  const { stdout, exitStatus } = await shell(folder, "config", "check");
  assertEquals(exitStatus, 0);
  assertEquals(stdout.split("\n").slice(0, 3), [
    "warning: log_level is no level, so GITLAB_LOG_LEVEL or info counts; use debug, info, warn or error",
    "warning: line 3: listen belongs below sshd, as sshd.listen",
    "warning: line 5: sshd.ciphrs did you mean sshd.ciphers?",
  ]);
  const { stdout: text } = await shell(folder, "config", "check", "--json");
  const report = JSON.parse(text);
  assertEquals([report.valid, report.error], [true, null]);
  assertEquals(
    report.keys.map(({ path, line }: Record<string, unknown>) => [path, line]),
    [["listen", 3], ["sshd.ciphrs", 5]],
  );
});

Deno.test("config check fails for a file that no program can use", async () => {
  const files = [
    "gitlab_url: [\n",
    "sshd:\n  grace_period: 1d\n",
    "user: git\n",
  ];
  for (const config of files) {
    using folder = new RootDir({ config });
    const { stdout, exitStatus } = await shell(folder, "config", "check");
    assertEquals(exitStatus, 1);
    assertMatch(stdout, /^error: /);
    assertMatch(stdout, /cannot be used\n$/);
  }
});

Deno.test("config show prints what counts, and where it comes from, but no secret", async () => {
  using folder = new RootDir({
    gitlabUrl: "https://me:pass-word@gitlab.example",
    config:
      "secret: t0psecret\nhttp_settings:\n  user: u\n  password: passw0rd\n" +
      "gitlab_tracing: opentracing://jaeger?token=tr4ce\n" +
      "sshd:\n  grace_period: 90\n  ciphers: [a, b]\n",
  });
  const text = await shell(folder, "config", "show");
  const json = await shell(folder, "config", "show", "--json");
  for (const { stdout, exitStatus } of [text, json]) {
    assertEquals(exitStatus, 0);
    for (
      const hidden of ["t0psecret", "passw0rd", "pass-word", "tr4ce", "s3cret"]
    ) {
      assert(!stdout.includes(hidden), hidden);
    }
  }
  assertMatch(text.stdout, /^secret = \[hidden\] +# file$/m);
  assertMatch(text.stdout, /^sshd\.grace_period = 90s +# file$/m);
  assertMatch(text.stdout, /^sshd\.listen = "\[::\]:22" +# default$/m);
  const { settings } = JSON.parse(json.stdout) as {
    settings: { path: string; value: unknown; source: string }[];
  };
  const find = (path: string) => settings.find((one) => one.path === path);
  assertEquals(find("sshd.ciphers")?.value, ["a", "b"]);
  assertEquals(find("sshd.grace_period")?.value, "90s");
  assertEquals(find("gitlab_url")?.value, "https://[hidden]@gitlab.example");
});

Deno.test("config example and schema need no file, and the example can be used", async () => {
  const nowhere = { env: { GITLAB_SHELL_DIR: "/nowhere" } };
  const schema = await runProgram("gitlab-shell", {
    args: ["config", "schema"],
    ...nowhere,
  });
  assert("sshd" in JSON.parse(schema.stdout).properties);
  const { stdout } = await runProgram("gitlab-shell", {
    args: ["config", "example"],
    ...nowhere,
  });
  using folder = new RootDir({});
  await Deno.writeTextFile(`${folder.path}/config.yml`, stdout);
  assertEquals((await shell(folder, "config", "check")).exitStatus, 0);
});

const USAGE_FAULTS = [
  [["config"], "config needs check, show, example or schema"],
  [["config", "chek"], "config needs check, show, example or schema"],
  [["config", "show", "user"], "config takes one word"],
  [["config", "show", "--yaml"], 'unknown option "--yaml"'],
  [["doctor", "--user=mira"], "--user needs --project"],
] as const;
for (const [args, text] of USAGE_FAULTS) {
  Deno.test(`gitlab-shell ${args.join(" ")} is refused with status 2`, async () => {
    using folder = new RootDir({});
    const { stdout, stderr, exitStatus } = await shell(folder, ...args);
    assertEquals(
      [stdout, stderr, exitStatus],
      ["", `gitlab-shell: ${text}\nTry: gitlab-shell --help\n`, 2],
    );
  });
}

Deno.test("gitlab-shell --help prints the same under its three names", async () => {
  using folder = new RootDir({});
  const [first, ...others] = await Promise.all(
    ["--help", "-h", "help"].map((word) => shell(folder, word)),
  );
  assertMatch(first?.stdout ?? "", /^Usage: gitlab-shell /);
  assertEquals(first?.exitStatus, 0);
  for (const other of others) assertEquals(other, first);
});
