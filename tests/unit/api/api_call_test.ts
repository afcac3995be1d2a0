import { assert, assertEquals } from "@std/assert";
import {
  assertFails,
  KEY,
  makeApiHarness,
  MIRA,
  QUESTION,
  serveApi,
} from "../../support/api_harness.ts";
import {
  headerValues,
  json,
  raw,
  type ScriptedAnswer,
  stall,
  whole,
} from "../../support/scripted_api.ts";

Deno.test("internal-api.md cases 17 and 20, section 2.1: what goes out for a GET", async () => {
  await using served = serveApi([MIRA]);
  const { client, api } = served;
  assertEquals(await client.discover(KEY), { id: 5, username: "mira" });
  await client.discover(KEY);
  const [first, second] = [api.seen(0), api.seen(1)];
  const token = headerValues(first, "Gitlab-Shell-Api-Request");
  assertEquals(first.method, "GET");
  assertEquals(first.target, "/api/v4/internal/discover?key_id=4711");
  assertEquals(first.headerLines, [
    `Host: ${new URL(api.url).host}`,
    "User-Agent: GitLab-Shell",
    "Connection: close",
    "Content-Type: application/json",
    `Gitlab-Shell-Api-Request: ${token[0]}`,
    "X-Request-Id: 01K2XZ7Q4W8N3M5R6T9V0B1C2D",
    "Accept-Encoding: gzip",
  ]);
  assertEquals([first.connection, second.connection], [0, 1]);
});

Deno.test("internal-api.md case 59, section 2.1: what goes out for a POST", async () => {
  await using served = serveApi([json(200, { status: true })]);
  await served.client.allowed(QUESTION);
  const attempt = served.api.seen(0);
  const body =
    '{"action":"git-upload-pack","project":"tanuki/reef.git","changes":"_any","protocol":"ssh","key_id":"4711","check_ip":"192.0.2.9"}';
  assertEquals(attempt.method, "POST");
  assertEquals(attempt.target, "/api/v4/internal/allowed");
  assertEquals(attempt.body, body);
  assertEquals(attempt.headerLines.slice(1, 5), [
    "User-Agent: GitLab-Shell",
    "Connection: close",
    `Content-Length: ${body.length}`,
    "Content-Type: application/json",
  ]);
});

Deno.test("Content-Length counts bytes, not characters", async () => {
  await using served = serveApi([json(200, { status: true })]);
  await served.client.allowed({ ...QUESTION, project: "gruppe/größe" });
  const attempt = served.api.seen(0);
  const size = new TextEncoder().encode(attempt.body).length;
  assertEquals(headerValues(attempt, "Content-Length"), [String(size)]);
  assert(attempt.body.includes('"gruppe/größe"'));
});

const CREDENTIALS: readonly (readonly [
  name: string,
  user: string,
  password: string,
  inUrl: string,
  expected: string[],
])[] = [
  ["case 21: user and password", "us", "p:ä", "", [
    "Basic dXM6cDrDpA==",
  ]],
  ["case 22: user alone", "us", "", "", []],
  ["case 22: password alone", "", "pw", "", []],
  ["1.2: from the URL", "", "", "a%40b:c%3Ad@", [`Basic ${btoa("a@b:c:d")}`]],
  ["1.2: configured ones win", "us", "pw", "a:b@", [`Basic ${btoa("us:pw")}`]],
];
for (const [name, user, password, inUrl, expected] of CREDENTIALS) {
  Deno.test(`internal-api.md ${name} makes ${expected.length} Authorization lines`, async () => {
    await using served = serveApi([MIRA]);
    const gitlabUrl = served.api.url.replace("://", `://${inUrl}`);
    const { client, logText } = makeApiHarness({ gitlabUrl, user, password });
    await client.discover(KEY);
    const attempt = served.api.seen(0);
    assertEquals(headerValues(attempt, "Authorization"), expected);
    assert(!logText().includes("c%3Ad"));
  });
}

Deno.test("internal-api.md cases 23 to 25: the id that was given goes out with every call", async () => {
  await using served = serveApi([MIRA], { correlationId: "abc" });
  await served.client.discover(KEY);
  await served.client.check();
  for (const attempt of served.api.attempts) {
    assertEquals(headerValues(attempt, "X-Request-Id"), ["abc"]);
  }
});

