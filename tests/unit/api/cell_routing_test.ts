import { assertEquals } from "@std/assert";
import type { Identity } from "../../../src/api/access.ts";
import type { CellClaim } from "../../../src/api/cell_claim.ts";
import type { CellRoutes } from "../../../src/api/cell_routing.ts";
import {
  KEY,
  makeApiHarness,
  MIRA,
  QUESTION,
  serveApi,
} from "../../support/api_harness.ts";
import {
  headerValues,
  json,
  openScriptedApi,
} from "../../support/scripted_api.ts";
import { makeTempDir } from "../../support/temp_dir.ts";

const TESTDATA = new URL("../../testdata/tls/", import.meta.url);
const read = (name: string) => Deno.readTextFileSync(new URL(name, TESTDATA));
const ALLOWED = json(200, { status: true, gl_id: "user-5" });
const JANE = { kind: "username", username: "jane" } as const;

/** Sends everything to `url` and keeps the claims. */
function routesTo(url: string): CellRoutes & { claims: CellClaim[] } {
  const claims: CellClaim[] = [];
  return {
    claims,
    route(claim) {
      claims.push(claim);
      return Promise.resolve(
        url === "" ? undefined : { url, socketPath: undefined },
      );
    },
  };
}

Deno.test("internal-api.md cases 115, 120: the access check goes to the cell, unchanged", async () => {
  await using cell = openScriptedApi([ALLOWED]);
  const cells = routesTo(cell.url);
  await using plain = serveApi([ALLOWED], { cells });
  const answer = await plain.client.allowed({
    ...QUESTION,
    project: "group/sub/p.git",
  });
  assertEquals(answer.cellAddress, cell.url);
  assertEquals(cells.claims, [{ route: "group" }]);
  assertEquals(plain.api.attempts, []);
  const { target, headerLines, body } = cell.seen(0);
  assertEquals(target, "/api/v4/internal/allowed");
  assertEquals(JSON.parse(body).project, "group/sub/p.git");
  assertEquals(headerValues(cell.seen(0), "Host"), [
    cell.url.slice("http://".length),
  ]);
  assertEquals(
    headerLines.some((line) => line.startsWith("Gitlab-Shell-Api-Request:")),
    true,
  );
});

Deno.test("internal-api.md case 117: without a cell the call goes where it went", async () => {
  const cells = routesTo("");
  await using plain = serveApi([ALLOWED], { cells });
  const answer = await plain.client.allowed(QUESTION);
  assertEquals(answer.cellAddress, "");
  assertEquals(cells.claims, [{ route: "tanuki" }]);
  assertEquals(plain.api.attempts.length, 1);
});

Deno.test("a project without namespace is not looked up", async () => {
  const cells = routesTo("http://127.0.0.1:1");
  await using plain = serveApi([ALLOWED], { cells });
  await plain.client.allowed({ ...QUESTION, project: ".git" });
  assertEquals(cells.claims, []);
});

const DISCOVERS: readonly (readonly [string, Identity, CellClaim[]])[] = [
  ["internal-api.md case 121: a key", KEY, []],
  ["internal-api.md case 122: a user name", JANE, [{ username: "jane" }]],
  ["a principal", { kind: "kerberos", principal: "jane@X" }, []],
];
for (const [name, identity, claims] of DISCOVERS) {
  Deno.test(`${name} and discover`, async () => {
    await using cell = openScriptedApi([MIRA]);
    const cells = routesTo(cell.url);
    await using plain = serveApi([MIRA], { cells });
    await plain.client.discover(identity);
    assertEquals(cells.claims, claims);
    assertEquals(cell.attempts.length, claims.length);
    assertEquals(plain.api.attempts.length, 1 - claims.length);
  });
}

Deno.test("internal-api.md 6.5: recovery codes of a user name are two look-ups", async () => {
  await using cell = openScriptedApi([
    MIRA,
    json(200, { success: true, recovery_codes: ["a"] }),
  ]);
  const cells = routesTo(cell.url);
  await using plain = serveApi([MIRA], { cells });
  assertEquals(await plain.client.recoveryCodes(JANE), ["a"]);
  assertEquals(cells.claims, [{ username: "jane" }, { username: "jane" }]);
  assertEquals(
    cell.attempts.map(({ target }) => target),
    [
      "/api/v4/internal/discover",
      "/api/v4/internal/two_factor_recovery_codes",
    ].map((path, index) => index === 0 ? `${path}?username=jane` : path),
  );
  assertEquals(plain.api.attempts, []);
});

