import { assertEquals, assertRejects } from "@std/assert";
import { WebFailure } from "../../../src/api/web_attempts.ts";
import {
  readWholeBody,
  WebClient,
  type WholeWebRequest,
} from "../../../src/api/web_client.ts";
import { WebTransport } from "../../../src/api/web_transport.ts";
import { isTimeout } from "../../../src/core/deadline.ts";
import { ProtocolError } from "../../../src/core/errors.ts";
import { FakeClock } from "../../support/fake_host.ts";
import {
  headerValues,
  json,
  openScriptedApi,
  raw,
  stall,
  whole,
} from "../../support/scripted_api.ts";

function makeClient(
  signal = new AbortController().signal,
  idleTimeoutMs?: number,
) {
  const clock = new FakeClock();
  const transport = new WebTransport({
    env: () => undefined,
    setEnv: () => {},
  });
  const client = new WebClient({
    transport,
    clock,
    signal,
    ...(idleTimeoutMs !== undefined && { idleTimeoutMs }),
  });
  return { clock, client };
}

const text = (value: string) => new TextEncoder().encode(value);
const POST: Omit<WholeWebRequest, "url"> = {
  method: "POST",
  headers: [["Authorization", "Basic eA=="], ["Content-Type", "a/b"]],
  body: text("body"),
};

Deno.test("lfs.md case 54: a redirect to another origin is followed without Authorization", async () => {
  await using other = openScriptedApi([whole(200, "found")]);
  await using api = openScriptedApi([
    whole(302, "", { Location: `${other.url}/y?sig=1` }),
  ]);
  const { client } = makeClient();
  const request = { ...POST, method: "GET" as const };
  const { body: _, ...get } = request;
  using answer = await client.call({ ...get, url: `${api.url}/x` });
  const body = await readWholeBody(answer, 100);
  assertEquals(new TextDecoder().decode(body), "found");
  assertEquals(other.seen(0).target, "/y?sig=1");
  assertEquals(headerValues(other.seen(0), "Authorization"), []);
  assertEquals(headerValues(api.seen(0), "Authorization"), ["Basic eA=="]);
});

Deno.test("lfs.md 3.1: what was left behind is not picked up on the way back", async () => {
  await using other = openScriptedApi([
    async (peer, attempt) =>
      await whole(307, "", {
        Location: headerValues(attempt, "X-Back")[0] ?? "",
      })(peer, attempt),
  ]);
  await using api = openScriptedApi([
    whole(307, "", { Location: other.url }),
    whole(200, ""),
  ]);
  const { client } = makeClient();
  const headers = [...POST.headers, ["X-Back", api.url] as const];
  using answer = await client.call({ ...POST, headers, url: api.url });
  assertEquals(answer.head.status, 200);
  assertEquals(headerValues(api.seen(1), "Authorization"), []);
  assertEquals([other.seen(0).body, api.seen(1).body], ["body", "body"]);
});

Deno.test("lfs.md 3.1: 302 makes a GET of a POST", async () => {
  await using api = openScriptedApi([
    whole(302, "", { Location: "/y" }),
    whole(200, ""),
  ]);
  const { client } = makeClient();
  using answer = await client.call({ ...POST, url: `${api.url}/x` });
  assertEquals(answer.head.status, 200);
  const { method, target, body } = api.seen(1);
  assertEquals([method, target, body], ["GET", "/y", ""]);
  assertEquals(headerValues(api.seen(1), "Content-Type"), []);
});

Deno.test("lfs.md 3.7: redirects without end end after ten requests, and no repeat", async () => {
  await using api = openScriptedApi([whole(307, "", { Location: "/x" })]);
  const { client, clock } = makeClient();
  const failure = await assertRejects(
    () => client.call({ ...POST, url: api.url }),
    WebFailure,
  );
  assertEquals(failure.message, "Cannot get an answer, tried 1 time");
  assertEquals([api.attempts.length, clock.sleepsMs], [10, []]);
});

