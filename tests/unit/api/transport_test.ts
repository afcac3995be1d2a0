import { assert, assertEquals } from "@std/assert";
import { ApiError } from "../../../src/core/errors.ts";
import { ApiTransport } from "../../../src/api/transport.ts";
import { Secret } from "../../../src/core/secret.ts";
import {
  assertFails,
  failureOf,
  KEY,
  makeApiHarness,
  MIRA,
  QUESTION,
  serveApi,
} from "../../support/api_harness.ts";
import { headerValues } from "../../support/scripted_api.ts";

Deno.test("internal-api.md cases 4, 5 and 6: a Unix socket, with and without a root", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/api socket%2F.sock`;
  try {
    await using served = serveApi([MIRA], {}, { kind: "unix", path });
    for (const root of ["", "/", "/gitlab/"]) {
      const { client } = makeApiHarness({
        gitlabUrl: served.api.url,
        gitlabRelativeUrlRoot: root,
      });
      await client.discover(KEY);
    }
    assertEquals(served.api.attempts.map((seen) => seen.target), [
      "/api/v4/internal/discover?key_id=4711",
      "/api/v4/internal/discover?key_id=4711",
      "/gitlab/api/v4/internal/discover?key_id=4711",
    ]);
    for (const attempt of served.api.attempts) {
      assertEquals(headerValues(attempt, "Host"), ["unix"]);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("internal-api.md cases 2 and 3: paths of the URL are kept, one slash apart", async () => {
  await using served = serveApi([MIRA]);
  for (const suffix of ["", "/", "/gitlab", "/gitlab/"]) {
    const { client } = makeApiHarness({
      gitlabUrl: served.api.url + suffix,
      gitlabRelativeUrlRoot: "/ignored",
    });
    await client.check().catch(() => {});
  }
  assertEquals(served.api.attempts.map((seen) => seen.target), [
    "/api/v4/internal/check",
    "/api/v4/internal/check",
    "/gitlab/api/v4/internal/check",
    "/gitlab/api/v4/internal/check",
  ]);
});

for (const gitlabUrl of ["ftp://h", "HTTP://h", ""]) {
  Deno.test(`internal-api.md case 8: no client for ${JSON.stringify(gitlabUrl)}`, async () => {
    const { client, records } = makeApiHarness({ gitlabUrl });
    const text = "error creating http client: unknown GitLab URL prefix";
    const first = await failureOf(client.allowed(QUESTION));
    assertEquals(first.message, text);
    assert(!(first instanceof ApiError));
    // Made once and kept: the same error, not another like it.
    assertEquals(await failureOf(client.discover(KEY)) === first, true);
    assertEquals(records, []);
  });
}

Deno.test("internal-api.md case 16: proxies of the environment are not asked", async () => {
  await using proxy = serveApi([MIRA]);
  await using served = serveApi([MIRA]);
  const before = Deno.env.get("HTTP_PROXY");
  Deno.env.set("HTTP_PROXY", proxy.api.url);
  try {
    await served.client.discover(KEY);
  } finally {
    if (before === undefined) Deno.env.delete("HTTP_PROXY");
    else Deno.env.set("HTTP_PROXY", before);
  }
  assertEquals([proxy.api.connections, served.api.connections], [0, 1]);
});

Deno.test("internal-api.md 1.7: a refused connection is tried three times", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const gitlabUrl = `http://127.0.0.1:${listener.addr.port}`;
  listener.close();
  const { client, clock, records } = makeApiHarness({ gitlabUrl });
  await assertFails(
    client.discover(KEY),
    "Internal API unreachable",
    0,
    "system",
  );
  assertEquals(clock.sleepsMs, [1_000, 2_000]);
  assertEquals(records.length, 3);
});

Deno.test("internal-api.md 1.7: a socket that is not there is tried three times", async () => {
  const gitlabUrl = "http+unix:///does/not/exist.sock";
  const { client, clock } = makeApiHarness({ gitlabUrl });
  await assertFails(
    client.discover(KEY),
    "Internal API unreachable",
    0,
    "system",
  );
  assertEquals(clock.sleepsMs, [1_000, 2_000]);
});

for (
  const gitlabUrl of [
    "http:///x",
    "http://h:99999",
    "http://a b",
    "http://h/\x01",
  ]
) {
  Deno.test(`the URL ${JSON.stringify(gitlabUrl)} dials nobody`, async () => {
    const { client, records } = makeApiHarness({ gitlabUrl });
    await assertFails(
      client.discover(KEY),
      "Internal API unreachable",
      0,
      "system",
    );
    assert(records.length > 0);
  });
}

const TESTDATA = new URL("../../testdata/tls/", import.meta.url);
const pathOf = (name: string) => new URL(name, TESTDATA).pathname;
const tlsOf = (name: string) => ({
  kind: "tls" as const,
  cert: Deno.readTextFileSync(pathOf(`${name}.pem`)),
  key: Deno.readTextFileSync(pathOf(`${name}.key`)),
});
/** Leaves the machine's own roots out. */
const NO_SYSTEM_ROOTS = {
  SSL_CERT_FILE: "/does/not/exist",
  SSL_CERT_DIR: "/does/not/exist",
};

