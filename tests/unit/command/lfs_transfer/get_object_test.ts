import { assert, assertEquals } from "@std/assert";
import {
  b,
  D,
  errorReply,
  F,
  OBJECT,
  proofOf,
  proofPackets,
  splitReplies,
  t,
  transfer,
} from "../../../support/lfs_session.ts";
import {
  headerValues,
  json,
  openScriptedApi,
  raw,
  type ScriptedAnswer,
  whole,
} from "../../../support/scripted_api.ts";

const { oid, text } = OBJECT;
const OK = t("status 200") + D + F;
const FOUND = t("status 200") + t("size=12") + D + b(text) + F;
const NOT_FOUND = errorReply(404, `object ${oid} not found`);
const INTERNAL = errorReply(500, "internal error");

/** Asks for the object at this address, then for the version. */
async function get(
  href: string,
  { headers = {}, args = "" }: {
    headers?: Record<string, string>;
    args?: string;
  } = {},
) {
  const proof = await proofOf({ operation: "download", oid, href, headers });
  const input = t(`get-object ${oid}`) + args + proofPackets(proof) + F +
    t("version 1") + F;
  const outcome = await transfer(input, { operation: "download" });
  assert(outcome.replies.endsWith(OK), "the session goes on");
  const reply = outcome.replies.slice(0, -OK.length);
  return { ...outcome, reply };
}

Deno.test("lfs.md case 49, T4: an object, with its own headers alone", async () => {
  await using api = openScriptedApi([whole(200, text)]);
  const { reply } = await get(`${api.url}/x?sig=1`, {
    headers: { Authorization: "Basic ZGVtbzphY3Rpb24=", "X-Extra": "1" },
    args: t("size=12"),
  });
  assertEquals(reply, FOUND);
  const seen = api.seen(0);
  assertEquals(`${seen.method} ${seen.target}`, "GET /x?sig=1");
  assertEquals(headerValues(seen, "Authorization"), [
    "Basic ZGVtbzphY3Rpb24=",
  ]);
  assertEquals(headerValues(seen, "X-Extra"), ["1"]);
  assertEquals(headerValues(seen, "Accept-Encoding"), ["identity"]);
  assertEquals(headerValues(seen, "Content-Length"), []);
});

Deno.test("lfs.md case 48: an action without headers opens no door", async () => {
  await using api = openScriptedApi([whole(200, text)]);
  assertEquals((await get(api.url)).reply, FOUND);
  assertEquals(headerValues(api.seen(0), "Authorization"), []);
});

Deno.test("lfs.md 3.1: what the client of HTTP decides is not taken from an id", async () => {
  await using api = openScriptedApi([whole(200, text)]);
  const { reply } = await get(api.url, {
    headers: {
      Host: "evil.example",
      "Content-Length": "5",
      "transfer-encoding": "chunked",
      Trailer: "x",
      Connection: "keep-alive",
    },
  });
  assertEquals(reply, FOUND);
  const seen = api.seen(0);
  assertEquals(headerValues(seen, "Host"), [api.url.slice("http://".length)]);
  for (const name of ["Content-Length", "Transfer-Encoding", "Trailer"]) {
    assertEquals([name, headerValues(seen, name)], [name, []]);
  }
  assertEquals(headerValues(seen, "Connection"), ["close"]);
});

for (const status of [304, 400, 401, 403, 404, 406, 409, 410, 413, 422, 501]) {
  Deno.test(`lfs.md case 52: ${status} means that there is no such object`, async () => {
    await using api = openScriptedApi([json(status, { message: "no" })]);
    assertEquals((await get(api.url)).reply, NOT_FOUND);
    assertEquals(api.attempts.length, 1);
  });
}

for (const status of [429, 500, 503]) {
  Deno.test(`lfs.md case 53: ${status} for ever`, async () => {
    await using api = openScriptedApi([whole(status, "")]);
    assertEquals((await get(api.url)).reply, INTERNAL);
    assertEquals(api.attempts.length, 4);
  });
}

Deno.test("lfs.md case 53: nobody listens", async () => {
  const { reply, sleepsMs } = await get("http://127.0.0.1:1/x");
  assertEquals([reply, sleepsMs], [INTERNAL, [1000, 2000, 4000]]);
});

Deno.test("lfs.md 3.2: an object may be there at the second attempt", async () => {
  await using api = openScriptedApi([whole(503, ""), whole(200, text)]);
  assertEquals((await get(api.url)).reply, FOUND);
});

const BAD_URLS = [
  "ftp://127.0.0.1/x",
  "file:///etc/passwd",
  "HTTP://127.0.0.1/x",
  "//127.0.0.1/x",
  "/x",
  "",
  "http://",
  "http:///x",
  "http://127.0.0.1:99999/x",
  "http://127.0.0.1/\nx",
  "http://user:pa%ss@127.0.0.1/",
];
for (const href of BAD_URLS) {
  Deno.test(`lfs.md 3.7: no request leaves for ${JSON.stringify(href)}`, async () => {
    const { reply, sleepsMs } = await get(href);
    assertEquals([reply, sleepsMs], [INTERNAL, []]);
  });
}

Deno.test("a header that would end its line early is not sent", async () => {
  await using api = openScriptedApi([whole(200, text)]);
  const headers = { "X-A": "b\r\nX-C: d" };
  const { reply, sleepsMs } = await get(api.url, { headers });
  assertEquals([reply, sleepsMs], [INTERNAL, []]);
  assertEquals(api.attempts.length, 0);
});

