/**
 * gitlab-sshd as an operator starts and stops it. Cases are numbered as in the
 * specification of the server.
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { runProgram } from "../support/dist.ts";
import {
  json,
  openScriptedApi,
  type ScriptedApi,
} from "../support/scripted_api.ts";
import {
  configOf as makeConfig,
  isListening,
  parseRecords,
  RunningSshd,
} from "../support/sshd_process.ts";
import { makeTempDir, type TempDir } from "../support/temp_dir.ts";
import { RawClient } from "../unit/ssh/raw_client.ts";
import { keygen, runSsh } from "../unit/ssh/ssh_fixture.ts";

let keys: TempDir;

Deno.test.beforeAll(async () => {
  keys = makeTempDir();
  await keygen(`${keys.path}/host`, ["-t", "ed25519"]);
  await keygen(`${keys.path}/user_ed25519`, ["-t", "ed25519"]);
});
Deno.test.afterAll(() => keys[Symbol.dispose]());

/** Lines of a configuration that works; `sshd` lines replace ours. */
function configOf(
  options: Partial<Parameters<typeof makeConfig>[0]> = {},
): string {
  return makeConfig({ hostKey: `${keys.path}/host`, ...options });
}

/** Runs a server that is expected to end by itself. */
async function runServer(
  config: string | undefined,
  env: Record<string, string> = {},
) {
  using dir = makeTempDir(config === undefined ? {} : { "config.yml": config });
  const outcome = await runProgram("gitlab-sshd", {
    args: config === undefined ? [] : ["-config-dir", dir.path],
    env,
  });
  return { ...outcome, records: parseRecords(outcome.stderr) };
}

Deno.test("sshd.md case 4: -version alone prints one line", async () => {
  const { stdout, stderr, exitStatus } = await runProgram("gitlab-sshd", {
    args: ["-version"],
  });
  assertMatch(stdout, /^gitlab-sshd \S.*-\d{8}\.\d{6}\n$/);
  assertEquals([stderr, exitStatus], ["", 0]);
});

const FLAGS = [
  [["--version"], 2, "flag provided but not defined: -version\nUsage of "],
  [["-version", "x"], 2, "flag provided but not defined: -version\nUsage of "],
  [["-config-dir"], 2, "flag needs an argument: -config-dir\nUsage of "],
  [["---x"], 2, "bad flag syntax: ---x\nUsage of "],
  [["-h"], 0, "Usage of gitlab-sshd:\n  -config-dir string\n"],
  [["--help"], 0, "Usage of gitlab-sshd:\n"],
] as const;
for (const [args, status, text] of FLAGS) {
  Deno.test(`gitlab-sshd ${args.join(" ")} exits with ${status}`, async () => {
    const outcome = await runProgram("gitlab-sshd", { args });
    assertEquals([outcome.exitStatus, outcome.stdout], [status, ""]);
    assert(outcome.stderr.startsWith(text), outcome.stderr);
  });
}

Deno.test("sshd.md case 1: a malformed file ends the start with one line", async () => {
  const { exitStatus, stderr } = await runServer("gitlab_url: [\n");
  assertEquals(exitStatus, 1);
  assertStringIncludes(
    stderr,
    "failed to load configuration from specified directory",
  );
  assertEquals(stderr.trim().split("\n").length, 1);
});

Deno.test("a directory that does not exist ends the start", async () => {
  const outcome = await runProgram("gitlab-sshd", {
    args: ["-config-dir", "/nonexistent"],
  });
  assertEquals(outcome.exitStatus, 1);
  assertStringIncludes(
    outcome.stderr,
    "open /nonexistent/config.yml: no such file",
  );
});

const FAILURES: [
  what: string,
  config: () => string | undefined,
  env: Record<string, string>,
  text: string,
][] = [
  [
    "sshd.md case 2: no host key can be read",
    () => configOf({ sshd: ['host_key_files: ["/nonexistent"]'] }),
    {},
    "no host keys could be loaded, aborting",
  ],
  [
    "sshd.md case 5: no directory, but a URL and a secret",
    () => undefined,
    { GITLAB_URL: "http://localhost", GITLAB_SHELL_SECRET: "x" },
    "no host keys could be loaded, aborting",
  ],
  [
    "a URL of an unknown kind",
    () => configOf({ gitlabUrl: "ftp://localhost" }),
    {},
    "failed to initialize authorized keys client: " +
    "error creating http client: unknown GitLab URL prefix",
  ],
  [
    "a listen address without a port",
    () => configOf({ sshd: ["listen: invalid"] }),
    {},
    "failed to listen for connection: " +
    "listen tcp: address invalid: missing port in address",
  ],
  [
    "a list of which nothing can be offered",
    () => configOf({ sshd: ["ciphers: [none-such]"] }),
    {},
    "sshd.ciphers: no name of the list can be offered",
  ],
];
for (const [what, config, env, text] of FAILURES) {
  Deno.test(`${what} ends the start with status 1`, async () => {
    const { exitStatus, records } = await runServer(config(), env);
    assertEquals(exitStatus, 1);
    const last = records.at(-1);
    assertEquals(
      [last?.["level"], last?.["msg"], last?.["error_message"]],
      ["ERROR", "Failed to start Gitlab built-in sshd", text],
    );
  });
}

