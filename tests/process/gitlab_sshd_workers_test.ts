/**
 * gitlab-sshd with several threads on one port: for clients and operators it
 * is one server.
 */
import {
  assert,
  assertEquals,
  assertNotEquals,
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

const WORKERS = 2;
let keys: TempDir;

Deno.test.beforeAll(async () => {
  keys = makeTempDir();
  for (const name of ["host", "other_host", "user_ed25519"]) {
    await keygen(`${keys.path}/${name}`, ["-t", "ed25519"]);
  }
});
Deno.test.afterAll(() => keys[Symbol.dispose]());

function openApi(): ScriptedApi {
  return openScriptedApi([
    json(200, { id: 1, key: "x", username: "test-user", name: "Test" }),
  ]);
}

function configOf(
  { gitlabUrl = "http://127.0.0.1:9", hostKey = "host", sshd = [] }: {
    gitlabUrl?: string;
    hostKey?: string;
    sshd?: string[];
  } = {},
): string {
  return makeConfig({
    hostKey: `${keys.path}/${hostKey}`,
    gitlabUrl,
    sshd: [`workers: ${WORKERS}`, ...sshd],
  });
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

/** Numbers that lines of `/metrics` have. */
async function metricsOf(port: number): Promise<Map<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const lines = text.split("\n").filter((line) => !/^(#|$)/.test(line));
  return new Map(lines.map((line) => {
    const at = line.lastIndexOf(" ");
    return [line.slice(0, at), Number(line.slice(at + 1))];
  }));
}

Deno.test("workers: all serve, and one endpoint tells of all", async () => {
  await using api = openApi();
  const web = freePort();
  await using server = await RunningSshd.start(
    configOf({ gitlabUrl: api.url, sshd: [`web_listen: "127.0.0.1:${web}"`] }),
  );
  const { port } = server;
  // The system deals connections out by their ports; with 24 both have some.
  const clients = await Promise.all(
    Array.from(
      { length: 24 },
      () => RawClient.login({ folder: keys.path, port }),
    ),
  );
  let metrics = await metricsOf(web);
  assertEquals(metrics.get("gitlab_shell_sshd_in_flight_connections"), 24);
  assertEquals(
    metrics.get("gitlab_shell_sshd_unauthenticated_connections"),
    0,
  );
  for (const client of clients) {
    client.exec(await client.openSession(), "discover");
    await client.next(97);
    client.kill();
  }
  for (let at = 1; at <= 24; at++) await server.logged("access: finish", at);
  metrics = await metricsOf(web);
  assertEquals(metrics.get("gitlab_sli:shell_sshd_sessions:total"), 24);
  assertEquals(metrics.get("gitlab_sli:shell_sshd_connections:total"), 24);
  assertEquals(
    metrics.get('gitlab_shell_http_requests_total{code="200",method="get"}'),
    48,
  );
  assert([...metrics.keys()].some((name) => /^gitlab_build_info/.test(name)));
  const folder = keys.path;
  assertEquals((await runSsh({ folder, port }, [])).code, 0);
  const listening = server.records.filter(({ msg }) =>
    msg === "Listening for SSH connections"
  );
  assertEquals(listening.length, 1);
  assert(typeof listening[0]?.["correlation_id"] === "string");
});

Deno.test("workers: a stop closes the port, and sessions drain", async () => {
  await using api = openApi();
  const web = freePort();
  await using server = await RunningSshd.start(
    configOf({
      gitlabUrl: api.url,
      sshd: [`web_listen: "127.0.0.1:${web}"`, "grace_period: 60"],
    }),
  );
  const { port } = server;
  const clients = await Promise.all(
    Array.from(
      { length: 6 },
      () => RawClient.login({ folder: keys.path, port }),
    ),
  );
  server.signal("SIGTERM");
  await server.logged("Shutdown initiated with grace period: 60.000000");
  const probe = await fetch(`http://127.0.0.1:${web}/start`);
  assertEquals([probe.status, await probe.text()], [503, ""]);
  while (await isListening(port));
  for (const client of clients) {
    client.exec(await client.openSession(), "discover");
    await client.next(97);
    client.kill();
  }
  assertEquals((await server.status).code, 0);
});

Deno.test("workers: connections are closed at the end of the grace period", async () => {
  await using api = openApi();
  await using server = await RunningSshd.start(
    configOf({ gitlabUrl: api.url, sshd: ["grace_period: 0"] }),
  );
  const { port } = server;
  await using client = await RawClient.login({ folder: keys.path, port });
  server.signal("SIGTERM");
  await client.ended;
  assertEquals((await server.status).code, 0);
});

Deno.test("workers: SIGHUP reaches all of them", async () => {
  await using server = await RunningSshd.start(configOf());
  const keysOf = async () => {
    const scans = await Promise.all(
      Array.from({ length: 12 }, () =>
        new Deno.Command("ssh-keyscan", {
          args: ["-t", "ed25519", "-p", String(server.port), "127.0.0.1"],
          stderr: "null",
        }).output()),
    );
    return new Set(
      scans.map(({ stdout }) =>
        new TextDecoder().decode(stdout).trim().split(" ").at(-1)
      ),
    );
  };
  const before = await keysOf();
  await server.configure(configOf({ hostKey: "other_host" }));
  server.signal("SIGHUP");
  await server.logged("configuration reloaded");
  const after = await keysOf();
  assertEquals([before.size, after.size], [1, 1]);
  assertNotEquals([...before], [...after]);
  await server.configure("sshd: [\n");
  server.signal("SIGHUP");
  await server.logged("configuration not reloaded");
  assertEquals(await keysOf(), after);
});

Deno.test("workers: connections before login are counted together", async () => {
  await using api = openApi();
  await using server = await RunningSshd.start(
    configOf({ gitlabUrl: api.url, sshd: ["max_startups: 12"] }),
  );
  const { port } = server;
  const silent = await Promise.all(
    Array.from({ length: 12 }, async () => {
      const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
      // The server's identification means that it is counted.
      await tcp.read(new Uint8Array(100));
      return tcp;
    }),
  );
  const { stderr } = await runSsh({ folder: keys.path, port }, []);
  assertStringIncludes(stderr, "due to load");
  for (const tcp of silent) tcp.close();
});

/** All that a connection hears that says nothing, and is turned away. */
async function hear(port: number): Promise<string> {
  using tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  return await new Response(tcp.readable).text();
}

Deno.test("workers: connections of one source are counted together", async () => {
  const bound = 7;
  const web = freePort();
  await using server = await RunningSshd.start(configOf({
    sshd: [
      "per_source_exempt: []",
      "per_source_penalties: no",
      `per_source_max_startups: ${bound}`,
      `web_listen: "127.0.0.1:${web}"`,
    ],
  }));
  const { port } = server;
  const startups = async () =>
    (await metricsOf(web)).get(
      "gitlab_shell_sshd_unauthenticated_connections",
    );
  // What was given back can be had again.
  for (let round = 0; round < 2; round++) {
    const silent: Deno.TcpConn[] = [];
    for (let at = 0; at < bound; at++) {
      const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
      await tcp.read(new Uint8Array(500));
      silent.push(tcp);
    }
    assertEquals(await startups(), bound);
    // The system deals them out; none of the threads lets one in.
    for (let at = 0; at < 16; at++) {
      assertStringIncludes(await hear(port), "your address");
    }
    for (const tcp of silent) tcp.close();
    while (await startups() !== 0);
  }
});

Deno.test("workers: a source that one of them shuts out is shut out by all", async () => {
  await using api = openScriptedApi([json(404, { message: "Not found" })]);
  await using server = await RunningSshd.start(configOf({
    gitlabUrl: api.url,
    sshd: ["per_source_exempt: []", "per_source_penalties: authfail:60"],
  }));
  const { port } = server;
  const folder = keys.path;
  const first = await runSsh({ folder, port }, []);
  assertStringIncludes(first.stderr, "Permission denied");
  // Each of them has heard of it.
  for (let at = 1; at <= WORKERS; at++) {
    await server.logged("penalty: source is shut out", at);
  }
  const others = await Promise.all(
    Array.from({ length: 8 }, () => runSsh({ folder, port }, [])),
  );
  for (const { stderr } of others) {
    assertStringIncludes(stderr, "too many failed logins");
  }
  assertEquals(api.attempts.length, 1);
});

/** Runs a server that is expected to end by itself. */
async function runServer(config: string) {
  using dir = makeTempDir({ "config.yml": config });
  const { exitStatus, stderr } = await runProgram("gitlab-sshd", {
    args: ["-config-dir", dir.path],
  });
  // Another thread may have a word of its own behind it.
  const record = parseRecords(stderr)
    .find(({ msg }) => msg === FAILED_TO_START);
  return [exitStatus, record?.["msg"], record?.["error_message"]];
}

const FAILED_TO_START = "Failed to start Gitlab built-in sshd";

Deno.test("workers: a taken port ends the start, even one that could be shared", async () => {
  await using first = await RunningSshd.start(configOf());
  const address = `127.0.0.1:${first.port}`;
  assertEquals(
    await runServer(configOf({ sshd: [`listen: "${address}"`] })),
    [
      1,
      FAILED_TO_START,
      `failed to listen for connection: listen tcp ${address}: ` +
      "bind: address already in use",
    ],
  );
});

Deno.test("workers: what no thread can start with ends the start", async () => {
  assertEquals(await runServer(configOf({ hostKey: "nonexistent" })), [
    1,
    FAILED_TO_START,
    "no host keys could be loaded, aborting",
  ]);
});
