/**
 * The calls about an account, LFS and audit events through the client: which
 * requests go out, and what becomes of every kind of answer.
 */
import { assert, assertEquals } from "@std/assert";
import type { Identity } from "../../../src/api/access.ts";
import type { ApiClient } from "../../../src/api/client.ts";
import { Deadline } from "../../../src/core/deadline.ts";
import {
  assertFails,
  KEY,
  makeApiHarness,
  MIRA,
  serveApi,
} from "../../support/api_harness.ts";
import {
  json,
  openScriptedApi,
  raw,
  type ScriptedAnswer,
  stall,
  whole,
} from "../../support/scripted_api.ts";

const BY_NAME: Identity = { kind: "username", username: "mira" };
const NOBODY: Identity = { kind: "none" };
const YES = json(200, { success: true });
const WISH = { name: "t", scopes: ["api"], expiresAt: "2031-02-03" };
const LFS = {
  operation: "upload",
  project: "tanuki/reef.git",
  access: { glId: "user-5", cellAddress: "" },
} as const;
const AUDIT = {
  action: "git-receive-pack",
  glRepository: "project-88",
  glUsername: "mira",
  glKeyId: 4711,
  packfile: undefined,
  remoteAddress: "",
  namespacePath: "",
} as const;

type Call = (
  client: ApiClient,
  identity: Identity,
  signal?: AbortSignal,
) => Promise<unknown>;

const ACCOUNT_CALLS: readonly (readonly [
  path: string,
  call: Call,
  members: string,
])[] = [
  ["/two_factor_recovery_codes", (c, i, s) => c.recoveryCodes(i, s), ""],
  [
    "/two_factor_manual_otp_check",
    (c, i, s) => c.checkOtp(i, "123456", s),
    ',"otp_attempt":"123456"',
  ],
  ["/two_factor_push_otp_check", (c, i, s) => c.checkPush(i, s), ""],
  [
    "/personal_access_token",
    (c, identity, s) => c.createToken({ ...WISH, identity }, s),
    ',"name":"t","scopes":["api"],"expires_at":"2031-02-03"',
  ],
];
const ALL_CALLS: readonly (readonly [path: string, call: Call])[] = [
  ...ACCOUNT_CALLS.map(([path, call]) => [path, call] as const),
  [
    "/lfs_authenticate",
    (client, identity, signal) =>
      client.authenticateLfs({ ...LFS, identity }, signal),
  ],
];

for (const [path, call, members] of ACCOUNT_CALLS) {
  Deno.test(`internal-api.md 4.7: ${path} of a key is one request`, async () => {
    await using served = serveApi([YES]);
    await call(served.client, KEY);
    assertEquals(
      served.api.attempts.map(({ method, target, body }) => [
        method,
        target,
        body,
      ]),
      [["POST", `/api/v4/internal${path}`, `{"key_id":"4711"${members}}`]],
    );
  });

  Deno.test(`internal-api.md case 91: ${path} of a user name asks who that is`, async () => {
    await using served = serveApi([MIRA, YES]);
    await call(served.client, BY_NAME);
    assertEquals(
      served.api.attempts.map(({ target, body }) => [target, body]),
      [
        ["/api/v4/internal/discover?username=mira", ""],
        [`/api/v4/internal${path}`, `{"user_id":5${members}}`],
      ],
    );
  });

  Deno.test(`internal-api.md case 92: ${path} of nobody is asked all the same`, async () => {
    await using served = serveApi([json(200, null), YES]);
    await call(served.client, BY_NAME);
    const { body } = served.api.seen(1);
    assertEquals(body, members === "" ? "{}" : `{${members.slice(1)}}`);
  });

  Deno.test(`internal-api.md 4.7: ${path} fails as /discover fails`, async () => {
    await using served = serveApi([json(403, { message: "Forbidden!" })]);
    await assertFails(
      call(served.client, BY_NAME),
      "Forbidden!",
      403,
      "policy",
    );
    assertEquals(served.api.attempts.length, 1);
  });

  Deno.test(`shell.md cases 101, 109 and 125: ${path} without identity sends nothing`, async () => {
    await using served = serveApi([YES]);
    await assertFails(call(served.client, NOBODY), "who='' is invalid");
    assertEquals(served.api.connections, 0);
  });

  Deno.test(`internal-api.md case 93: ${path} may say no, with or without a text`, async () => {
    await using served = serveApi([
      json(200, { success: false, message: "missing user" }),
      json(200, {}),
    ]);
    await assertFails(call(served.client, KEY), "missing user");
    await assertFails(call(served.client, KEY), "");
  });
}

