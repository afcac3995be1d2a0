import { assert, assertEquals } from "@std/assert";
import {
  D,
  errorReply,
  F,
  OBJECT,
  OTHER_OBJECT,
  splitReplies,
  t,
  transfer,
} from "../../../support/lfs_session.ts";
import {
  DOWNLOAD_VECTOR,
  UPLOAD_VECTOR,
} from "../../../support/lfs_vectors.ts";
import {
  headerValues,
  json,
  openScriptedApi,
  raw,
  type ScriptedAnswer,
  whole,
} from "../../../support/scripted_api.ts";

const { oid } = OBJECT;
const HREF =
  `http://gitlab.example.com/group/repo.git/gitlab-lfs/objects/${oid}`;
const INTERNAL = errorReply(500, "internal error");
const EMPTY_OK = t("status 200") + D + F;

const UPLOAD_ACTION = {
  href: `${HREF}/12`,
  header: {
    Authorization: "Basic ZGVtbzphY3Rpb24=",
    "Content-Type": "application/octet-stream",
    "Transfer-Encoding": "chunked",
  },
};
const DOWNLOAD_ACTION = {
  href: HREF,
  header: { Authorization: "Basic ZGVtbzphY3Rpb24=" },
};

/** One batch for one object. */
const BATCH = t("batch") + t("transfer=ssh") + D + t(`${oid} 12`) + F;

Deno.test("lfs.md case 35, T2: a batch of an upload, byte for byte", async () => {
  await using api = openScriptedApi([json(200, {
    objects: [{ oid, size: 12, actions: { upload: UPLOAD_ACTION } }],
  })]);
  const { replies } = await transfer(
    t("batch") + t("transfer=ssh") + t("hash-algo=sha256") +
      t("refname=refs/heads/main") + D + t(`${oid} 12`) + F,
    { url: `${api.url}/group/repo.git` },
  );
  const line =
    `${oid} 12 upload id=${UPLOAD_VECTOR.id} token=${UPLOAD_VECTOR.token}`;
  assertEquals(replies, t("status 200") + D + t(line) + F);
  assert(replies.includes("0262"), "the length of the reference");
  const seen = api.seen(0);
  assertEquals(
    seen.body,
    `{"operation":"upload","objects":[{"oid":"${oid}","size":12}],` +
      '"ref":{"name":"refs/heads/main"},"hash_algo":"sha256"}',
  );
  assertEquals(seen.body.length, 173);
  assertEquals(
    `${seen.method} ${seen.target}`,
    "POST /group/repo.git/info/lfs/objects/batch",
  );
  assertEquals(headerValues(seen, "Authorization"), [
    "Basic ZGVtbzp0b2tlbjEyMw==",
  ]);
  assertEquals(headerValues(seen, "Content-Type"), [
    "application/vnd.git-lfs+json",
  ]);
  assertEquals(headerValues(seen, "Content-Length"), ["173"]);
});

Deno.test("lfs.md case 36, T3: an object that is there, and nothing said", async () => {
  await using api = openScriptedApi([
    json(200, { objects: [{ oid, size: 12 }] }),
  ]);
  const input = t("batch") + t("transfer=anything") + D + t(`${oid} 12`) + F;
  const { replies } = await transfer(input, { url: api.url });
  assertEquals(replies, t("status 200") + D + t(`${oid} 12 noop`) + F);
  assertEquals(
    api.seen(0).body,
    `{"operation":"upload","objects":[{"oid":"${oid}","size":12}],"ref":{}}`,
  );
});

Deno.test("lfs.md case 38, T4: one object is there and one is missing", async () => {
  await using api = openScriptedApi([json(200, {
    objects: [
      { oid, size: 12, actions: { download: DOWNLOAD_ACTION } },
      {
        oid: OTHER_OBJECT.oid,
        size: 10,
        error: { code: 404, message: "Object does not exist" },
      },
    ],
  })]);
  const input = t("batch") + D + t(`${oid} 12`) + t(`${OTHER_OBJECT.oid} 10`) +
    F;
  const { replies } = await transfer(input, {
    url: api.url,
    operation: "download",
  });
  const { id, token } = DOWNLOAD_VECTOR;
  assertEquals(
    replies,
    t("status 200") + D + t(`${oid} 12 download id=${id} token=${token}`) +
      t(`${OTHER_OBJECT.oid} 10 noop`) + F,
  );
});