Deno.test("internal-api.md case 10: https with its root in ca_file, one connection per call", async () => {
  await using served = serveApi([MIRA], {
    caFile: pathOf("ca.pem"),
    env: NO_SYSTEM_ROOTS,
  }, tlsOf("localhost"));
  assertEquals(await served.client.discover(KEY), { id: 5, username: "mira" });
  await served.client.discover(KEY);
  assertEquals([served.api.seen(0).connection, served.api.seen(1).connection], [
    0,
    1,
  ]);
  const host = new URL(served.api.url).host;
  assertEquals(headerValues(served.api.seen(0), "Host"), [host]);
});

Deno.test("internal-api.md 1.4: https with its root named by SSL_CERT_FILE", async () => {
  const env = { ...NO_SYSTEM_ROOTS, SSL_CERT_FILE: pathOf("ca.pem") };
  await using served = serveApi([MIRA], { env }, tlsOf("localhost"));
  assertEquals((await served.client.discover(KEY)).id, 5);
});

Deno.test("internal-api.md case 13: https with its root in ca_path under any name", async () => {
  const caPath = await Deno.makeTempDir();
  try {
    await Deno.copyFile(pathOf("ca.pem"), `${caPath}/ca.txt`);
    await Deno.writeTextFile(`${caPath}/rubbish.pem`, "rubbish");
    const options = { caPath, env: NO_SYSTEM_ROOTS };
    await using served = serveApi([MIRA], options, tlsOf("localhost"));
    assertEquals((await served.client.discover(KEY)).id, 5);
  } finally {
    await Deno.remove(caPath, { recursive: true });
  }
});

Deno.test("a certificate that openssl req -x509 made, given as ca_file, is trusted", async () => {
  await using served = serveApi([MIRA], {
    caFile: pathOf("self_signed_authority.pem"),
    env: NO_SYSTEM_ROOTS,
  }, tlsOf("self_signed_authority"));
  assertEquals((await served.client.discover(KEY)).id, 5);
});

Deno.test("internal-api.md case 11: a ca_file that does not exist is told", async () => {
  await using served = serveApi(
    [MIRA],
    { caFile: "/does/not/exist.pem" },
    tlsOf("localhost"),
  );
  await assertFails(
    served.client.discover(KEY),
    "error creating http client: cannot find cafile '/does/not/exist.pem': cafile not found",
  );
  assertEquals(served.api.connections, 0);
});

Deno.test("internal-api.md 1.4: without https nobody asks for ca_file", async () => {
  await using served = serveApi([MIRA], { caFile: "/does/not/exist.pem" });
  assertEquals((await served.client.discover(KEY)).id, 5);
});

const DISTRUSTED:
  readonly (readonly [name: string, certificate: string, caFile: string])[] = [
    ["case 12: a ca_file of rubbish", "localhost", pathOf("README.md")],
    ["case 14: an untrusted certificate", "localhost", ""],
    ["case 14: an untrusted authority", "self_signed_authority", ""],
    ["1.4: another host's certificate", "other_name", pathOf("ca.pem")],
    ["1.4: an expired certificate", "expired", pathOf("ca.pem")],
  ];
for (const [name, certificate, caFile] of DISTRUSTED) {
  Deno.test(`internal-api.md ${name} is one connection and unreachable`, async () => {
    const options = { caFile, env: NO_SYSTEM_ROOTS };
    await using served = serveApi([MIRA], options, tlsOf(certificate));
    await assertFails(
      served.client.discover(KEY),
      "Internal API unreachable",
      0,
      "system",
    );
    assertEquals(served.api.connections, 1);
    assertEquals(served.clock.sleepsMs, []);
    assertEquals(served.records.map(({ msg }) => msg), [
      "Internal API unreachable",
    ]);
  });
}

Deno.test("internal-api.md case 15 and 1.7: TLS that fails for another reason is tried three times", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const conn of listener) {
      await conn.read(new Uint8Array(4096));
      // Alert: fatal, protocol_version; a server that wants TLS 1.1.
      await conn.write(Uint8Array.of(0x15, 3, 2, 0, 2, 2, 70));
      conn.close();
    }
  })();
  const { client, clock } = makeApiHarness({
    gitlabUrl: `https://localhost:${listener.addr.port}`,
    env: NO_SYSTEM_ROOTS,
  });
  await assertFails(
    client.discover(KEY),
    "Internal API unreachable",
    0,
    "system",
  );
  assertEquals(clock.sleepsMs, [1_000, 2_000]);
  listener.close();
  await serving;
});

Deno.test("clients that share a transport read the roots once", async () => {
  const asked: string[] = [];
  await using served = serveApi([MIRA], {}, tlsOf("localhost"));
  const transport = new ApiTransport(
    {
      gitlabUrl: served.api.url,
      gitlabRelativeUrlRoot: "",
      http: {
        user: "",
        password: new Secret(""),
        readTimeoutMs: 5_000,
        caFile: pathOf("ca.pem"),
        caPath: "",
      },
    },
    {
      env(name) {
        asked.push(name);
        return name === "DENO_TLS_CA_STORE" ? "," : "/does/not/exist";
      },
      setEnv: () => {},
    },
  );
  assertEquals(transport.base.url, served.api.url);
  for (let count = 0; count < 2; count++) {
    const { client } = makeApiHarness({ transport });
    assertEquals((await client.discover(KEY)).id, 5);
  }
  assertEquals(asked, ["DENO_TLS_CA_STORE", "SSL_CERT_FILE", "SSL_CERT_DIR"]);
});
