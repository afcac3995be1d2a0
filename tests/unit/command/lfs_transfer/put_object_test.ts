import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { readerOf } from "../../../support/fake_host.ts";
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
  type ScriptedApi,
  whole,
} from "../../../support/scripted_api.ts";

const { oid, text } = OBJECT;
const OK = t("status 200") + F;
const INTERNAL = errorReply(500, "internal error");
const UNKNOWN = errorReply(400, "unknown command");
const VERSION = t("status 200") + D + F;

interface Put {
  readonly oid?: string;
  readonly size?: string | null;
  /** Packets of data, with their end. */
  readonly data?: string;
  readonly headers?: Record<string, string>;
  readonly proof?: string;
  readonly operation?: "upload" | "download";
}

/** Puts an object to this address, then asks for the version. */
async function put(href: string, over: Put = {}) {
  const name = over.oid ?? oid;
  const headers = over.headers ?? {};
  const proof = over.proof ?? proofPackets(
    await proofOf({ operation: "upload", oid: name, href, headers }),
  );
  const size = over.size === null ? "" : t(`size=${over.size ?? 12}`);
  const input = t(`put-object ${name}`) + size + proof + D +
    (over.data ?? b(text) + F) + t("version 1") + F;
  const outcome = await transfer(input, {
    operation: over.operation ?? "upload",
  });
  assert(outcome.replies.endsWith(VERSION), "the session is in step");
  const reply = outcome.replies.slice(0, -VERSION.length);
  return { ...outcome, reply };
}

/** A server that keeps nothing and is content. */
function openStore(...statuses: number[]): ScriptedApi {
  const answers = statuses.map((status) => whole(status, ""));
  return openScriptedApi(answers.length > 0 ? answers : [whole(200, "")]);
}

Deno.test("lfs.md case 59, T2: an object, with its length and its headers", async () => {
  await using store = openStore();
  const { reply } = await put(`${store.url}/group/repo.git/x`, {
    headers: {
      Authorization: "Basic ZGVtbzphY3Rpb24=",
      "Content-Type": "application/octet-stream",
      "Transfer-Encoding": "chunked",
    },
  });
  assertEquals(reply, OK);
  const seen = store.seen(0);
  assertEquals(
    [seen.method, seen.target, seen.body],
    ["PUT", "/group/repo.git/x", text],
  );
  assertEquals(headerValues(seen, "Content-Length"), ["12"]);
  assertEquals(headerValues(seen, "Transfer-Encoding"), []);
  assertEquals(headerValues(seen, "Authorization"), [
    "Basic ZGVtbzphY3Rpb24=",
  ]);
  assertEquals(headerValues(seen, "Content-Type"), [
    "application/octet-stream",
  ]);
});

Deno.test("lfs.md case 60: an empty object", async () => {
  await using store = openStore();
  const empty = createHash("sha256").digest("hex");
  const { reply } = await put(store.url, { oid: empty, size: "0", data: F });
  assertEquals(reply, OK);
  assertEquals(headerValues(store.seen(0), "Content-Length"), ["0"]);
});

const sha = (data: string) => createHash("sha256").update(data).digest("hex");
const wrongId = (got: string) =>
  errorReply(
    400,
    `error: corrupt data: invalid object ID, expected ${oid}, got ${got}`,
  );
const WRONG: readonly (readonly [string, Put, string])[] = [
  [
    "case 61, T5: other data",
    { data: b("hello there\n") + F },
    wrongId(
      "aadc1955c030f723e9d89ed9d486b4eef5b0d1c6945be0dd6b7b340d42928ec9",
    ),
  ],
  [
    "case 61, T5: another size",
    { size: "13" },
    errorReply(
      400,
      "error: corrupt data: invalid object size, expected 13, got 12",
    ),
  ],
  [
    "case 61, T5: another token",
    { proof: t("id=eA==") + t("token=AAAA") },
    errorReply(403, "error: token hash mismatch"),
  ],
  [
    "case 62: more data than announced",
    { data: b(text) + b("ab") + F },
    wrongId(sha(`${text}ab`)),
  ],
  [
    "case 62: more data, and a size that is too small as well",
    { size: "5" },
    errorReply(
      400,
      "error: corrupt data: invalid object size, expected 5, got 12",
    ),
  ],
  ["case 63: less data", { data: b("hello") + F }, wrongId(sha("hello"))],
  ["case 63: no data", { data: F }, wrongId(sha(""))],
  [
    "5.3: a size below zero",
    { size: "-1" },
    errorReply(
      400,
      "error: corrupt data: invalid object size, expected -1, got 12",
    ),
  ],
  [
    "5.3: a size beyond all numbers",
    { size: "9223372036854775807" },
    errorReply(
      400,
      "error: corrupt data: invalid object size, expected 9223372036854775807, got 12",
    ),
  ],
  ["case 65: no size", { size: null }, INTERNAL],
  ["2.11: a size that is none", { size: "abc" }, INTERNAL],
  [
    "case 64: no id",
    { proof: "" },
    errorReply(400, "error: missing id"),
  ],
  [
    "case 64: no token",
    { proof: t("id=eA==") },
    errorReply(401, "error: missing token"),
  ],
  [
    "2.6: an argument that is none",
    { proof: t("size") },
    errorReply(400, 'error: parse error: invalid argument: "size"'),
  ],
];
for (const [name, over, expected] of WRONG) {
  Deno.test(`lfs.md ${name}: one reply, and nobody else hears of it`, async () => {
    await using store = openStore();
    const { reply } = await put(store.url, over);
    assertEquals(reply, expected);
    assertEquals(store.connections, 0);
  });
}

