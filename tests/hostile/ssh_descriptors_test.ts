/**
 * The attack: more connections than the process may have descriptors. The
 * reference tries to accept without pause and fills its log; here it waits,
 * and serves again as soon as it can.
 */
import { assert, assertEquals } from "@std/assert";
import { json, openScriptedApi } from "../support/scripted_api.ts";
import { configOf, RunningSshd } from "../support/sshd_process.ts";
import { makeTempDir } from "../support/temp_dir.ts";
import { keygen, runSsh } from "../unit/ssh/ssh_fixture.ts";

const DESCRIPTORS = 64;

Deno.test("without descriptors the server waits, and then serves again", async () => {
  using keys = makeTempDir();
  for (const name of ["host", "user_ed25519"]) {
    await keygen(`${keys.path}/${name}`, ["-t", "ed25519"]);
  }
  await using api = openScriptedApi([
    json(200, { id: 1, key: "x", username: "test-user", name: "Test" }),
  ]);
  await using server = await RunningSshd.start(
    configOf({ hostKey: `${keys.path}/host`, gitlabUrl: api.url }),
    {},
    { descriptors: DESCRIPTORS },
  );
  const { port } = server;
  const open = await Promise.all(
    Array.from(
      { length: 2 * DESCRIPTORS },
      () => Deno.connect({ hostname: "127.0.0.1", port }),
    ),
  );
  await server.logged("Failed to accept connection");
  const before = server.cpuTicks();
  const startMs = performance.now();
  await new Promise((next) => setTimeout(next, 1_500));
  const busy = (server.cpuTicks() - before) * 10 /
    (performance.now() - startMs);
  assert(busy < 0.5, `${busy} of a processor`);
  const failures = server.records.filter(({ msg }) =>
    msg === "Failed to accept connection"
  );
  assert(failures.length < 30, `${failures.length} records`);
  for (const tcp of open) tcp.close();
  // Whoever waited in the system's queue is served first, and is gone.
  const { stdout } = await runSsh({ folder: keys.path, port }, []);
  assertEquals(stdout, "Welcome to GitLab, @test-user!\n");
});
