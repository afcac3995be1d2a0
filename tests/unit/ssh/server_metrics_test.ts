import { assert, assertEquals } from "@std/assert";
import { ApiError, GitalyError } from "../../../src/core/errors.ts";
import { formatMetrics } from "../../../src/core/metrics.ts";
import type {
  GitalyClient,
  PackCallContext,
  PackRequest,
} from "../../../src/gitaly/pack_request.ts";
import { countGitalyCalls } from "../../../src/ssh/counted_gitaly.ts";
import { ServerMetrics } from "../../../src/ssh/server_metrics.ts";
import { MESSAGE } from "../../../src/ssh/ssh_messages.ts";
import { RawClient } from "./raw_client.ts";
import { DONE, runSsh, type SshFixture, startFixture } from "./ssh_fixture.ts";

/** Values by name and labels, without those that are 0. */
function valuesOf({ registry }: ServerMetrics): Record<string, string> {
  const lines = formatMetrics(registry.families()).split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(/ (?=[^ ]+$)/));
  return Object.fromEntries(lines.filter(([, value]) => value !== "0"));
}

const NAMES = [
  ["gitlab_shell_sshd_in_flight_connections", "gauge"],
  ["gitlab_shell_sshd_concurrent_limited_sessions_total", "counter"],
  ["gitlab_shell_sshd_session_duration_seconds", "histogram", 5, 30, 60],
  [
    "gitlab_shell_sshd_session_established_duration_seconds",
    "histogram",
    0.5,
    1,
    5,
  ],
  ["gitlab_sli:shell_sshd_sessions:total", "counter"],
  ["gitlab_sli:shell_sshd_sessions:errors_total", "counter"],
  ["gitlab_sli:shell_sshd_connections:total", "counter"],
  ["gitlab_sli:shell_sshd_connections:errors_total", "counter"],
  ["gitlab_shell_http_in_flight_requests", "gauge"],
  ["gitlab_shell_http_requests_total", "counter"],
  [
    "gitlab_shell_http_request_duration_seconds",
    "histogram",
    0.005,
    0.025,
    0.1,
    0.5,
    1,
    10,
    30,
    60,
    300,
  ],
  ["gitlab_shell_gitaly_connections_total", "counter"],
  ["lfs_http_connections_total", "counter"],
  ["lfs_ssh_connections_total", "counter"],
] as const;
for (const [name, type, ...bounds] of NAMES) {
  Deno.test(`sshd.md case 101: ${name} is a ${type} with the reference's buckets`, () => {
    const family = new ServerMetrics().registry.families()
      .find((family) => family.name === name);
    assertEquals(family?.type, type);
    for (const bound of bounds) {
      assert(family?.bounds?.includes(bound), `${bound}`);
    }
  });
}

/** Waits until the last connection has been counted. */
async function drained({ server }: SshFixture): Promise<void> {
  server.stopListening();
  await server.drained();
}

Deno.test("sshd.md case 102: a session that works", async () => {
  await using fixture = await startFixture({
    handle: () => Promise.resolve({ ...DONE, establishedMs: 1 }),
  });
  assertEquals((await runSsh(fixture, ["x"])).code, 0);
  await drained(fixture);
  const values = valuesOf(fixture.metrics);
  assertEquals(values["gitlab_sli:shell_sshd_sessions:total"], "1");
  assertEquals(values["gitlab_sli:shell_sshd_connections:total"], "1");
  assertEquals(
    values["gitlab_sli:shell_sshd_sessions:errors_total"],
    undefined,
  );
  assertEquals(
    values["gitlab_shell_sshd_session_duration_seconds_count"],
    "1",
  );
  assertEquals(
    values["gitlab_shell_sshd_session_established_duration_seconds_count"],
    "1",
  );
  assertEquals(values["gitlab_shell_sshd_in_flight_connections"], undefined);
  assert(Number(values["gitlab_shell_sshd_sent_bytes_total"]) > 1_000);
  assert(
    Object.keys(values).some((name) =>
      name.startsWith("gitlab_shell_sshd_handshakes_total{cipher=")
    ),
  );
});