Deno.test("an oid that no data can have is not asked about", async () => {
  await using store = openStore();
  for (const odd of ["../../x", oid.toUpperCase(), oid.slice(1)]) {
    const { reply } = await put(store.url, { oid: odd });
    assertEquals(
      reply,
      errorReply(
        400,
        `error: corrupt data: invalid object ID, expected ${odd}, got ${oid}`,
      ),
    );
  }
  assertEquals(store.connections, 0);
});

const ENDS = [["a flush packet", F], ["a delimiter", D], [
  "an empty packet",
  "0004",
]] as const;
for (const [name, end] of ENDS) {
  Deno.test(`lfs.md 2.11: data ends at ${name}`, async () => {
    await using store = openStore();
    const { reply } = await put(store.url, { data: b(text) + end });
    assertEquals([reply, store.attempts.length], [OK, 1]);
  });
}

Deno.test("lfs.md case 70: the object is the same however it is cut", async () => {
  const bytes = "0123456789abcdef".repeat(10_000);
  const name = sha(bytes);
  for (const cut of [1, 32_768, 65_516, 65_531]) {
    await using store = openStore();
    const whole = cut === 1 ? bytes.slice(0, 200) : bytes;
    let data = "";
    for (let at = 0; at < whole.length; at += cut) {
      data += b(whole.slice(at, at + cut));
    }
    const { reply } = await put(store.url, {
      oid: cut === 1 ? sha(whole) : name,
      size: String(whole.length),
      data: data + F,
    });
    assertEquals([cut, reply], [cut, OK]);
    assertEquals(sha(store.seen(0).body), cut === 1 ? sha(whole) : name);
  }
});

Deno.test("lfs.md case 33: a packet of the largest length there is", async () => {
  await using store = openStore();
  const bytes = "x".repeat(65_531);
  const { reply } = await put(store.url, {
    oid: sha(bytes),
    size: "65531",
    data: `ffff${bytes}${F}`,
  });
  assertEquals([reply, store.seen(0).body.length], [OK, 65_531]);
});

const STATUSES: readonly (readonly [number, string])[] = [
  [200, OK],
  [201, OK],
  [204, OK],
  [404, errorReply(404, "error: not found")],
  ...[301, 302, 303, 304, 400, 401, 403, 409, 410, 413, 422, 501]
    .map((status) => [status, INTERNAL] as const),
];
for (const [status, expected] of STATUSES) {
  Deno.test(`lfs.md case 66: ${status} after one attempt`, async () => {
    await using store = openScriptedApi([
      json(status, {}, { Location: "/elsewhere" }),
      whole(200, ""),
    ]);
    const { reply } = await put(store.url);
    assertEquals([reply, store.attempts.length], [expected, 1]);
  });
}

Deno.test("lfs.md case 67: 503, then 200: the whole object twice", async () => {
  await using store = openStore(503, 200);
  const { reply, sleepsMs } = await put(store.url);
  assertEquals([reply, sleepsMs], [OK, [1000]]);
  assertEquals(store.attempts.map(({ body }) => body), [text, text]);
});

Deno.test("lfs.md 3.2: four attempts in all", async () => {
  for (const status of [429, 500, 503]) {
    await using store = openStore(status);
    const { reply } = await put(store.url);
    assertEquals([reply, store.attempts.length], [INTERNAL, 4]);
  }
  const { reply } = await put("http://127.0.0.1:1/");
  assertEquals(reply, INTERNAL);
});

Deno.test("lfs.md 3.2: a server that hangs up without a word is asked again", async () => {
  await using store = openScriptedApi([raw(), whole(200, "")]);
  assertEquals((await put(store.url)).reply, OK);
});

Deno.test("lfs.md case 69: an upload in a download session", async () => {
  await using store = openStore();
  const { reply } = await put(store.url, { operation: "download" });
  assertEquals([reply, store.attempts.length], [OK, 1]);
});

Deno.test("lfs.md 2.11: a packet that is none ends the data; reading goes on behind", async () => {
  await using store = openStore();
  const { reply } = await put(store.url, { data: `${b("hello ")}0002` });
  assertEquals(reply, INTERNAL);
  const { replies } = await transfer(
    t(`put-object ${oid}`) + t("size=12") + D + "zzzz" + F,
  );
  assertEquals(splitReplies(replies), [
    errorReply(400, "error: missing id"),
    UNKNOWN,
  ]);
  assertEquals(store.connections, 0);
});

Deno.test("lfs.md case 71: all data, and no end, is stored; half of it is not", async () => {
  await using store = openStore();
  const proof = proofPackets(
    await proofOf({ operation: "upload", oid, href: store.url }),
  );
  const head = t(`put-object ${oid}`) + t("size=12") + proof + D;
  const all = await transfer(head + b(text));
  assertEquals([all.replies, all.error], [OK, undefined]);
  const half = await transfer(head + b(text).slice(0, 10));
  assertEquals([half.replies, half.error], [wrongId(sha("hello ")), undefined]);
  assertEquals(store.attempts.length, 1);
});

Deno.test("lfs.md 2.11: the same at every split of the input", async () => {
  await using store = openStore();
  const proof = proofPackets(
    await proofOf({ operation: "upload", oid, href: store.url }),
  );
  const input = t(`put-object ${oid}`) + t("size=12") + proof + D +
    b("hello ") + b("world\n") + F;
  for (let at = input.length - 40; at < input.length; at++) {
    const stdin = readerOf(input.slice(0, at), input.slice(at));
    const { replies } = await transfer("", { stdin });
    assertEquals(replies, OK, `split at ${at}`);
  }
});