Deno.test("lfs.md case 37: another hash algorithm is not asked about", async () => {
  await using api = openScriptedApi([json(200, { objects: [] })]);
  const of = (algo: string) =>
    t("batch") + t(`hash-algo=${algo}`) + D + t(`${oid} 12`) + F;
  const url = api.url;
  const { replies } = await transfer(of("sha1") + of(""), { url });
  assertEquals(splitReplies(replies), [
    errorReply(
      405,
      "error: not allowed: unsupported hash algorithm: sha1",
    ),
    EMPTY_OK,
  ]);
  assertEquals(api.attempts.length, 1);
  assert(!api.seen(0).body.includes("hash_algo"));
});

const LINES = [
  ["", "error: invalid packet"],
  ["abc", "error: parse error"],
  ["abc ", "error: parse error"],
  ["abc x", 'error: parse error: invalid integer, got: "x"'],
  [
    "abc 9223372036854775808",
    'error: parse error: invalid integer, got: "9223372036854775808"',
  ],
  ["abc 5 foo", 'error: parse error: invalid argument: "foo"'],
] as const;
for (const [line, message] of LINES) {
  Deno.test(`lfs.md case 41: the line ${JSON.stringify(line)}`, async () => {
    const input = t("batch") + D + t(line) + t("good 1") + F + t("quit");
    const { replies } = await transfer(input);
    assertEquals(splitReplies(replies), [
      errorReply(400, message),
      t("status 200") + F,
    ]);
  });
}

Deno.test("lfs.md 2.8: odd oids and sizes are passed on", async () => {
  await using api = openScriptedApi([json(200, { objects: null })]);
  const lines = ["x -5", " 3", "y +7 a=b", "z 9223372036854775807"];
  const input = t("batch") + D + lines.map(t).join("") + F;
  const { replies } = await transfer(input, { url: api.url });
  assertEquals(replies, EMPTY_OK);
  assertEquals(
    api.seen(0).body,
    '{"operation":"upload","objects":[{"oid":"x","size":-5},{"size":3},' +
      '{"oid":"y","size":7},{"oid":"z","size":9223372036854775807}],"ref":{}}',
  );
});

Deno.test("lfs.md case 42: the size of the answer counts, exact beyond 2^53", async () => {
  const body = `{"objects":[{"oid":"${oid}","size":9007199254740993}]}`;
  await using api = openScriptedApi([whole(200, body)]);
  const { replies } = await transfer(BATCH, { url: api.url });
  assertEquals(
    replies,
    t("status 200") + D + t(`${oid} 9007199254740993 noop`) + F,
  );
});

Deno.test("lfs.md case 31: one line for each of 100 objects, in GitLab's order", async () => {
  const objects = Array.from({ length: 100 }, (_, at) => ({
    oid: String(99 - at).padStart(64, "0"),
    size: at,
    actions: { upload: { href: `http://h/${at}`, header: {} } },
  }));
  await using api = openScriptedApi([json(200, { objects })]);
  const { replies } = await transfer(BATCH, { url: api.url });
  const oids = [...replies.matchAll(/([0-9]{64}) ([0-9]+) upload id=/g)]
    .map(([, oid, size]) => `${oid} ${size}`);
  assertEquals(oids, objects.map(({ oid, size }) => `${oid} ${size}`));
});

for (const status of [400, 401, 403, 404, 406, 409, 413, 422, 501]) {
  Deno.test(`lfs.md case 43: ${status} is an internal error after one attempt`, async () => {
    await using api = openScriptedApi([json(status, { message: "GitLab's" })]);
    const { replies } = await transfer(BATCH, { url: api.url });
    assertEquals([replies, api.attempts.length], [INTERNAL, 1]);
  });
}