Deno.test("internal-api.md 6.3: the other calls of an account follow its owner", async () => {
  await using cell = openScriptedApi([
    MIRA,
    json(200, { success: true, token: "t", scopes: [], expires_at: null }),
    MIRA,
    json(200, { success: true }),
    MIRA,
    json(200, { success: true }),
  ]);
  const cells = routesTo(cell.url);
  await using plain = serveApi([MIRA], { cells });
  await plain.client.createToken({
    identity: JANE,
    name: "n",
    scopes: [],
    expiresAt: "2031-01-01",
  });
  await plain.client.checkOtp(JANE, "123456");
  await plain.client.checkPush(JANE);
  assertEquals(cells.claims.length, 6);
  assertEquals(cell.attempts.length, 6);
  assertEquals(plain.api.attempts, []);
});

Deno.test("internal-api.md cases 123, 124: a key look-up follows the key", async () => {
  await using cell = openScriptedApi([json(200, { id: 7, key: "k" })]);
  const cells = routesTo(cell.url);
  await using plain = serveApi([MIRA], { cells });
  const blob = new TextEncoder().encode("some key").toBase64();
  assertEquals(blob.endsWith("="), true);
  assertEquals((await plain.client.authorizedKey(blob)).id, 7);
  const [claim] = cells.claims;
  const fingerprint = claim && "sshKeyFingerprint" in claim
    ? claim.sshKeyFingerprint
    : "";
  assertEquals(fingerprint.length, 43);
  assertEquals(plain.api.attempts, []);
});

Deno.test("internal-api.md 6.3: a certificate follows the key that has signed it", async () => {
  await using cell = openScriptedApi([
    json(200, { success: true, username: "jane", namespace: "group" }),
  ]);
  const cells = routesTo(cell.url);
  await using plain = serveApi([MIRA], { cells });
  await plain.client.authorizedCertificate({
    authority: "f".repeat(43),
    identifier: "jane@x",
  });
  assertEquals(cells.claims, [{ sshKeyFingerprint: "f".repeat(43) }]);
  assertEquals(plain.api.attempts, []);
});

Deno.test("internal-api.md 6.3: what is no key is not looked up", async () => {
  const cells = routesTo("http://127.0.0.1:1");
  await using plain = serveApi([json(200, { id: 7, key: "k" })], { cells });
  await plain.client.authorizedKey("no base64!");
  assertEquals(cells.claims, []);
  assertEquals(plain.records[0], {
    level: "DEBUG",
    msg: "authorizedkeys: could not compute SSH key fingerprint for " +
      "topology routing, falling back to default host",
    error_message: "Key is not base64",
  });
});

Deno.test("internal-api.md 6.3: the health check is never routed", async () => {
  const cells = routesTo("http://127.0.0.1:1");
  await using plain = serveApi([json(200, { redis: true })], { cells });
  await plain.client.check();
  assertEquals(cells.claims, []);
});

Deno.test("internal-api.md case 127: LFS follows the access check, without a look-up", async () => {
  await using cell = openScriptedApi([ALLOWED, json(200, { lfs_token: "t" })]);
  const cells = routesTo(cell.url);
  await using plain = serveApi([MIRA], { cells });
  const access = await plain.client.allowed(QUESTION);
  await plain.client.authenticateLfs({
    operation: "download",
    project: QUESTION.project,
    identity: KEY,
    access,
  });
  assertEquals(cells.claims.length, 1);
  assertEquals(cell.attempts.map(({ target }) => target), [
    "/api/v4/internal/allowed",
    "/api/v4/internal/lfs_authenticate",
  ]);
  assertEquals(plain.api.attempts, []);
});

Deno.test("internal-api.md 6.4: a cell is dialled although the default is a socket", async () => {
  using folder = makeTempDir();
  await using cell = openScriptedApi([ALLOWED]);
  const harness = makeApiHarness({
    gitlabUrl: `http+unix://${folder.path}/nobody.sock`,
    cells: routesTo(cell.url),
  });
  await harness.client.allowed(QUESTION);
  assertEquals(cell.attempts.length, 1);
});

Deno.test("internal-api.md 6.4: ca_file counts for a cell, whatever the default speaks", async () => {
  const cert = read("localhost.pem");
  const key = read("localhost.key");
  await using cell = openScriptedApi([ALLOWED], { kind: "tls", cert, key });
  const harness = makeApiHarness({
    gitlabUrl: "http://127.0.0.1:1",
    caFile: new URL("ca.pem", TESTDATA).pathname,
    env: { SSL_CERT_DIR: "/nonexistent" },
    cells: routesTo(cell.url),
  });
  await harness.client.allowed(QUESTION);
  assertEquals(cell.attempts.length, 1);
});