Deno.test("a correlation id that would add a header is not sent, and not tried again", async () => {
  await using served = serveApi([MIRA], { correlationId: "a\r\nX-Evil: 1" });
  await assertFails(
    served.client.discover(KEY),
    "Internal API unreachable",
    0,
    "system",
  );
  assertEquals(served.api.connections, 0);
  assertEquals(served.clock.sleepsMs, []);
});

Deno.test("internal-api.md case 27: no X-Forwarded-For unless told", async () => {
  await using served = serveApi([MIRA]);
  await served.client.discover(KEY);
  const attempt = served.api.seen(0);
  assertEquals(headerValues(attempt, "X-Forwarded-For"), []);
});

Deno.test("internal-api.md cases 26 and 28: one X-Forwarded-For in every attempt", async () => {
  await using served = serveApi([whole(500, ""), whole(500, ""), MIRA], {
    forwardedFor: "127.0.0.1",
  });
  await served.client.discover(KEY);
  assertEquals(
    served.api.attempts.map((seen) => headerValues(seen, "X-Forwarded-For")),
    [["127.0.0.1"], ["127.0.0.1"], ["127.0.0.1"]],
  );
});

Deno.test("keys-and-config.md 6.4: a blank secret is a failure of the request", async () => {
  await using served = serveApi([MIRA], { secret: " \n" });
  await assertFails(served.client.discover(KEY), "secret must not be empty");
  assertEquals(served.api.connections, 0);
});

const UNREACHABLE: readonly (readonly [
  name: string,
  answer: ScriptedAnswer,
])[] = [
  ["case 31: 500 with a body", json(500, { message: "secret trouble" })],
  ["case 33: 503 with a message", json(503, { message: "not shown" })],
  ["case 37: 502 in HTML", whole(502, "<html>")],
  ["7.2: 429 without GitLab's text", whole(429, "Retry later\n")],
  ["3.2: 429 with a plain message", json(429, { message: "not shown" })],
  ["1.7: a status beyond 599", whole(600, "")],
  ["case 54: no answer", raw()],
  ["1.7: half a status line", raw("HTTP/1.1 2")],
  ["1.7: half a head", raw("HTTP/1.1 200 OK\r\nContent-Le")],
  ["no HTTP", raw("SSH-2.0-OpenSSH_9.2\r\n")],
];
for (const [name, answer] of UNREACHABLE) {
  Deno.test(`internal-api.md ${name} is tried three times, then told as unreachable`, async () => {
    await using served = serveApi([answer]);
    const { client, api, clock } = served;
    await assertFails(
      client.allowed(QUESTION),
      "Internal API unreachable",
      0,
      "system",
    );
    assertEquals(api.attempts.length, 3);
    assertEquals(clock.sleepsMs, [1_000, 2_000]);
  });
}

Deno.test("internal-api.md case 32: 500, 500, 200 succeeds with the same body and token", async () => {
  await using served = serveApi([
    whole(500, ""),
    raw(),
    json(200, { status: true, gl_id: "user-5" }),
  ]);
  const answer = await served.client.allowed(QUESTION);
  assertEquals([answer.status, answer.glId], [true, "user-5"]);
  const { attempts } = served.api;
  assertEquals(attempts.length, 3);
  assertEquals(new Set(attempts.map((seen) => seen.body)).size, 1);
  assertEquals(
    new Set(attempts.map((seen) => seen.headerLines.join("\n"))).size,
    1,
  );
  assertEquals(attempts.map((seen) => seen.connection), [0, 1, 2]);
});

Deno.test("internal-api.md 10 row 4: a token that would have expired is made anew", async () => {
  await using served = serveApi([
    async (peer) => {
      served.clock.advance(54_100);
      await whole(500, "")(peer, NOBODY);
    },
    whole(500, ""),
    MIRA,
  ]);
  await served.client.discover(KEY);
  const tokens = served.api.attempts.map((seen) =>
    headerValues(seen, "Gitlab-Shell-Api-Request")[0]
  );
  // 55.1 s old at the second attempt; the third follows two seconds later.
  assert(tokens[0] !== tokens[1]);
  assertEquals(tokens[1], tokens[2]);
});

