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

const FINAL: readonly (readonly [
  name: string,
  answer: ScriptedAnswer,
  message: string,
  status: number,
  kind: "policy" | "system",
])[] = [
  ["case 36", json(501, { message: "nope" }), "nope", 501, "system"],
  [
    "case 38",
    json(403, { message: "Not allowed!" }),
    "Not allowed!",
    403,
    "policy",
  ],
  ["case 39", whole(403, ""), "Internal API error (403)", 403, "policy"],
  ["case 40", whole(404, "<html>"), "Internal API error (404)", 404, "policy"],
  ["case 41", json(404, { error: "404 Not Found" }), "", 404, "policy"],
  [
    "case 42",
    json(422, { message: { base: ["x"] } }),
    "Internal API error (422)",
    422,
    "policy",
  ],
  [
    "case 43",
    json(400, { message: "Don't do that" }),
    "Don't do that",
    400,
    "system",
  ],
  ["case 44", json(403, { message: "a\nb" }), "a\nb", 403, "policy"],
  [
    "shell.md case 140 and internal-api.md case 67",
    json(401, { message: "no", gl_console_messages: ["a"] }),
    "no",
    401,
    "policy",
  ],
  [
    "case 45",
    whole(301, "", { Location: "http://127.0.0.1:1/x" }),
    'Internal API returned redirect (301) to "http://127.0.0.1:1/x"',
    301,
    "system",
  ],
  [
    "3.2",
    whole(302, "", { Location: "/y" }),
    'Internal API returned redirect (302) to "/y"',
    302,
    "system",
  ],
  [
    "case 46",
    whole(308, ""),
    'Internal API returned redirect (308) to ""',
    308,
    "system",
  ],
  [
    "3.3, body not read",
    stall("HTTP/1.1 303 See\r\nLocation: L\r\nContent-Length: 9\r\n\r\n"),
    'Internal API returned redirect (303) to "L"',
    303,
    "system",
  ],
  [
    "3.2, body breaks off",
    raw('HTTP/1.1 403 No\r\nContent-Length: 99\r\n\r\n{"message":"no"'),
    "Internal API error (403)",
    403,
    "policy",
  ],
];
for (const [name, answer, message, status, kind] of FINAL) {
  Deno.test(`internal-api.md ${name}: one attempt, ${JSON.stringify(message)}`, async () => {
    await using served = serveApi([answer]);
    await assertFails(served.client.allowed(QUESTION), message, status, kind);
    assertEquals(served.api.connections, 1);
    assertEquals(served.clock.sleepsMs, []);
  });
}

const UNPARSABLE: readonly (readonly [name: string, answer: ScriptedAnswer])[] =
  [
    ["case 47: 304", whole(304, "")],
    ["case 48: an empty body", whole(200, "")],
    ["case 48: an array", json(200, [])],
    ["case 48: HTML", whole(200, "<html>")],
    ["case 51: a key id in quotes", json(200, { gl_key_id: "7" })],
    [
      "1.6: a body that breaks off",
      raw("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}"),
    ],
    [
      "1.6: chunks that break off",
      raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"),
    ],
    [
      "a chunk of garbage",
      raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
    ],
    ["gzip that is none", whole(200, "{}", { "Content-Encoding": "gzip" })],
  ];
for (const [name, answer] of UNPARSABLE) {
  Deno.test(`internal-api.md ${name} makes "parsing failed", once`, async () => {
    await using served = serveApi([answer]);
    await assertFails(served.client.allowed(QUESTION), "parsing failed");
    assertEquals(served.api.connections, 1);
  });
}