Deno.test("lfs.md 3.1: a hostile Location ends the call", async () => {
  await using api = openScriptedApi([
    whole(302, "", { Location: "file:///etc/passwd" }),
  ]);
  const { client } = makeClient();
  await assertRejects(() => client.call({ ...POST, url: api.url }), WebFailure);
  assertEquals(api.attempts.length, 1);
});

Deno.test("a call ends with its session, also while it waits", async () => {
  const abort = new AbortController();
  await using api = openScriptedApi([
    async (peer) => {
      abort.abort(new Error("stopped"));
      await peer.untilClientLeaves();
    },
  ]);
  const { client } = makeClient(abort.signal);
  await assertRejects(
    () => client.call({ ...POST, url: api.url }),
    Error,
    "stopped",
  );
});

Deno.test("gzip that nobody asked for is undone, within the limit", async () => {
  const packed = new Uint8Array(
    await new Response(
      new Blob([JSON.stringify({ a: "x".repeat(10_000) })]).stream()
        .pipeThrough(new CompressionStream("gzip")),
    ).arrayBuffer(),
  );
  const headers = { "Content-Encoding": "gzip" };
  await using api = openScriptedApi([whole(200, packed, headers)]);
  const { client } = makeClient();
  {
    using answer = await client.call({ ...POST, url: api.url });
    assertEquals((await readWholeBody(answer, 20_000)).length, 10_008);
  }
  using answer = await client.call({ ...POST, url: api.url });
  await assertRejects(() => readWholeBody(answer, 5000), ProtocolError);
});

Deno.test("a body beyond the limit is not kept", async () => {
  await using api = openScriptedApi([json(200, "x".repeat(10_000))]);
  const { client } = makeClient();
  using answer = await client.call({ ...POST, url: api.url });
  await assertRejects(() => readWholeBody(answer, 5000), ProtocolError);
});

Deno.test("a server may answer and hang up before it has read the body", async () => {
  await using api = openScriptedApi([raw("HTTP/1.1 413 No\r\n\r\n")]);
  const { client } = makeClient();
  using answer = await client.call({ ...POST, url: api.url });
  assertEquals(answer.head.status, 413);
});

Deno.test("a certificate that nobody trusts is not worth a repeat", async () => {
  const folder = new URL("../../testdata/tls/", import.meta.url);
  const read = (name: string) => Deno.readTextFile(new URL(name, folder));
  await using api = openScriptedApi([whole(200, "")], {
    kind: "tls",
    cert: await read("localhost.pem"),
    key: await read("localhost.key"),
  });
  const clock = new FakeClock();
  const { signal } = new AbortController();
  const env: Record<string, string> = {
    SSL_CERT_FILE: "/nowhere",
    SSL_CERT_DIR: "/nowhere",
  };
  const transport = new WebTransport({
    env: (name) => env[name],
    setEnv: () => {},
  });
  const client = new WebClient({ transport, clock, signal });
  await assertRejects(() => client.call({ ...POST, url: api.url }), WebFailure);
  assertEquals([api.attempts.length, clock.sleepsMs], [0, []]);
});

const NEVER = new AbortController().signal;

Deno.test("a server that says nothing is given up, and asked again", async () => {
  await using api = openScriptedApi([stall(), whole(200, "")]);
  const { client, clock } = makeClient(NEVER, 200);
  using answer = await client.call({ ...POST, url: api.url });
  assertEquals([answer.head.status, clock.sleepsMs], [200, [1000]]);
});

Deno.test("a server that falls silent in a body is given up", async () => {
  await using api = openScriptedApi([
    stall("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"),
  ]);
  const { client } = makeClient(NEVER, 200);
  using answer = await client.call({ ...POST, url: api.url });
  const error = await assertRejects(() => readWholeBody(answer, 1000));
  assertEquals(isTimeout(error), true);
});

Deno.test("a client that is slow to read is not the server's fault", async () => {
  await using api = openScriptedApi([whole(200, "hello")]);
  const { client } = makeClient(NEVER, 100);
  using answer = await client.call({ ...POST, url: api.url });
  await new Promise((resolve) => setTimeout(resolve, 300));
  assertEquals((await readWholeBody(answer, 1000)).length, 5);
});
