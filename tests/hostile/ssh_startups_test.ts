/**
 * The attacks: connections that never log in, in great number; an address that
 * fails again and again; and the attempt to have a balancer shut out for what
 * one of its clients does.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { encodeGoodbye } from "../../src/ssh/goodbye.ts";
import { startBalancer } from "../support/balancer.ts";
import { makeProxyV2 } from "../support/proxy_headers.ts";
import { keygen, runSsh, startFixture } from "../unit/ssh/ssh_fixture.ts";

const OVERLOADED =
  "GitLab is currently unable to handle this request due to load.";

/** Opens connections that say nothing. */
function openSilent(port: number, count: number): Promise<Deno.TcpConn[]> {
  const hostname = "127.0.0.1";
  return Promise.all(
    Array.from({ length: count }, () => Deno.connect({ hostname, port })),
  );
}

/** What a connection that never says anything hears. */
async function hear(port: number): Promise<Uint8Array> {
  using tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  const chunks: number[] = [];
  const target = new Uint8Array(1_000);
  for (;;) {
    const count = await tcp.read(target).catch(() => null);
    if (count === null) return Uint8Array.from(chunks);
    chunks.push(...target.subarray(0, count));
  }
}

Deno.test("connections above the bound are told why, and those that are in log in", async () => {
  await using fixture = await startFixture({ sshd: { maxStartups: "20" } });
  const silent = await openSilent(fixture.port, 20);
  // The server takes them in the order in which they came.
  const refused = await runSsh(fixture, ["x"]);
  assertEquals(refused.code, 255);
  assertStringIncludes(refused.stderr, OVERLOADED);
  assertEquals(
    await hear(fixture.port),
    encodeGoodbye("GitLab-SSHD", OVERLOADED),
  );
  assertEquals(fixture.server.connectionCount, 20);
  silent.pop()?.close();
  await fixture.logged("access: finish");
  assertEquals((await runSsh(fixture, ["x"])).code, 0);
  for (const tcp of silent) tcp.close();
});

Deno.test("those who have logged in do not count", async () => {
  await using fixture = await startFixture({ sshd: { maxStartups: "1" } });
  for (let round = 0; round < 3; round++) {
    assertEquals((await runSsh(fixture, ["x"])).code, 0);
    await fixture.logged("access: finish", round + 1);
  }
});

Deno.test("one source does not take the places of the others", async () => {
  await using fixture = await startFixture({
    sshd: { perSourceMaxStartups: 3, proxyProtocol: true },
  });
  const silent = await openSilent(fixture.port, 3);
  await using balancer = startBalancer(fixture.port, makeProxyV2());
  const { folder } = fixture;
  // Silent ones are told apart once their time for a header is over.
  while (fixture.server.connectionCount < 3) {
    await new Promise((next) => setTimeout(next, 10));
  }
  assertStringIncludes((await runSsh(fixture, ["x"])).stderr, "your address");
  assertEquals((await runSsh({ folder, port: balancer.port }, ["x"])).code, 0);
  for (const tcp of silent) tcp.close();
});

Deno.test("an address that fails is shut out, but never the balancer that it comes through", async () => {
  await using fixture = await startFixture({
    sshd: { perSourcePenalties: "authfail:20", proxyProtocol: true },
  });
  const { folder } = fixture;
  await keygen(`${folder}/user_stranger`, ["-t", "ed25519"])
    .catch(() => {});
  await using bad = startBalancer(fixture.port, makeProxyV2());
  await using good = startBalancer(
    fixture.port,
    makeProxyV2({
      payload: Uint8Array.of(10, 1, 1, 2, 10, 2, 2, 2, 3, 232, 0, 22),
    }),
  );
  const stranger = {
    options: ["-i", `${folder}/user_stranger`, "-o", "IdentitiesOnly=yes"],
  };
  const asStranger = { folder: `${folder}/none`, port: bad.port };
  assertStringIncludes(
    (await runSsh(asStranger, ["x"], stranger)).stderr,
    "Permission denied",
  );
  await fixture.logged("penalty: source is shut out");
  const shutOut = await runSsh({ folder, port: bad.port }, ["x"]);
  assertStringIncludes(shutOut.stderr, "too many failed logins");
  assertEquals((await runSsh({ folder, port: good.port }, ["x"])).code, 0);
  // Not even one that says nothing about its client this time.
  assertEquals((await runSsh(fixture, ["x"])).code, 0);
});

Deno.test("a silent address is shut out when its time is over", async () => {
  await using fixture = await startFixture({
    sshd: { perSourcePenalties: "grace-exceeded:20" },
    limits: { identMs: 50 },
  });
  assert((await hear(fixture.port)).length > 0);
  await fixture.logged("penalty: source is shut out");
  assertStringIncludes(
    (await runSsh(fixture, ["x"])).stderr,
    "too many failed logins",
  );
});

Deno.test("a look-up that fails is not held against the client", async () => {
  await using fixture = await startFixture({
    sshd: { perSourcePenalties: "authfail:20 noauth:20" },
    authorizedKey: async () => {
      const { ApiError } = await import("../../src/core/errors.ts");
      throw new ApiError("Internal API unreachable", {
        status: 0,
        kind: "system",
      });
    },
  });
  for (let round = 0; round < 2; round++) {
    const { stderr } = await runSsh(fixture, ["x"]);
    assertStringIncludes(stderr, "Permission denied");
    await fixture.logged("login not possible", round + 1);
  }
});

Deno.test("two thousand refusals leave nothing behind", async () => {
  await using fixture = await startFixture({ sshd: { maxStartups: "1" } });
  const [silent] = await openSilent(fixture.port, 1);
  const before = Deno.memoryUsage().heapUsed;
  for (let round = 0; round < 100; round++) {
    await Promise.all(Array.from({ length: 20 }, () => hear(fixture.port)));
  }
  assert(Deno.memoryUsage().heapUsed - before < 32 * 1024 * 1024);
  assertEquals(fixture.server.connectionCount, 1);
  assert(fixture.records.length < 20);
  silent?.close();
});