async function gzipped(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const BODIES: readonly (readonly [
  name: string,
  answer: ScriptedAnswer | Promise<ScriptedAnswer>,
])[] = [
  [
    "case 49: garbage after the value",
    whole(200, '{"id":5,"username":"mira"}garbage'),
  ],
  [
    "chunks",
    raw(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"id":5,\r\n',
      '12\r\n"username":"mira"}\r\n0\r\n\r\n',
    ),
  ],
  [
    "the end of the connection",
    raw("HTTP/1.0 200 OK\r\n\r\n", '{"id":5,"username":"mira"}'),
  ],
  [
    "an interim response",
    raw(
      "HTTP/1.1 103 H\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
      '{"id":5,"username":"mira"}',
    ),
  ],
  [
    "a byte at a time",
    raw(
      ...'HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\n{"id":5,"username":"mira"}',
    ),
  ],
  [
    "any content type",
    whole(200, '{"id":5,"username":"mira"}', { "Content-Type": "text/html" }),
  ],
  [
    "gzip",
    gzipped('{"id":5,"username":"mira"}').then((body) =>
      whole(200, body, { "Content-Encoding": "GZIP" })
    ),
  ],
  ["a success that is not 200", whole(226, '{"id":5,"username":"mira"}')],
];
for (const [name, answer] of BODIES) {
  Deno.test(`internal-api.md 1.8: a body with ${name} is read`, async () => {
    await using served = serveApi([await answer]);
    assertEquals(await served.client.discover(KEY), {
      id: 5,
      username: "mira",
    });
  });
}

Deno.test("an answer given before the request was read is taken", async () => {
  // The server hangs up with most of a large request unread.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    const conn = await listener.accept();
    await conn.read(new Uint8Array(16));
    await conn.write(
      new TextEncoder().encode(
        'HTTP/1.1 413 Big\r\nContent-Length: 17\r\n\r\n{"message":"big"}',
      ),
    );
    await conn.closeWrite();
    for (
      const buffer = new Uint8Array(65536);
      await conn.read(buffer).catch(() => null) !== null;
    );
    conn.close();
  })();
  const { client } = makeApiHarness({
    gitlabUrl: `http://127.0.0.1:${listener.addr.port}`,
  });
  await assertFails(
    client.allowed({ ...QUESTION, project: "x".repeat(4_000_000) }),
    "big",
    413,
    "policy",
  );
  listener.close();
  await serving;
});

Deno.test("internal-api.md case 55: an attempt has its time, and the call three", async () => {
  await using served = serveApi([stall()], { readTimeoutMs: 40 });
  const startMs = performance.now();
  await assertFails(
    served.client.discover(KEY),
    "Internal API unreachable",
    0,
    "system",
  );
  assertEquals(served.api.attempts.length, 3);
  assertEquals(served.clock.sleepsMs, [1_000, 2_000]);
  assert(performance.now() - startMs >= 115);
});

