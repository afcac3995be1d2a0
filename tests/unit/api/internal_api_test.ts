import { assert, assertEquals } from "@std/assert";
import type { AccessQuestion } from "../../../src/api/access.ts";
import {
  assertFails,
  failureOf,
  KEY,
  MIRA,
  QUESTION,
  serveApi,
} from "../../support/api_harness.ts";
import {
  json,
  type ScriptedAnswer,
  whole,
} from "../../support/scripted_api.ts";

const LIMIT_TEXT =
  "This endpoint has been requested too many times. Try again later.";
const LIMITED = json(429, { message: { error: LIMIT_TEXT } });

Deno.test("internal-api.md case 63: a refusal with status 200 is an answer", async () => {
  await using served = serveApi([
    json(200, {
      status: false,
      message: "missing user",
      gl_console_messages: ["a", ""],
    }),
  ]);
  const answer = await served.client.allowed(QUESTION);
  assertEquals(answer.status, false);
  assertEquals(answer.message, "missing user");
  assertEquals(answer.consoleMessages, ["a", ""]);
  assertEquals(answer.httpStatus, 200);
});

Deno.test("internal-api.md 5.1: 300 is an answer that says so", async () => {
  await using served = serveApi([
    json(300, {
      status: true,
      payload: { data: { primary_repo: "https://p/x.git" } },
    }, { Location: "ignored" }),
  ]);
  const answer = await served.client.allowed(QUESTION);
  assertEquals(answer.httpStatus, 300);
  assertEquals(answer.customAction.primaryRepo, "https://p/x.git");
});

Deno.test("internal-api.md case 50: null to /allowed is a refusal without a text", async () => {
  await using served = serveApi([json(200, null)]);
  const answer = await served.client.allowed(QUESTION);
  assertEquals([answer.status, answer.message], [false, ""]);
});

Deno.test("internal-api.md case 82: /discover may know nobody", async () => {
  await using served = serveApi([json(200, null)]);
  assertEquals(await served.client.discover(KEY), { id: 0, username: "" });
});

Deno.test("internal-api.md case 83: nobody to ask about, nothing sent", async () => {
  await using served = serveApi([MIRA]);
  await assertFails(
    served.client.discover({ kind: "none" }),
    "who='' is invalid",
  );
  assertEquals(served.api.connections, 0);
});

Deno.test("internal-api.md case 84: /discover refused", async () => {
  await using served = serveApi([json(403, { message: "x" })]);
  await assertFails(served.client.discover(KEY), "x", 403, "policy");
});

Deno.test("internal-api.md case 85: a user name is encoded as a form does", async () => {
  await using served = serveApi([MIRA]);
  await served.client.discover({ kind: "username", username: "a b&c" });
  await served.client.discover({ kind: "kerberos", principal: "m@R" });
  assertEquals(served.api.attempts.map((seen) => seen.target), [
    "/api/v4/internal/discover?username=a+b%26c",
    "/api/v4/internal/discover?krb5principal=m%40R",
  ]);
});

Deno.test("internal-api.md case 86: a key that nobody has", async () => {
  await using served = serveApi([json(404, { message: "404 Key Not Found" })]);
  await assertFails(
    served.client.authorizedKey("AAAA+/="),
    "404 Key Not Found",
    404,
    "policy",
  );
  assertEquals(
    served.api.seen(0).target,
    "/api/v4/internal/authorized_keys?key=AAAA%2B%2F%3D",
  );
});

Deno.test("internal-api.md case 88: a key that somebody has", async () => {
  await using served = serveApi([
    json(200, { id: 4711, key: "ssh-ed25519 AAAA mira@reef" }),
  ]);
  assertEquals(await served.client.authorizedKey("AAAA"), {
    id: 4711,
    key: "ssh-ed25519 AAAA mira@reef",
  });
});

for (const body of [{}, null, { id: 0, key: "k" }, { id: -1, key: "k" }]) {
  Deno.test(`internal-api.md 4.5 and 10 row 17: ${JSON.stringify(body)} is no key`, async () => {
    await using served = serveApi([json(200, body)]);
    await failureOf(served.client.authorizedKey("AAAA"));
  });
}

