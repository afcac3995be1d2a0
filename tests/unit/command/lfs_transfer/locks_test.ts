import { assertEquals } from "@std/assert";
import {
  D,
  errorReply,
  F,
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

const INTERNAL = errorReply(500, "internal error");
const FORBIDDEN = errorReply(403, "error: forbidden");
const NOT_FOUND = errorReply(404, "error: not found");
const LOCK = {
  id: "1",
  path: "assets/a.bin",
  locked_at: "2024-01-02T03:04:05Z",
  owner: { name: "dev1" },
};
const ARGS = t("id=1") + t("path=assets/a.bin") +
  t("locked-at=2024-01-02T03:04:05Z") + t("ownername=dev1");
const LISTED = t("lock 1") + t("path 1 assets/a.bin") +
  t("locked-at 1 2024-01-02T03:04:05Z") + t("ownername 1 dev1");
const EMPTY_LIST = t("status 200") + D + F;

Deno.test("lfs.md case 74, T6: lock, conflict, list, unlock, gone", async () => {
  await using api = openScriptedApi([
    json(201, { lock: LOCK }),
    json(409, { lock: LOCK, message: "already locked" }),
    json(200, { ours: [LOCK], theirs: [] }),
    json(200, { lock: LOCK }),
    json(404, { message: "No lock could be found" }),
  ]);
  const { replies } = await transfer(
    t("lock") + t("path=assets/a.bin") + t("refname=refs/heads/main") + F +
      t("lock") + t("path=assets/a.bin") + F +
      t("list-lock") + t("refname=refs/heads/main") + F +
      t("unlock 1") + t("refname=refs/heads/main") + F +
      t("unlock 1") + F,
    { url: `${api.url}/group/repo.git` },
  );
  assertEquals(splitReplies(replies), [
    t("status 201") + ARGS + F,
    t("status 409") + ARGS + D + t("conflict") + F,
    t("status 200") + D + LISTED + t("owner 1 ours") + F,
    t("status 200") + ARGS + F,
    NOT_FOUND,
  ]);
  assertEquals(api.attempts.map(({ body }) => body), [
    '{"path":"assets/a.bin","ref":{"name":"refs/heads/main"}}',
    '{"path":"assets/a.bin"}',
    '{"limit":20,"ref":{"name":"refs/heads/main"}}',
    '{"force":false,"ref":{"name":"refs/heads/main"}}',
    '{"force":false}',
  ]);
  const root = "POST /group/repo.git/info/lfs/locks";
  assertEquals(api.attempts.map((seen) => `${seen.method} ${seen.target}`), [
    root,
    root,
    `${root}/verify`,
    `${root}/1/unlock`,
    `${root}/1/unlock`,
  ]);
  assertEquals(headerValues(api.seen(0), "Authorization"), [
    "Basic ZGVtbzp0b2tlbjEyMw==",
  ]);
});

Deno.test("lfs.md case 75: a lock without a path is not asked for", async () => {
  await using api = openScriptedApi([json(201, { lock: LOCK })]);
  const input = t("lock") + F + t("lock") + t("path=") + F;
  const { replies } = await transfer(input, { url: api.url });
  assertEquals([replies, api.connections], [INTERNAL + INTERNAL, 0]);
});

const OUTCOMES = [
  [400, INTERNAL],
  [401, INTERNAL],
  [403, FORBIDDEN],
  [404, NOT_FOUND],
  [406, INTERNAL],
  [413, INTERNAL],
  [422, INTERNAL],
  [501, INTERNAL],
] as const;
for (const [status, reply] of OUTCOMES) {
  Deno.test(`lfs.md cases 76 and 79: ${status} to lock and unlock, one attempt`, async () => {
    await using api = openScriptedApi([json(status, { message: "no" })]);
    const input = t("lock") + t("path=a") + F + t("unlock 1") + F;
    const { replies } = await transfer(input, { url: api.url });
    assertEquals([replies, api.attempts.length], [reply + reply, 2]);
  });
}

Deno.test("lfs.md 3.7: 409 to an unlock; an error page to a lock", async () => {
  await using api = openScriptedApi([
    json(409, { lock: LOCK }),
    whole(403, "<html>"),
  ]);
  const input = t("unlock 1") + F + t("lock") + t("path=a") + F;
  const { replies } = await transfer(input, { url: api.url });
  assertEquals(replies, INTERNAL + FORBIDDEN);
});

Deno.test("lfs.md case 76: 500 for ever ends after four attempts", async () => {
  await using api = openScriptedApi([json(500, {})]);
  const input = t("lock") + t("path=a") + F;
  const { replies } = await transfer(input, { url: api.url });
  assertEquals([replies, api.attempts.length], [INTERNAL, 4]);
});

const TIMES = [
  ["2024-01-02T03:04:05.678+02:00", "2024-01-02T03:04:05+02:00"],
  ["2024-01-02T03:04:05+00:00", "2024-01-02T03:04:05Z"],
  ["2024-02-29T23:59:59.999Z", "2024-02-29T23:59:59Z"],
  [null, "0001-01-01T00:00:00Z"],
  [undefined, "0001-01-01T00:00:00Z"],
] as const;
for (const [lockedAt, shown] of TIMES) {
  Deno.test(`lfs.md case 77: locked at ${lockedAt}`, async () => {
    const lock = { ...LOCK, locked_at: lockedAt };
    await using api = openScriptedApi([json(201, { lock })]);
    const input = t("lock") + t("path=a") + F;
    const { replies } = await transfer(input, { url: api.url });
    const args = ARGS.replace(
      t("locked-at=2024-01-02T03:04:05Z"),
      t(`locked-at=${shown}`),
    );
    assertEquals(replies, t("status 201") + args + F);
  });
}
for (const lockedAt of ["yesterday", "2024-02-30T00:00:00Z", "", 5]) {
  Deno.test(`lfs.md case 77: no time is ${JSON.stringify(lockedAt)}`, async () => {
    const lock = { ...LOCK, locked_at: lockedAt };
    await using api = openScriptedApi([json(201, { lock })]);
    const input = t("lock") + t("path=a") + F;
    const { replies } = await transfer(input, { url: api.url });
    assertEquals(replies, INTERNAL);
  });
}

for (const value of ["true", "TRUE", "1", ""]) {
  Deno.test(`lfs.md case 78: force=${value}`, async () => {
    await using api = openScriptedApi([json(200, { lock: LOCK })]);
    const input = t("unlock 2") + t(`force=${value}`) + F;
    await transfer(input, { url: api.url });
    assertEquals(api.seen(0).body, `{"force":${value === "true"}}`);
  });
}

Deno.test("lfs.md section 7 row 6: an id is one part of the path", async () => {
  await using api = openScriptedApi([json(200, { lock: LOCK })]);
  const input = t("unlock a/../b?x#y") + F + t("unlock ..") + F;
  const { replies } = await transfer(input, { url: api.url });
  assertEquals(
    api.attempts.map(({ target }) => target),
    ["/info/lfs/locks/a%2F..%2Fb%3Fx%23y/unlock"],
  );
  assertEquals(splitReplies(replies)[1], NOT_FOUND);
});

Deno.test("lfs.md cases 80 and 81: list-locks, and a download session", async () => {
  await using api = openScriptedApi([
    json(200, { ours: [LOCK], theirs: [{ ...LOCK, id: "2" }] }),
  ]);
  const input = t("list-lock") + F + t("list-locks") + F;
  const theirs = LISTED.replaceAll(/(lock|path|at|name) 1/g, "$1 2");
  for (
    const [operation, owners] of [["upload", true], [
      "download",
      false,
    ]] as const
  ) {
    const { replies } = await transfer(input, { url: api.url, operation });
    const list = t("status 200") + D + LISTED +
      (owners ? t("owner 1 ours") : "") + theirs +
      (owners ? t("owner 2 theirs") : "") + F;
    assertEquals(replies, list + list);
  }
});

Deno.test("lfs.md case 82: filters reach the server", async () => {
  await using api = openScriptedApi([
    json(200, { ours: [LOCK], next_cursor: "7" }),
  ]);
  const { replies } = await transfer(
    t("list-lock") + t("limit=2") + t("cursor=5") + t("id=a b/c") +
      t("refname=main") + t("refspec=x") + F,
    { url: api.url, operation: "download" },
  );
  assertEquals(
    replies,
    t("status 200") + t("next-cursor=7") + D + LISTED + F,
  );
  const { target, body } = api.seen(0);
  assertEquals(target, "/info/lfs/locks/verify?id=a+b%2Fc");
  assertEquals(body, '{"cursor":"5","limit":2,"ref":{"name":"main"}}');
});

const LIMITS = [
  ["500", 100],
  ["100", 100],
  ["abc", 20],
  ["0", 20],
  ["-1", 20],
  [
    "",
    20,
  ],
  ["99999999999999999999", 20],
] as const;
for (const [text, limit] of LIMITS) {
  Deno.test(`lfs.md case 82: limit=${text} means ${limit}`, async () => {
    await using api = openScriptedApi([json(200, {})]);
    const input = t("list-lock") + t(`limit=${text}`) + F;
    const { replies } = await transfer(input, { url: api.url });
    assertEquals(replies, EMPTY_LIST);
    assertEquals(api.seen(0).body, `{"limit":${limit},"ref":{}}`);
  });
}

const locksOf = (count: number) =>
  Array.from({ length: count }, (_, at) => ({
    ...LOCK,
    id: String(at + 1),
    path: `p${at + 1}`,
  }));

Deno.test("lfs.md case 83: a list that is cut has no next page", async () => {
  await using api = openScriptedApi([
    json(200, {
      ours: locksOf(15),
      theirs: locksOf(10),
      next_cursor: "26",
    }),
  ]);
  const { replies } = await transfer(t("list-lock") + F, { url: api.url });
  assertEquals(replies.match(/lock \d+\n/g)?.length, 20);
  assertEquals(replies.includes("next-cursor"), false);
});

Deno.test("lfs.md case 84: a refusal in JSON is an empty list", async () => {
  for (const status of [400, 401, 403, 404, 422, 501]) {
    await using api = openScriptedApi([
      json(status, { message: "no" }),
      whole(status, "<html>"),
    ]);
    const input = t("list-lock") + F + t("list-lock") + F;
    const { replies } = await transfer(input, { url: api.url });
    assertEquals(splitReplies(replies), [EMPTY_LIST, INTERNAL]);
  }
});

Deno.test("lfs.md case 85: one path", async () => {
  await using api = openScriptedApi([
    json(200, { ours: [], theirs: [] }),
    json(200, { ours: [{ ...LOCK, path: "other" }, LOCK] }),
    json(200, { ours: [], theirs: [{ ...LOCK, path: "other" }] }),
    json(403, { message: "no" }),
    whole(404, "<html>"),
    json(200, { ours: [LOCK] }),
  ]);
  const ask = t("list-lock") + t("path=assets/a.bin") + t("limit=9") +
    t("id=3") + t("refname=main");
  const { replies } = await transfer(
    (ask + F).repeat(5) + ask + t("cursor=2") + F,
    { url: api.url },
  );
  const none = errorReply(404, "lock for path assets/a.bin not found");
  assertEquals(splitReplies(replies), [
    none,
    t("status 200") + D + LISTED + t("owner 1 ours") + F,
    none,
    none,
    INTERNAL,
    none,
  ]);
  for (const { target, body } of api.attempts) {
    assertEquals(target, "/info/lfs/locks/verify?path=assets%2Fa.bin");
    assertEquals(body, '{"limit":1,"ref":{}}');
  }
});

Deno.test("lfs.md case 85: an empty path asks for the list", async () => {
  await using api = openScriptedApi([json(200, {})]);
  const input = t("list-lock") + t("path=") + F;
  const { replies } = await transfer(input, { url: api.url });
  assertEquals([replies, api.seen(0).target], [
    EMPTY_LIST,
    "/info/lfs/locks/verify",
  ]);
});

const CRASHES:
  readonly (readonly [string, readonly ScriptedAnswer[], string])[] = [
    ["2xx without a lock", [json(201, {})], INTERNAL],
    ["2xx with a null lock", [json(201, { lock: null })], INTERNAL],
    ["2xx that is no JSON", [whole(201, "x")], INTERNAL],
    ["null", [whole(201, "null")], INTERNAL],
    [
      "a lock without owner",
      [json(201, { lock: { ...LOCK, owner: null } })],
      t("status 201") + ARGS.replace(t("ownername=dev1"), t("ownername=")) + F,
    ],
    [
      "409 without a lock, which is looked up",
      [
        json(409, {}),
        json(200, { theirs: [LOCK] }),
      ],
      t("status 409") + ARGS + D + t("conflict") + F,
    ],
    [
      "409 without a lock, and none is found",
      [json(409, {}), json(200, { theirs: [{ ...LOCK, path: "b" }] })],
      INTERNAL,
    ],
    [
      "a number for an id",
      [json(201, { lock: { ...LOCK, id: 1 } })],
      INTERNAL,
    ],
    [
      "a body that breaks off",
      [raw("HTTP/1.1 201 Created\r\nContent-Length: 50\r\n\r\n{")],
      INTERNAL,
    ],
  ];
for (const [name, answers, reply] of CRASHES) {
  Deno.test(`lfs.md case 86: ${name}`, async () => {
    await using api = openScriptedApi(answers);
    const input = t("lock") + t("path=assets/a.bin") + F;
    const { replies, error } = await transfer(input, { url: api.url });
    assertEquals([replies, error], [reply, undefined]);
  });
}

Deno.test("lfs.md 3.8: a cursor and no lock", async () => {
  await using api = openScriptedApi([json(200, {})]);
  const input = t("list-lock") + t("path=X") + t("cursor=5") + F;
  const { replies } = await transfer(input, { url: api.url });
  assertEquals(replies, errorReply(404, "lock for path X not found"));
});

Deno.test("a line that no packet can hold is left out, and the rest goes on", async () => {
  const lock = { ...LOCK, path: "x".repeat(70_000) };
  await using api = openScriptedApi([json(200, { ours: [lock] })]);
  const { replies, session } = await transfer(t("list-lock") + F, {
    url: api.url,
    operation: "download",
  });
  const rest = LISTED.replace(t("path 1 assets/a.bin"), "");
  assertEquals(replies, t("status 200") + D + rest + F);
  assertEquals(
    session.records.filter(({ level }) => level === "ERROR").length,
    1,
  );
});