const FAILURES: readonly (readonly [
  name: string,
  answer: ScriptedAnswer,
  text: string,
  status?: number,
  kind?: "policy" | "system",
])[] = [
  ["a refusal", json(403, { message: "No!" }), "No!", 403, "policy"],
  ["a fault with a text", json(501, { message: "No!" }), "No!", 501, "system"],
  [
    "an error page",
    whole(404, "<html>"),
    "Internal API error (404)",
    404,
    "policy",
  ],
  ["an empty page", whole(200, ""), "parsing failed"],
  ["a page", whole(200, "<html></html>"), "parsing failed"],
  ["a list", json(200, []), "parsing failed"],
  [
    "a body that breaks off",
    raw('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"success":true}'),
    "parsing failed",
  ],
  [
    "a redirect",
    whole(302, "", { Location: "http://x/" }),
    'Internal API returned redirect (302) to "http://x/"',
    302,
    "system",
  ],
];
for (const [path, call] of ALL_CALLS) {
  for (const [name, answer, text, status, kind] of FAILURES) {
    Deno.test(`internal-api.md 3.2: ${path} is answered with ${name}`, async () => {
      await using served = serveApi([answer]);
      await assertFails(call(served.client, KEY), text, status, kind);
      assertEquals(served.api.attempts.length, 1);
    });
  }

  Deno.test(`internal-api.md 3.2: ${path} is tried three times while it fails`, async () => {
    await using served = serveApi([
      whole(500, '{"message":"x"}'),
      whole(502, "<html>"),
      raw(),
    ]);
    await assertFails(
      call(served.client, KEY),
      "Internal API unreachable",
      0,
      "system",
    );
    assertEquals(served.api.connections, 3);
    assertEquals(served.clock.sleepsMs, [1_000, 2_000]);
  });

  Deno.test(`internal-api.md case 55: ${path} that never answers is given up`, async () => {
    await using served = serveApi([stall()], { readTimeoutMs: 50 });
    await assertFails(
      call(served.client, KEY),
      "Internal API unreachable",
      0,
      "system",
    );
    assertEquals(served.api.connections, 3);
  });

  Deno.test(`${path} ends at once when nobody waits for it`, async () => {
    await using served = serveApi([stall()]);
    using deadline = new Deadline(20);
    await assertFails(
      call(served.client, KEY, deadline.signal),
      "Internal API unreachable",
      0,
      "system",
    );
    assertEquals(served.api.connections, 1);
  });
}

Deno.test("internal-api.md case 135: a token whose answer is lost is asked for again, in the same words", async () => {
  const created = { success: true, token: "t2", scopes: ["api"] };
  await using served = serveApi([raw(), json(200, created)]);
  const { token } = await served.client.createToken({
    ...WISH,
    identity: KEY,
  });
  assertEquals(token, "t2");
  const [first, second] = [served.api.seen(0), served.api.seen(1)];
  assertEquals(first.body, second.body);
  assertEquals(first.headerLines, second.headerLines);
});

Deno.test("internal-api.md 4.4 and 4.7: a Kerberos session is looked up by its principal", async () => {
  await using served = serveApi([MIRA, YES]);
  const identity = { kind: "kerberos", principal: "mira@REEF" } as const;
  await served.client.checkOtp(identity, "1");
  assertEquals(
    served.api.seen(0).target,
    "/api/v4/internal/discover?krb5principal=mira%40REEF",
  );
  assertEquals(served.api.seen(1).body, '{"user_id":5,"otp_attempt":"1"}');
});

Deno.test("shell.md case 90: checkBase() tells a URL that means nothing, and dials nothing", async () => {
  const { client } = makeApiHarness({ gitlabUrl: "ftp://x" });
  await assertFails(
    Promise.try(() => client.checkBase()),
    "error creating http client: unknown GitLab URL prefix",
  );
  await using served = serveApi([YES]);
  served.client.checkBase();
  assertEquals(served.api.connections, 0);
});

Deno.test("internal-api.md case 127: LFS is asked of the cell that allowed it", async () => {
  await using cell = openScriptedApi([json(200, { username: "mira" })]);
  await using served = serveApi([YES], { gitlabRelativeUrlRoot: "/gitlab" });
  const access = { glId: "user-5", cellAddress: cell.url };
  const answer = await served.client.authenticateLfs({
    ...LFS,
    identity: KEY,
    access,
  });
  assertEquals(answer.username, "mira");
  assertEquals(served.api.connections, 0);
  assertEquals(cell.seen(0).target, "/api/v4/internal/lfs_authenticate");
});

Deno.test("internal-api.md 4.3: an audit event counts whatever the body says", async () => {
  for (const answer of [whole(200, "<html>"), whole(204, ""), whole(304, "")]) {
    await using served = serveApi([answer]);
    await served.client.reportGitAudit(AUDIT, { command: "git-receive-pack" });
    const attempt = served.api.seen(0);
    assertEquals(
      attempt.target,
      "/api/v4/internal/shellhorse/git_audit_event",
    );
    assert(attempt.body.includes('"key_id":4711,"changes"'));
  }
});

Deno.test("shell.md 6.4: records of an audit event carry its fields, before the method", async () => {
  await using served = serveApi([whole(500, ""), whole(404, ""), raw()]);
  const fields = { gl_repository: "project-88", command: "git-receive-pack" };
  await assertFails(
    served.client.reportGitAudit(AUDIT, fields),
    "Internal API error (404)",
    404,
    "policy",
  );
  for (const record of served.records) {
    assertEquals(Object.keys(record).slice(2, 5), [
      "gl_repository",
      "command",
      "method",
    ]);
  }
  assertEquals(served.records.length, 2);
});
