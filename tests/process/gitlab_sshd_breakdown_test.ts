/**
 * A thread of gitlab-sshd that breaks down: the others' sessions live on, the
 * port stays served, and nothing that it held is lost for good.
 */
import {
  assert,
  assertEquals,
  assertGreater,
  assertStringIncludes,
} from "@std/assert";
import { breakAll, BREAKING_SSHD, breakOne } from "../support/breaking_sshd.ts";
import {
  json,
  openScriptedApi,
  type ScriptedApi,
} from "../support/scripted_api.ts";
import { configOf, RunningSshd } from "../support/sshd_process.ts";
import { makeTempDir, type TempDir } from "../support/temp_dir.ts";
import { RawClient } from "../unit/ssh/raw_client.ts";
import { keygen, runSsh } from "../unit/ssh/ssh_fixture.ts";

const BROKEN = "a thread has broken down with its sessions";
const BACK = "a thread serves again";
/** With so many, both threads have some. */
const CLIENTS = 16;
let keys: TempDir;

Deno.test.beforeAll(async () => {
  keys = makeTempDir();
  for (const name of ["host", "user_ed25519"]) {
    await keygen(`${keys.path}/${name}`, ["-t", "ed25519"]);
  }
});
Deno.test.afterAll(() => keys[Symbol.dispose]());

function start(api: ScriptedApi, sshd: string[] = []): Promise<RunningSshd> {
  const config = configOf({
    hostKey: `${keys.path}/host`,
    gitlabUrl: api.url,
    sshd: ["workers: 2", ...sshd],
  });
  const { HOME = "", DENO_DIR = "" } = Deno.env.toObject();
  return RunningSshd.start(config, { HOME, ...(DENO_DIR && { DENO_DIR }) }, {
    program: BREAKING_SSHD,
  });
}

function openApi(): ScriptedApi {
  return openScriptedApi([
    json(200, { id: 1, key: "x", username: "test-user", name: "Test" }),
  ]);
}

async function metricOf(web: number, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${web}/metrics`)).text();
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.split(" ").at(-1));
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function canDiscover(client: RawClient): Promise<boolean> {
  client.exec(await client.openSession(), "discover");
  await client.next(97);
  return true;
}

Deno.test("a thread that breaks down is replaced, and the sessions of the other live on", async () => {
  await using api = openApi();
  const web = freePort();
  await using server = await start(api, [`web_listen: "127.0.0.1:${web}"`]);
  const { port, folder } = server;
  const login = () => RawClient.login({ folder: keys.path, port });
  const clients = await Promise.all(Array.from({ length: CLIENTS }, login));
  const logins = "gitlab_shell_sshd_login_lookup_duration_seconds_count";
  assertEquals(await metricOf(web, logins), CLIENTS);

  await breakOne(folder);
  const broken = await server.logged(BROKEN);
  assertEquals(broken["level"], "ERROR");
  assertStringIncludes(String(broken["error_message"]), "broken by the test");
  const inFlight = "gitlab_shell_sshd_in_flight_connections";
  const living = await metricOf(web, inFlight);
  assert(living > 0 && living < CLIENTS, `${living}`);

  const back = await server.logged(BACK);
  assertEquals(back["thread"], broken["thread"]);
  // One cannot see whose a client is; those of the other thread can work.
  const works = await Promise.all(
    clients.map((client) =>
      Promise.race([client.ended.then(() => false), canDiscover(client)])
        .catch(() => false)
    ),
  );
  assertEquals(works.filter((each) => each).length, living);

  // The port is served by as many threads as before.
  const others = await Promise.all(Array.from({ length: CLIENTS }, login));
  for (const client of others) assert(await canDiscover(client));
  assertEquals(await metricOf(web, logins), 2 * CLIENTS);
  await breakOne(folder);
  await server.logged(BACK, 2);
  assertGreater(await metricOf(web, inFlight), 0);

  // No sum falls: it would be taken for a restart.
  assertEquals(await metricOf(web, logins), 2 * CLIENTS);
  assertEquals(
    await metricOf(web, "gitlab_shell_sshd_thread_breakdowns_total"),
    2,
  );
  for (const client of [...clients, ...others]) client.kill();
  server.signal("SIGTERM");
  assertEquals((await server.status).code, 0);
});

Deno.test("what a broken thread has counted before login is given back", async () => {
  await using api = openApi();
  const web = freePort();
  const bound = 12;
  await using server = await start(api, [
    "per_source_exempt: []",
    "per_source_penalties: no",
    "login_grace_time: 60",
    `max_startups: ${bound}`,
    `per_source_max_startups: ${bound}`,
    `web_listen: "127.0.0.1:${web}"`,
  ]);
  const { port, folder } = server;
  const startups = () =>
    metricOf(web, "gitlab_shell_sshd_unauthenticated_connections");
  const silent = await Promise.all(
    Array.from({ length: bound }, () => RawClient.connect(port)),
  );
  assertEquals(await startups(), bound);
  await breakOne(folder);
  await server.logged(BACK);
  const left = await startups();
  assert(left > 0 && left < bound, `${left}`);
  // Neither bound stands in the way of as many as have gone.
  for (let at = left; at < bound; at++) {
    silent.push(await RawClient.connect(port));
  }
  assertEquals(await startups(), bound);
  const { stderr } = await runSsh({ folder: keys.path, port }, []);
  assertStringIncludes(stderr, "due to load");
  for (const client of silent) client.kill();
});

Deno.test("a thread that replaces another knows who is shut out", async () => {
  await using api = openScriptedApi([json(404, { message: "Not found" })]);
  await using server = await start(api, [
    "per_source_exempt: []",
    "per_source_penalties: authfail:300",
  ]);
  const { port } = server;
  const folder = keys.path;
  await runSsh({ folder, port }, []);
  await server.logged("penalty: source is shut out", 2);
  for (let round = 1; round <= 2; round++) {
    await breakOne(server.folder);
    await server.logged(BACK, round);
  }
  const others = await Promise.all(
    Array.from({ length: 8 }, () => runSsh({ folder, port }, [])),
  );
  for (const { stderr } of others) {
    assertStringIncludes(stderr, "too many failed logins");
  }
  assertEquals(api.attempts.length, 1);
});

Deno.test("threads that break down again and again end the server, which says so", async () => {
  await using api = openApi();
  await using server = await start(api);
  for (let round = 1; round <= 5; round++) {
    await breakOne(server.folder);
    await server.logged(BACK, round);
  }
  await breakOne(server.folder);
  await assertGivesUp(
    server,
    "6 threads have broken down within 60 seconds",
  );
});

Deno.test("a server whose threads cannot even start again ends, and says so", async () => {
  await using api = openApi();
  await using server = await start(api);
  await breakAll(server.folder);
  await assertGivesUp(server, "no thread is left");
});

async function assertGivesUp(server: RunningSshd, text: string) {
  const record = await server.logged("Gitlab built-in sshd cannot go on");
  assertEquals(record["level"], "ERROR");
  assertEquals(record["error_message"], text);
  assertEquals((await server.status).code, 1);
}