const UNUSABLE = [
  [
    "no URL",
    configOfNothing,
    {},
    "configuration error",
    "gitlab_url is required",
  ],
  [
    "nothing at all",
    () => undefined,
    {},
    "no config-dir provided, using only environment variables",
    "gitlab_url is required",
  ],
  [
    "a URL alone",
    () => undefined,
    { GITLAB_URL: "http://localhost" },
    "no config-dir provided, using only environment variables",
    "secret or secret_file_path is required",
  ],
] as const;
function configOfNothing(): string {
  return 'secret: x\nlog_file: ""\n';
}
for (const [what, config, env, message, text] of UNUSABLE) {
  Deno.test(`${what} ends the start with status 1`, async () => {
    const { exitStatus, records } = await runServer(config(), env);
    assertEquals(exitStatus, 1);
    assertEquals(
      [records.at(-1)?.["msg"], records.at(-1)?.["error_message"]],
      [message, text],
    );
  });
}

Deno.test("sshd.md case 10: a taken port ends the start with status 1", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const { exitStatus, records } = await runServer(
    configOf({ sshd: [`listen: "127.0.0.1:${port}"`] }),
  );
  assertEquals(exitStatus, 1);
  const record = records.find(({ msg }) =>
    msg === "GitLab built-in sshd failed to listen for new connections"
  );
  assertEquals(
    record?.["error_message"],
    `failed to listen for connection: listen tcp 127.0.0.1:${port}: ` +
      "bind: address already in use",
  );
});

Deno.test("a taken monitoring port ends the start before anyone is let in", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { exitStatus, records } = await runServer(
    configOf({ sshd: [`web_listen: "127.0.0.1:${taken.addr.port}"`] }),
  );
  assertEquals(exitStatus, 1);
  assertStringIncludes(
    String(records.at(-1)?.["error_message"]),
    "bind: address already in use",
  );
});

/** An API that knows every key and greets everyone. */
function openApi(): ScriptedApi {
  return openScriptedApi([
    json(200, { id: 1, key: "x", username: "test-user", name: "Test" }),
  ]);
}

Deno.test("sshd.md cases 3, 6, 12, 72: serves, says where, and stops at once", async () => {
  await using api = openApi();
  await using server = await RunningSshd.start(
    configOf({
      gitlabUrl: api.url,
      sshd: [`host_key_files: ["/nonexistent", "${keys.path}/host"]`],
    }),
  );
  const refused = await server.logged("Failed to read host key");
  assertEquals(refused["filename"], "/nonexistent");
  assertEquals(await runSsh({ folder: keys.path, port: server.port }, []), {
    code: 0,
    stdout: "Welcome to GitLab, @test-user!\n",
    stderr: "",
  });
  assertEquals(
    api.attempts.map(({ method, target }) => [method, target.split("?")[0]]),
    [
      ["GET", "/api/v4/internal/authorized_keys"],
      ["GET", "/api/v4/internal/discover"],
    ],
  );
  const finish = await server.logged("access: finish");
  assertEquals(finish["written_bytes"], 31);
  const authSeconds = Number(finish["auth_duration_s"]);
  assertEquals(authSeconds > 0, true);
  assertEquals(authSeconds <= Number(finish["duration_s"]), true);
  const ids = api.attempts.map(({ headerLines }) =>
    headerLines.find((line) => line.startsWith("X-Request-Id: "))?.slice(14)
  );
  assertEquals(ids, [finish["correlation_id"], finish["correlation_id"]]);
  server.signal("SIGTERM");
  assertEquals((await server.status).code, 0);
  const stop = await server.logged(
    "Shutdown initiated with grace period: 10.000000",
  );
  assertEquals(stop["signal"], "terminated");
});

Deno.test("the record of a session tells the phases of its Git command", async () => {
  await using api = openScriptedApi([
    json(200, { id: 1, key: "x" }),
    json(200, { status: false, message: "not today" }),
  ]);
  await using server = await RunningSshd.start(
    configOf({ gitlabUrl: api.url }),
  );
  const run = await runSsh({ folder: keys.path, port: server.port }, [
    "git-upload-pack 'a/b'",
  ]);
  assertStringIncludes(run.stderr, "not today");
  const done = await server.logged("connection: handleRequests: done");
  const seconds = Number(done["api_duration_s"]);
  assertEquals(seconds > 0 && seconds <= Number(done["duration_s"]), true);
  // It never came to Gitaly.
  assertEquals("gitaly_connect_duration_s" in done, false);
});