Deno.test("lfs.md case 55: a body that breaks off is passed on as far as it came", async () => {
  await using api = openScriptedApi([
    raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"),
  ]);
  const { reply, session } = await get(api.url);
  assertEquals(
    reply,
    t("status 200") + t("size=100") + D + b("hello") + F,
  );
  const [warning] = session.records.filter(({ level }) => level === "WARN");
  assertEquals([warning?.["msg"], warning?.["oid"]], [
    "lfstransfer: download broke off",
    oid,
  ]);
});

const CHUNKED = raw(
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
  "6\r\nhello \r\n6\r\nworld\n\r\n0\r\n\r\n",
);
const UNTIL_CLOSE = raw(`HTTP/1.1 200 OK\r\n\r\n${text}`);
const SIZES: readonly (readonly [string, ScriptedAnswer, string, string])[] = [
  ["chunks, and no word from the client", CHUNKED, "", "-1"],
  ["chunks, and the client's own size", CHUNKED, "size=12", "12"],
  ["chunks, and a client that talks nonsense", CHUNKED, "size=x", "-1"],
  ["an end that is the connection's", UNTIL_CLOSE, "size=12", "12"],
  ["a length that contradicts the client", whole(200, text), "size=99", "12"],
];
for (const [name, answer, arg, size] of SIZES) {
  Deno.test(`lfs.md case 56: ${name}`, async () => {
    await using api = openScriptedApi([answer]);
    const args = arg === "" ? "" : t(arg);
    const { reply } = await get(api.url, { args });
    assertEquals(
      reply,
      t("status 200") + t(`size=${size}`) + D + b(text) + F,
    );
  });
}

Deno.test("lfs.md case 57: an empty object", async () => {
  await using api = openScriptedApi([whole(200, "")]);
  const { reply } = await get(api.url);
  assertEquals(reply, t("status 200") + t("size=0") + D + F);
});

Deno.test("lfs.md case 32: data goes out in the largest packets", async () => {
  for (const size of [65_516, 65_516 * 2 + 1, 65_516 * 9 + 5]) {
    await using api = openScriptedApi([whole(200, "x".repeat(size))]);
    const { reply } = await get(api.url);
    const [found = ""] = splitReplies(reply);
    const head = t("status 200") + t(`size=${size}`) + D;
    const lengths: string[] = [];
    for (let at = head.length; at < found.length;) {
      const length = found.slice(at, at + 4);
      lengths.push(length);
      at += Math.max(4, parseInt(length, 16));
    }
    const full = Math.floor(size / 65_516);
    const rest = size % 65_516;
    assertEquals(lengths, [
      ...new Array(full).fill("fff0"),
      ...(rest > 0 ? [(rest + 4).toString(16).padStart(4, "0")] : []),
      "0000",
    ]);
  }
});

Deno.test("lfs.md case 51: an id that was signed elsewhere is not followed", async () => {
  await using api = openScriptedApi([whole(200, text)]);
  const id = { operation: "download", oid, href: api.url };
  const proof = await proofOf(id, "another secret");
  const input = t(`get-object ${oid}`) + proofPackets(proof) + F;
  const { replies } = await transfer(input);
  assertEquals(replies, errorReply(403, "error: token hash mismatch"));
  assertEquals(api.connections, 0);
});

Deno.test("lfs.md case 50: each fault of a proof is one reply", async () => {
  const input = t(`get-object ${oid}`) + F + t(`get-object ${oid}`) +
    t("id=eA==") + F;
  const { replies } = await transfer(input);
  assertEquals(splitReplies(replies), [
    errorReply(400, "error: missing id"),
    errorReply(401, "error: missing token"),
  ]);
});

Deno.test("a client that has gone ends the download", async () => {
  await using api = openScriptedApi([whole(200, "x".repeat(1_000_000))]);
  const proof = await proofOf({ operation: "download", oid, href: api.url });
  const input = t(`get-object ${oid}`) + proofPackets(proof) + F;
  const outcome = await transfer(input, { stdoutBytesMax: 300_000 });
  assertEquals(outcome.error instanceof Deno.errors.BrokenPipe, true);
});

Deno.test("lfs.md 3.1: credentials of a URL count where no header says more", async () => {
  await using api = openScriptedApi([whole(200, text)]);
  const href = api.url.replace("//", "//me:s%40crt@");
  assertEquals((await get(href)).reply, FOUND);
  const headers = { authorization: "Bearer x" };
  assertEquals((await get(href, { headers })).reply, FOUND);
  assertEquals(
    api.attempts.map((seen) => headerValues(seen, "Authorization")),
    [[`Basic ${btoa("me:s@crt")}`], ["Bearer x"]],
  );
});

Deno.test("an object that is not what its name says is passed on, and the operator told", async () => {
  await using api = openScriptedApi([whole(200, "hello there\n")]);
  const { reply, session } = await get(api.url);
  assertEquals(
    reply,
    t("status 200") + t("size=12") + D + b("hello there\n") + F,
  );
  const [error] = session.records.filter(({ level }) => level === "ERROR");
  assertEquals([error?.["msg"], error?.["oid"], error?.["sha256"]], [
    "lfstransfer: object is corrupt",
    oid,
    "aadc1955c030f723e9d89ed9d486b4eef5b0d1c6945be0dd6b7b340d42928ec9",
  ]);
});

Deno.test("a good object is not worth a record", async () => {
  await using api = openScriptedApi([whole(200, text)]);
  const { session } = await get(api.url);
  const levels = session.records.map(({ level }) => level);
  assertEquals(new Set(levels), new Set(["INFO"]));
});