Deno.test("sshd.md case 102: a session that fails through us", async () => {
  await using fixture = await startFixture({
    handle: () => Promise.resolve({ exitStatus: 1, fault: "broken" }),
  });
  await runSsh(fixture, ["x"]);
  await drained(fixture);
  const values = valuesOf(fixture.metrics);
  assertEquals(values["gitlab_sli:shell_sshd_sessions:errors_total"], "1");
  assertEquals(values["gitlab_sli:shell_sshd_connections:errors_total"], "1");
});

const LOOKUPS = [
  ["a fault of GitLab", "system", "server", "1"],
  ["a refusal", "policy", "client", undefined],
] as const;
for (const [what, kind, blame, errors] of LOOKUPS) {
  Deno.test(`sshd.md cases 54, 102: a login that ends with ${what}`, async () => {
    await using fixture = await startFixture({
      authorizedKey: () =>
        Promise.reject(new ApiError("no", { status: 0, kind })),
    });
    await runSsh(fixture, ["x"]);
    await drained(fixture);
    const values = valuesOf(fixture.metrics);
    assertEquals(values["gitlab_sli:shell_sshd_connections:total"], "1");
    assertEquals(
      values["gitlab_sli:shell_sshd_connections:errors_total"],
      errors,
    );
    assertEquals(
      values[`gitlab_shell_sshd_refused_logins_total{blame="${blame}"}`],
      "1",
    );
  });
}

Deno.test("sshd.md case 103: a port scan is no connection for the service level", async () => {
  await using fixture = await startFixture();
  (await Deno.connect({ hostname: "127.0.0.1", port: fixture.port })).close();
  await fixture.logged("access: finish");
  await drained(fixture);
  assertEquals(
    valuesOf(fixture.metrics)["gitlab_sli:shell_sshd_connections:total"],
    undefined,
  );
});

Deno.test("sshd.md case 86: sessions above the limit are counted", async () => {
  await using fixture = await startFixture({
    sshd: { concurrentSessionsLimit: 1 },
  });
  await using client = await RawClient.login(fixture);
  await client.openSession();
  const reply = await client.openChannel({ id: 1 });
  assertEquals(reply[0], MESSAGE.channelOpenFailure);
  assertEquals(
    valuesOf(
      fixture.metrics,
    )["gitlab_shell_sshd_concurrent_limited_sessions_total"],
    "1",
  );
});

Deno.test("connections that are turned away are counted by setting", async () => {
  await using fixture = await startFixture({ sshd: { maxStartups: "1" } });
  using _silent = await Deno.connect({
    hostname: "127.0.0.1",
    port: fixture.port,
  });
  while (fixture.server.connectionCount < 1) {
    await new Promise((next) => setTimeout(next, 5));
  }
  await runSsh(fixture, ["x"]);
  const values = valuesOf(fixture.metrics);
  assertEquals(
    values[
      'gitlab_shell_sshd_refused_connections_total{reason="max_startups"}'
    ],
    "1",
  );
  assertEquals(values["gitlab_shell_sshd_unauthenticated_connections"], "1");
});

Deno.test("countGitalyCalls() counts calls by how they end", async () => {
  const metrics = new ServerMetrics();
  const client = (run: GitalyClient["runPack"]): GitalyClient => ({
    checkEndpoint: () => {},
    runPack: run,
    close: () => {},
  });
  const ask = (run: GitalyClient["runPack"]) =>
    countGitalyCalls(client(run), metrics).runPack(
      { address: "", token: "" },
      { service: "upload-pack" } as PackRequest,
      {} as PackCallContext,
    ).catch(() => {});
  await ask((_endpoint, _request, context) => {
    context.onConnected?.();
    context.onConnected?.();
    return Promise.resolve({ exitStatus: 0, packfileStatistics: undefined });
  });
  await ask(() => Promise.reject(new GitalyError(14, "gone")));
  const labels =
    'grpc_method="SSHUploadPackWithSidechannel",grpc_service="gitaly.SSHService",grpc_type="unary"';
  const values = valuesOf(metrics);
  assertEquals(
    values['gitlab_shell_gitaly_connections_total{status="ok"}'],
    "1",
  );
  assertEquals(
    values['gitlab_shell_gitaly_connections_total{status="fail"}'],
    "1",
  );
  assertEquals(values[`grpc_client_started_total{${labels}}`], "2");
  assertEquals(
    values[`grpc_client_handled_total{grpc_code="Unavailable",${labels}}`],
    "1",
  );
});