for (const status of [429, 500, 502, 503]) {
  Deno.test(`lfs.md cases 44 and 45: ${status} for ever ends after four attempts`, async () => {
    await using api = openScriptedApi([json(status, {})]);
    const { replies, sleepsMs } = await transfer(BATCH, { url: api.url });
    assertEquals([replies, api.attempts.length], [INTERNAL, 4]);
    assertEquals(sleepsMs, [1000, 2000, 4000]);
  });
}

Deno.test("lfs.md cases 44 and 45: Retry-After is waited for, half a minute at most", async () => {
  await using api = openScriptedApi([
    json(503, {}, { "Retry-After": "2" }),
    json(429, {}, { "Retry-After": "0" }),
    json(503, {}, { "Retry-After": "3600" }),
    json(200, { objects: [] }),
  ]);
  const { replies, sleepsMs } = await transfer(BATCH, { url: api.url });
  assertEquals([replies, sleepsMs], [EMPTY_OK, [2000, 0, 30_000]]);
});

Deno.test("lfs.md 3.2: a connection that breaks is tried again", async () => {
  await using api = openScriptedApi([
    raw(),
    raw("HTTP/1.1 200 OK\r\nConte"),
    raw("nonsense\r\n\r\n"),
    json(200, { objects: [] }),
  ]);
  const { replies } = await transfer(BATCH, { url: api.url });
  assertEquals([replies, api.attempts.length], [EMPTY_OK, 4]);
});

Deno.test("lfs.md 3.7: nobody listens", async () => {
  const { replies, sleepsMs } = await transfer(BATCH);
  assertEquals([replies, sleepsMs], [INTERNAL, [1000, 2000, 4000]]);
});

const BODIES: readonly (readonly [string, ScriptedAnswer, string])[] = [
  ["no JSON", whole(200, "<html>"), INTERNAL],
  ["nothing", whole(200, ""), INTERNAL],
  ["an array", whole(200, "[]"), INTERNAL],
  ["objects that are null", whole(200, '{"objects":null}'), EMPTY_OK],
  ["an object that is null", whole(200, '{"objects":[null]}'), INTERNAL],
  ["objects that are none", whole(200, '{"objects":[1]}'), INTERNAL],
  [
    "a size with a fraction",
    whole(200, '{"objects":[{"size":1.5}]}'),
    INTERNAL,
  ],
  [
    "a body that breaks off",
    raw('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"objects":'),
    INTERNAL,
  ],
];
for (const [name, answer, reply] of BODIES) {
  Deno.test(`lfs.md case 46: an answer with ${name}`, async () => {
    await using api = openScriptedApi([answer]);
    const input = BATCH + t("version 1") + F;
    const { replies } = await transfer(input, { url: api.url });
    assertEquals(replies, reply + EMPTY_OK);
  });
}

Deno.test("lfs.md case 47: an action that is null is none", async () => {
  for (const operation of ["download", "upload"] as const) {
    await using api = openScriptedApi([json(200, {
      objects: [{ oid, size: 12, actions: { download: null, upload: null } }],
    })]);
    const { replies } = await transfer(BATCH, { url: api.url, operation });
    assertEquals(replies, t("status 200") + D + t(`${oid} 12 noop`) + F);
  }
});

Deno.test("lfs.md 2.9: a header that is null is an empty one", async () => {
  const action = { href: "http://h/", header: { A: null } };
  await using api = openScriptedApi([json(200, {
    objects: [{ oid, size: 12, actions: { upload: action } }],
  })]);
  const { replies } = await transfer(BATCH, { url: api.url });
  const [, id = ""] = / id=(\S+)/.exec(replies) ?? [];
  assertEquals(
    JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(id))).headers,
    { A: "" },
  );
});

Deno.test("lfs.md 2.8: no objects at all are asked about all the same", async () => {
  await using api = openScriptedApi([json(404, { message: "Not found." })]);
  const { replies } = await transfer(t("batch") + D + F, { url: api.url });
  assertEquals(replies, INTERNAL);
  assertEquals(
    api.seen(0).body,
    '{"operation":"upload","objects":[],"ref":{}}',
  );
});

Deno.test("lfs.md 2.2: an API without an address is an internal error", async () => {
  const { replies, sleepsMs } = await transfer(BATCH, { url: "" });
  assertEquals([replies, sleepsMs], [INTERNAL, []]);
});