Deno.test("internal-api.md case 56: a body that stalls is one attempt and no answer", async () => {
  const head = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{";
  await using served = serveApi([stall(head)], { readTimeoutMs: 40 });
  await assertFails(served.client.discover(KEY), "parsing failed");
  assertEquals(served.api.attempts.length, 1);
});

Deno.test("internal-api.md 1.6: an error whose body stalls is told by its status", async () => {
  const head = "HTTP/1.1 403 No\r\nContent-Length: 99\r\n\r\n{";
  await using served = serveApi([stall(head)], { readTimeoutMs: 40 });
  await assertFails(
    served.client.discover(KEY),
    "Internal API error (403)",
    403,
    "policy",
  );
  assertEquals(served.api.attempts.length, 1);
});

const URL_OF_DISCOVER = "/api/v4/internal/discover?key_id=4711";

Deno.test("shell.md H1: a finished request is recorded, with its length if that is known", async () => {
  await using served = serveApi([
    MIRA,
    raw("HTTP/1.1 200 OK\r\n\r\n{}"),
    whole(200, await gzipped("{}"), { "Content-Encoding": "gzip" }),
  ]);
  const { client, api, records } = served;
  for (let count = 0; count < 3; count++) await client.discover(KEY);
  const record = {
    level: "INFO",
    msg: "Finished HTTP request",
    method: "GET",
    url: api.url + URL_OF_DISCOVER,
    duration_s: 0,
    status: 200,
  };
  assertEquals(records, [
    { ...record, content_length_bytes: 45 },
    record,
    record,
  ]);
  assertEquals(Object.keys(records[0] ?? {}), [
    "level",
    "msg",
    "method",
    "url",
    "duration_s",
    "status",
    "content_length_bytes",
  ]);
});

const RECORDED: readonly (readonly [
  status: number,
  level: string,
  msg: string,
])[] = [
  [300, "INFO", "Finished HTTP request"],
  [301, "ERROR", "Internal API error"],
  [304, "INFO", "Finished HTTP request"],
  [308, "ERROR", "Internal API error"],
  [400, "ERROR", "Internal API error"],
  [401, "INFO", "Internal API returned a client error"],
  [404, "INFO", "Internal API returned a client error"],
  [429, "INFO", "Internal API returned a client error"],
  [500, "ERROR", "Internal API error"],
  [501, "ERROR", "Internal API error"],
  [503, "ERROR", "Internal API error"],
];
for (const [status, level, msg] of RECORDED) {
  Deno.test(`shell.md H1 to H3: ${status} is recorded once per attempt as ${level}`, async () => {
    await using served = serveApi([whole(status, "")]);
    await served.client.allowed(QUESTION).catch(() => {});
    const { api, records } = served;
    assertEquals(records.length, api.attempts.length);
    for (const record of records) {
      assertEquals([record["level"], record["msg"], record["status"]], [
        level,
        msg,
        status,
      ]);
      assertEquals(record["url"], `${api.url}/api/v4/internal/allowed`);
      assertEquals(record["method"], "POST");
    }
  });
}

Deno.test("shell.md H4: an attempt without a response is recorded with its cause", async () => {
  await using served = serveApi([raw("SSH-2.0-x\r\n")]);
  await served.client.discover(KEY).catch(() => {});
  const { api, records } = served;
  assertEquals(records[0], {
    level: "ERROR",
    msg: "Internal API unreachable",
    method: "GET",
    url: api.url + URL_OF_DISCOVER,
    duration_s: 0,
    error_message: "No status line",
  });
  assertEquals(records.length, 3);
});

Deno.test("the duration of a record is in seconds, up to the head", async () => {
  await using served = serveApi([async (peer) => {
    served.clock.advance(113);
    await MIRA(peer, served.api.seen(0));
  }]);
  await served.client.discover(KEY);
  assertEquals(served.records[0]?.["duration_s"], 0.113);
});

Deno.test("keys-and-config.md 2.7: the public key stays out of the records", async () => {
  await using served = serveApi([whole(500, ""), raw(), json(404, {})]);
  await served.client.authorizedKey("AAAAsecretish").catch(() => {});
  const { api, records, logText } = served;
  assertEquals(records.length, 3);
  for (const { url } of records) {
    assertEquals(url, `${api.url}/api/v4/internal/authorized_keys`);
  }
  assert(!logText().includes("AAAAsecretish"));
});

Deno.test("no secret, credential or token stands in any record", async () => {
  await using served = serveApi(
    [whole(500, ""), raw(), whole(403, "x"), MIRA],
    {
      secret: "sesame-opens",
      user: "us",
      password: "pass-word",
    },
  );
  await served.client.discover(KEY).catch(() => {});
  await served.client.discover(KEY);
  const text = served.logText();
  assertEquals(served.records.length, 4);
  for (const attempt of served.api.attempts) {
    for (const name of ["Authorization", "Gitlab-Shell-Api-Request"]) {
      const [value = ""] = headerValues(attempt, name);
      assert(value.length > 10 && !text.includes(value));
    }
  }
  for (const word of ["sesame", "pass-word", "Basic", "eyJ"]) {
    assert(!text.includes(word), word);
  }
});