Deno.test("internal-api.md cases 101 to 103: /check", async () => {
  await using served = serveApi([
    json(200, { api_version: "v4", redis: true }),
    json(200, { redis: false }),
    whole(200, "boom"),
    whole(500, ""),
  ]);
  const { client, api } = served;
  assertEquals(await client.check(), { hasRedis: true });
  assertEquals(await client.check(), { hasRedis: false });
  await assertFails(client.check(), "parsing failed");
  await assertFails(client.check(), "Internal API unreachable", 0, "system");
  assertEquals(api.attempts.length, 6);
  assertEquals(api.seen(0).target, "/api/v4/internal/check");
});

Deno.test("the rate limit's own text is final and reaches the user at once (differs from internal-api.md cases 19 and 130)", async () => {
  for (const retryAfter of [undefined, "60", "2"]) {
    const headers = retryAfter === undefined
      ? {}
      : { "Retry-After": retryAfter };
    await using served = serveApi([
      json(429, { message: { error: LIMIT_TEXT } }, headers),
      json(200, { status: true }),
    ]);
    await assertFails(
      served.client.allowed(QUESTION),
      LIMIT_TEXT,
      429,
      "policy",
    );
    assertEquals(served.api.attempts.length, 1);
    assertEquals(served.clock.sleepsMs, []);
  }
});

Deno.test("the rate limit's text is looked for in answers of /allowed alone", async () => {
  await using served = serveApi([LIMITED, LIMITED, MIRA]);
  assertEquals((await served.client.discover(KEY)).id, 5);
  assertEquals(served.clock.sleepsMs, [1_000, 2_000]);
});

Deno.test("internal-api.md cases 131, 132 and 134: action and project text tell counters apart", async () => {
  const counts = new Map<string, number>();
  const limiter = (limit: number): ScriptedAnswer => (peer, attempt) => {
    const { action, project, key_id } = JSON.parse(attempt.body);
    const counter = JSON.stringify([action, project, key_id]);
    const count = (counts.get(counter) ?? 0) + 1;
    counts.set(counter, count);
    const isLimited = limit > 0 && count > limit;
    return (isLimited ? LIMITED : json(200, { status: true }))(peer, attempt);
  };
  await using served = serveApi([limiter(2)]);
  const ask = (part: Partial<AccessQuestion>) =>
    served.client.allowed({ ...QUESTION, ...part });
  for (const action of ["git-upload-pack", "git-receive-pack"] as const) {
    for (const project of ["p", "p.git"]) {
      await ask({ action, project });
      assert((await ask({ action, project })).status);
    }
  }
  await assertFails(ask({ project: "p" }), LIMIT_TEXT, 429, "policy");
  // Refused once, counted once: the third request, not the fifth.
  assertEquals(counts.get('["git-upload-pack","p","4711"]'), 3);
});

const CERTIFICATE = { authority: "W3TH/+", identifier: "mira@reef.example" };

Deno.test("internal-api.md 4.6: a certificate that GitLab knows", async () => {
  await using served = serveApi([
    json(200, { success: true, username: "mira", namespace: "tanuki" }),
  ]);
  const found = await served.client.authorizedCertificate(CERTIFICATE);
  assertEquals(found, { username: "mira", namespace: "tanuki" });
  assertEquals(
    served.api.seen(0).target,
    "/api/v4/internal/authorized_certs?key=W3TH%2F%2B&user_identifier=" +
      "mira%40reef.example",
  );
});

Deno.test("internal-api.md 4.6: an authority that nobody has", async () => {
  const message = "404 Certificate Not Found";
  await using served = serveApi([json(404, { message })]);
  await assertFails(
    served.client.authorizedCertificate(CERTIFICATE),
    message,
    404,
    "policy",
  );
});

const NO_USERS: [string, unknown][] = [
  ["Certificate has no namespace", { username: "mira" }],
  ["Certificate has no namespace", { username: "mira", namespace: null }],
  ["Certificate has no user", { namespace: "tanuki" }],
  ["Certificate has no user", {}],
  ["parsing failed", { username: 1, namespace: "tanuki" }],
  ["parsing failed", "mira"],
];
for (const [told, body] of NO_USERS) {
  Deno.test(`sshd.md Q18: ${JSON.stringify(body)} lets nobody in`, async () => {
    await using served = serveApi([json(200, body)]);
    await assertFails(served.client.authorizedCertificate(CERTIFICATE), told);
  });
}
