/**
 * gitlab-sshd while it runs: its metrics, and what SIGHUP changes.
 */
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  json,
  openScriptedApi,
  type ScriptedApi,
} from "../support/scripted_api.ts";
import {
  configOf as makeConfig,
  RunningSshd,
} from "../support/sshd_process.ts";
import { makeTempDir, type TempDir } from "../support/temp_dir.ts";
import { RawClient } from "../unit/ssh/raw_client.ts";
import { keygen, runSsh, sshArgs } from "../unit/ssh/ssh_fixture.ts";

let keys: TempDir;

Deno.test.beforeAll(async () => {
  keys = makeTempDir();
  await keygen(`${keys.path}/host`, ["-t", "ed25519"]);
  await keygen(`${keys.path}/other_host`, ["-t", "ed25519"]);
  await keygen(`${keys.path}/user_ed25519`, ["-t", "ed25519"]);
});
Deno.test.afterAll(() => keys[Symbol.dispose]());

function configOf(
  options: Partial<Parameters<typeof makeConfig>[0]> = {},
): string {
  return makeConfig({ hostKey: `${keys.path}/host`, ...options });
}

/** An API that knows every key and greets everyone. */
function openApi(): ScriptedApi {
  return openScriptedApi([
    json(200, { id: 1, key: "x", username: "test-user", name: "Test" }),
  ]);
}

/** The host key that a server shows. */
async function hostKeyOf(port: number): Promise<string> {
  const { stdout } = await new Deno.Command("ssh-keyscan", {
    args: ["-t", "ed25519", "-p", String(port), "127.0.0.1"],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).trim().split(" ").at(-1) ?? "";
}

Deno.test("SIGHUP changes host keys and limits for those who come next, and ends nothing", async () => {
  await using api = openApi();
  await using server = await RunningSshd.start(
    configOf({ gitlabUrl: api.url, sshd: ["concurrent_sessions_limit: 1"] }),
  );
  const before = await hostKeyOf(server.port);
  await using client = await RawClient.login({
    folder: keys.path,
    port: server.port,
  });
  const running = await client.openSession();
  await server.configure(configOf({
    gitlabUrl: api.url,
    hostKey: `${keys.path}/other_host`,
    sshd: ["concurrent_sessions_limit: 2", 'listen: "127.0.0.1:1"'],
  }));
  server.signal("SIGHUP");
  await server.logged("configuration reloaded");
  const record = await server.logged(
    "settings that need a restart have changed",
  );
  assertEquals(record["settings"], ["sshd.listen"]);
  // The session that was open goes on, under the limits that it began with.
  client.exec(running, "discover");
  await client.next(97);
  client.closeChannel(running);
  const after = await hostKeyOf(server.port);
  assertNotEquals(after, before);
  const pub = await Deno.readTextFile(`${keys.path}/other_host.pub`);
  assertStringIncludes(pub, after);
  await using next = await RawClient.login({
    folder: keys.path,
    port: server.port,
  });
  await next.openSession();
  await next.openSession({ id: 1 });
});

/** Logs in by certificate, as a user that plain keys may not ask for. */
async function loginByCertificate(port: number): Promise<boolean> {
  const args = sshArgs({ folder: keys.path, port }, [
    "-o",
    `CertificateFile=${keys.path}/user_ed25519-cert.pub`,
  ]).map((word) => word === "git@127.0.0.1" ? "someone@127.0.0.1" : word);
  const { success } = await new Deno.Command("ssh", {
    args,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  return success;
}

Deno.test("SIGHUP takes authorities that are new, and drops those that are gone", async () => {
  await keygen(`${keys.path}/ca`, ["-t", "ed25519"]);
  const { success } = await new Deno.Command("ssh-keygen", {
    args: ["-q", "-s", `${keys.path}/ca`, "-I", "test-user", "-n", "someone"]
      .concat(`${keys.path}/user_ed25519.pub`),
    stdin: "null",
  }).output();
  assert(success);
  await using api = openApi();
  const without = configOf({ gitlabUrl: api.url });
  await using server = await RunningSshd.start(without);
  const { port } = server;
  assertEquals(await loginByCertificate(port), false);
  await server.configure(configOf({
    gitlabUrl: api.url,
    sshd: [`trusted_user_ca_keys: ["${keys.path}/ca.pub"]`],
  }));
  server.signal("SIGHUP");
  await server.logged("configuration reloaded");
  assertEquals(await loginByCertificate(port), true);
  await server.configure(without);
  server.signal("SIGHUP");
  await server.logged("configuration reloaded", 2);
  assertEquals(await loginByCertificate(port), false);
});

const BAD: [what: string, config: () => string, text: string][] = [
  ["a malformed file", () => "sshd: [\n", "yaml: line 2"],
  [
    "no host key",
    () => configOf({ hostKey: "/nonexistent" }),
    "no host keys could be loaded, aborting",
  ],
  [
    "an authority that is not there",
    () => configOf({ sshd: ["trusted_user_ca_keys: [/nonexistent]"] }),
    "failed to load trusted user CA keys",
  ],
  [
    "a bad list of balancers",
    () => configOf({ sshd: ["proxy_protocol: true", "proxy_allowed: [x]"] }),
    "invalid policy configuration",
  ],
];
for (const [what, config, text] of BAD) {
  Deno.test(`SIGHUP with ${what} changes nothing`, async () => {
    await using api = openApi();
    await using server = await RunningSshd.start(
      configOf({ gitlabUrl: api.url }),
    );
    await server.configure(config());
    server.signal("SIGHUP");
    const record = await server.logged("configuration not reloaded");
    assertStringIncludes(String(record["error_message"]), text);
    const { folder, port } = { folder: keys.path, port: server.port };
    assertEquals((await runSsh({ folder, port }, [])).code, 0);
  });
}

Deno.test("sshd.md case 101: /metrics has the reference's names, and counts", async () => {
  await using api = openApi();
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  await using server = await RunningSshd.start(
    configOf({ gitlabUrl: api.url, sshd: [`web_listen: "127.0.0.1:${port}"`] }),
  );
  const folder = keys.path;
  assertEquals((await runSsh({ folder, port: server.port }, [])).code, 0);
  await server.logged("access: finish");
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  const text = await response.text();
  assertEquals(response.status, 200);
  assertStringIncludes(
    response.headers.get("content-type") ?? "",
    "text/plain; version=0.0.4",
  );
  const lines = text.split("\n");
  for (
    const line of [
      "gitlab_sli:shell_sshd_sessions:total 1",
      "gitlab_sli:shell_sshd_connections:total 1",
      "gitlab_sli:shell_sshd_connections:errors_total 0",
      "gitlab_shell_sshd_session_established_duration_seconds_count 1",
      'gitlab_shell_http_requests_total{code="200",method="get"} 2',
      'gitlab_shell_http_request_duration_seconds_bucket{code="200",method="get",le="+Inf"} 2',
      "lfs_http_connections_total 0",
    ]
  ) {
    assert(lines.includes(line), `${line} in ${text}`);
  }
  for (
    const name of [
      "gitlab_build_info{built=",
      "promhttp_metric_handler_requests_in_flight 1",
      "process_cpu_seconds_total ",
      "process_resident_memory_bytes ",
      "process_start_time_seconds ",
      "gitlab_shell_sshd_event_loop_delay_seconds_count ",
      "gitlab_shell_sshd_event_loop_delay_max_seconds ",
    ]
  ) {
    assert(lines.some((line) => line.startsWith(name)), `${name} in ${text}`);
  }
});