for (const jumpMs of [3_600_000, -3_600_000, -2_000]) {
  Deno.test(`a wall clock that jumps by ${jumpMs / 1000} s between attempts shortens no wait, and makes the token anew`, async () => {
    await using served = serveApi([
      async (peer) => {
        served.clock.setOff(jumpMs);
        await whole(500, "")(peer, NOBODY);
      },
      MIRA,
    ]);
    assertEquals(await served.client.discover(KEY), {
      id: 5,
      username: "mira",
    });
    const issued = served.api.attempts.map((seen) => {
      const [token = ""] = headerValues(seen, "Gitlab-Shell-Api-Request");
      const [, payload = ""] = token.split(".");
      const text = new TextDecoder().decode(
        Uint8Array.fromBase64(payload, { alphabet: "base64url" }),
      );
      return JSON.parse(text).iat * 1000;
    });
    const [first = 0, second = 0] = issued;
    assert(second <= served.clock.nowMs());
    assert(Math.abs(second - first - jumpMs) <= 2_000);
    assertEquals(served.clock.sleepsMs, [1_000]);
  });
}

const NOBODY = {
  atMs: 0,
  connection: 0,
  method: "",
  target: "",
  headerLines: [],
  body: "",
};

const WAITED: readonly (readonly [
  name: string,
  status: number,
  retryAfter: string,
  waitMs: number,
])[] = [
  ["case 34", 503, "5", 5_000],
  ["case 34", 503, "Tue, 18 Aug 2026 09:21:53 GMT", 3_877],
  ["case 35", 503, "-1", 1_000],
  ["case 35", 503, "soon", 1_000],
  ["1.7", 500, "5", 1_000],
  ["1.7", 429, "2", 2_000],
  ["7.2, bounded", 429, "60", 10_000],
  ["1.7, bounded", 503, "86400", 10_000],
];
for (const [name, status, retryAfter, waitMs] of WAITED) {
  Deno.test(`internal-api.md ${name}: ${status} with Retry-After ${retryAfter} waits ${waitMs} ms`, async () => {
    await using served = serveApi([
      whole(status, "", { "Retry-After": retryAfter }),
      MIRA,
    ]);
    await served.client.discover(KEY);
    assertEquals(served.clock.sleepsMs, [waitMs]);
  });
}

Deno.test("internal-api.md case 57: a key lookup has a deadline over all attempts", async () => {
  await using served = serveApi([stall()], { keyLookupTimeoutMs: 40 });
  await assertFails(
    served.client.authorizedKey("AAAA"),
    "Internal API unreachable",
    0,
    "system",
  );
  assertEquals(served.api.attempts.length, 1);
});

Deno.test("internal-api.md case 58: a client that goes away ends the call at once", async () => {
  const controller = new AbortController();
  const left = Promise.withResolvers<void>();
  await using served = serveApi([async (peer) => {
    controller.abort(new Error("client has gone"));
    await peer.untilClientLeaves();
    left.resolve();
  }]);
  const call = served.client.allowed(QUESTION, controller.signal);
  await assertFails(call, "Internal API unreachable", 0, "policy");
  await left.promise;
  assertEquals(served.api.connections, 1);
});

Deno.test("internal-api.md case 58: so does one that goes away during the body", async () => {
  const controller = new AbortController();
  await using served = serveApi([async (peer) => {
    await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{");
    controller.abort(new Error("client has gone"));
    await peer.untilClientLeaves();
  }]);
  const call = served.client.allowed(QUESTION, controller.signal);
  // The abort may overtake the head, which is the same to the user.
  await assertFails(call, "Internal API unreachable", 0, "policy");
});

Deno.test("internal-api.md 3.2: a deadline of the caller counts as a fault", async () => {
  await using served = serveApi([stall()]);
  const call = served.client.allowed(QUESTION, AbortSignal.timeout(30));
  await assertFails(call, "Internal API unreachable", 0, "system");
});

Deno.test("a call that was given up before it began dials nobody", async () => {
  await using served = serveApi([MIRA]);
  const call = served.client.discover(KEY, AbortSignal.abort());
  await assertFails(call, "Internal API unreachable", 0, "policy");
  assertEquals(served.api.connections, 0);
});

Deno.test("internal-api.md 1.7: giving up interrupts a wait at once", async () => {
  const controller = new AbortController();
  await using served = serveApi([whole(500, "")]);
  const { clock } = served;
  clock.sleep = (_, signal) =>
    new Promise((__, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason));
      controller.abort();
    });
  const call = served.client.discover(KEY, controller.signal);
  await assertFails(call, "Internal API unreachable", 0, "policy");
  assertEquals(served.api.connections, 1);
});