Deno.test("OTEL_DENO has a span of each command sent, and nothing is sent without it", async () => {
  const received: string[] = [];
  const collector = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      received.push(await request.text());
      return Response.json({});
    },
  );
  await using api = openApi();
  for (const isOn of ["true", ""]) {
    const mark = received.length;
    await using server = await RunningSshd.start(
      configOf({ gitlabUrl: api.url }),
      {
        OTEL_DENO: isOn,
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.addr.port}`,
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_SERVICE_NAME: "git-ssh-of-this-test",
      },
    );
    await runSsh({ folder: keys.path, port: server.port }, []);
    const { correlation_id } = await server.logged("access: finish");
    server.signal("SIGTERM");
    assertEquals((await server.status).code, 0);
    const text = received.slice(mark).join("");
    const isSent = text.includes('"discover"') &&
      text.includes("git-ssh-of-this-test") &&
      text.includes(String(correlation_id));
    assertEquals(isSent, isOn === "true", text);
  }
  await collector.shutdown();
});

Deno.test("GITLAB_URL replaces the URL of the file", async () => {
  const { records } = await runServer(configOf(), { GITLAB_URL: "ftp://env" });
  assertStringIncludes(
    String(records.at(-1)?.["error_message"]),
    "unknown GitLab URL prefix",
  );
});

Deno.test("GITLAB_SHELL_SECRET does not make up for a missing secret file", async () => {
  const { exitStatus, stderr } = await runServer(
    configOf().replace("secret: secret", "secret_file: /nonexistent"),
    { GITLAB_SHELL_SECRET: "x" },
  );
  assertEquals(exitStatus, 1);
  assertStringIncludes(stderr, "open /nonexistent: no such file or directory");
});

Deno.test("sshd.md case 13: a connection lives on after SIGTERM, new ones are refused", async () => {
  await using api = openApi();
  await using server = await RunningSshd.start(
    configOf({ gitlabUrl: api.url, sshd: ["grace_period: 60"] }),
  );
  const { port } = server;
  await using client = await loginTo(port);
  server.signal("SIGINT");
  const stop = await server.logged(
    "Shutdown initiated with grace period: 60.000000",
  );
  assertEquals(stop["signal"], "interrupt");
  // Whoever was in the queue of the system may still be let in.
  while (await isListening(port));
  client.exec(await client.openSession(), "discover");
  await client.next(97);
  client.kill();
  assertEquals((await server.status).code, 0);
});

for (const seconds of [1, 0]) {
  Deno.test(`sshd.md cases 14, 16: a connection is closed after a grace period of ${seconds} s`, async () => {
    await using api = openApi();
    await using server = await RunningSshd.start(
      configOf({ gitlabUrl: api.url, sshd: [`grace_period: ${seconds}`] }),
    );
    await using client = await loginTo(server.port);
    const startMs = performance.now();
    server.signal("SIGTERM");
    await client.ended;
    assertEquals((await server.status).code, 0);
    assert(performance.now() - startMs >= seconds * 1_000 - 50);
  });
}

Deno.test("sshd.md case 15: a second signal kills", async () => {
  await using api = openApi();
  await using server = await RunningSshd.start(
    configOf({ gitlabUrl: api.url, sshd: ["grace_period: 60"] }),
  );
  await using _client = await loginTo(server.port);
  server.signal("SIGTERM");
  await server.logged("Shutdown initiated with grace period: 60.000000");
  server.signal("SIGTERM");
  assertEquals((await server.status).signal, "SIGTERM");
});

Deno.test("sshd.md case 11: probes say who is ready", async () => {
  await using api = openApi();
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  await using server = await RunningSshd.start(
    configOf({
      gitlabUrl: api.url,
      sshd: [`web_listen: "127.0.0.1:${port}"`, "grace_period: 60"],
    }),
  );
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return [response.status, await response.text()];
  };
  assertEquals(await ask("/start"), [200, ""]);
  assertEquals(await ask("/health"), [200, ""]);
  assertEquals(await ask("/other"), [404, ""]);
  await using client = await loginTo(server.port);
  server.signal("SIGTERM");
  await server.logged("Shutdown initiated with grace period: 60.000000");
  assertEquals(await ask("/start"), [503, ""]);
  assertEquals(await ask("/health"), [200, ""]);
  client.kill();
  assertEquals((await server.status).code, 0);
});

function loginTo(port: number): Promise<RawClient> {
  return RawClient.login({ folder: keys.path, port });
}
