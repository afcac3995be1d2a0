import { assert, assertEquals } from "@std/assert";
import { ApiError } from "../../../src/core/errors.ts";
import { headerValues } from "../../../src/devstack/api/http_message.ts";
import {
  type PrimaryAnswer,
  type SeenRequest,
  startFakePrimary,
} from "../../support/fake_primary.ts";
import { readerOf } from "../../support/fake_host.ts";
import {
  customAction,
  OpenInput,
  type RemoteRun,
  runRemotely,
} from "../../support/remote_command.ts";

type Service = RemoteRun["service"];

const HEADERS = { Authorization: "GL-Geo EXAMPLE" };
const PREFIXES = {
  "upload-pack": "001e# service=git-upload-pack\n0000",
  "receive-pack": "001f# service=git-receive-pack\n0000",
};
const ADV = "003fthe references\n0000";
const OLD = "a".repeat(40);
const ZERO = "0".repeat(40);
const pkt = (text: string) =>
  (text.length + 4).toString(16).padStart(4, "0") + text;
const UPDATE = pkt(`${ZERO} ${OLD} refs/heads/a\0report-status`);
const REMOVAL = pkt(`${OLD} ${ZERO} refs/heads/a\0report-status`);
const UNAVAILABLE = "Remote repository is unavailable";

const messageOf = (error: unknown) =>
  error instanceof Error ? error.message : error;

/** The two answers of Git over HTTP. */
function smart(
  service: Service,
  post: PrimaryAnswer,
  advertisement: readonly string[] = [PREFIXES[service] + ADV],
) {
  return (index: number) => index === 0 ? { body: advertisement } : post;
}

/** Reads the request to its end and then answers. */
const reads = (body: string): PrimaryAnswer => ({
  readsFirst: true,
  body: [body],
});

function find(seen: readonly SeenRequest[], index: number): SeenRequest {
  const request = seen[index];
  if (!request) throw new RangeError(`No request ${index} came`);
  return request;
}

Deno.test("shell.md cases 160 and 175, internal-api.md case 106: a fetch by two requests", async () => {
  const request = `${pkt(`want ${OLD}\n`)}00000009done\n`;
  await using primary = startFakePrimary(smart("upload-pack", reads("PACK")));
  const { error, stdout, records, packCalls } = await runRemotely({
    service: "upload-pack",
    answer: customAction({
      primaryRepo: `${primary.url}/a.git`,
      requestHeaders: HEADERS,
    }),
    stdin: readerOf(request),
    gitProtocol: "version=2",
    forwardedFor: "192.0.2.1",
  });
  assertEquals(error, undefined);
  assertEquals(stdout.text, `${ADV}PACK`);
  assertEquals(packCalls, []);
  const [get, post] = [find(primary.seen, 0), find(primary.seen, 1)];
  assertEquals(get.method, "GET");
  assertEquals(get.target, "/a.git/info/refs?service=git-upload-pack");
  assertEquals([post.method, post.target], ["POST", "/a.git/git-upload-pack"]);
  assertEquals([post.body, post.isWhole], [request, true]);
  for (const { headers } of [get, post]) {
    assertEquals(headerValues(headers, "Authorization"), ["GL-Geo EXAMPLE"]);
    assertEquals(headerValues(headers, "User-Agent"), ["GitLab-Shell"]);
    assertEquals(headerValues(headers, "Connection"), ["close"]);
    assertEquals(headerValues(headers, "X-Forwarded-For"), ["192.0.2.1"]);
    assertEquals(headerValues(headers, "X-Request-Id"), [
      "01K2XZ7Q4W8N3M5R6T9V0B1C2D",
    ]);
    // shell.md case 175: always version 0.
    assertEquals(headerValues(headers, "Git-Protocol"), []);
    assertEquals(headerValues(headers, "Gitlab-Shell-Api-Request"), []);
  }
  assertEquals(headerValues(post.headers, "Content-Type"), [
    "application/x-git-upload-pack-request",
  ]);
  assertEquals(headerValues(post.headers, "Accept"), [
    "application/x-git-upload-pack-result",
  ]);
  assertEquals(headerValues(post.headers, "Transfer-Encoding"), ["chunked"]);
  assertEquals(records.map(({ msg }) => msg), [
    "Finished HTTP request",
    "Finished HTTP request",
  ]);
});

Deno.test("shell.md case 161: nothing that follows done is sent", async () => {
  await using primary = startFakePrimary(smart("upload-pack", reads("PACK")));
  const stdin = new OpenInput();
  stdin.say("0009done\nmore");
  const { error } = await runRemotely({
    service: "upload-pack",
    answer: customAction({ primaryRepo: primary.url }),
    stdin,
  });
  assertEquals(error, undefined);
  assertEquals(find(primary.seen, 1).body, "0009done\n");
});

const PUSHES = [
  ["shell.md case 167: three writes", [UPDATE, "0000", "PACK some data"], true],
  ["shell.md case 168: one write", [`${UPDATE}0000PACK some data`], true],
  ["shell.md case 169: removals alone", [REMOVAL, "0000"], false],
  ["shell.md case 170: nothing to do", ["0000"], false],
  ["internal-api.md case 108: one removal at once", [`${REMOVAL}0000`], false],
] as const;
for (const [name, pieces, ends] of PUSHES) {
  Deno.test(`${name}: all of a push arrives`, async () => {
    await using primary = startFakePrimary(smart("receive-pack", reads("ok")));
    const stdin = new OpenInput();
    for (const piece of pieces) stdin.say(piece);
    if (ends) stdin.end();
    const { error, stdout } = await runRemotely({
      service: "receive-pack",
      answer: customAction({ primaryRepo: primary.url }),
      stdin,
    });
    assertEquals(error, undefined);
    assertEquals(stdout.text, `${ADV}ok`);
    const { body, isWhole, headers } = find(primary.seen, 1);
    assertEquals([body, isWhole], [pieces.join(""), true]);
    assertEquals(headerValues(headers, "Accept"), [
      "application/x-git-receive-pack-result",
    ]);
  });
}

for (
  const [name, size] of [["shell.md case 171", 10], [
    "internal-api.md case 110",
    1,
  ]] as const
) {
  Deno.test(`${name}: references in pieces of ${size} bytes`, async () => {
    const whole = PREFIXES["receive-pack"] + ADV;
    const pieces: string[] = [];
    for (let at = 0; at < whole.length; at += size) {
      pieces.push(whole.slice(at, at + size));
    }
    await using primary = startFakePrimary(
      smart("receive-pack", reads(""), pieces),
    );
    const { error, stdout } = await runRemotely({
      service: "receive-pack",
      answer: customAction({ primaryRepo: primary.url }),
      stdin: readerOf("0000"),
    });
    assertEquals(error, undefined);
    assertEquals(stdout.text, ADV);
  });
}

interface Refusal {
  readonly name: string;
  readonly service: Service;
  readonly answers: readonly PrimaryAnswer[];
  readonly text: string;
  readonly stdout?: string;
  readonly isPlain?: boolean;
}

const good = (service: Service): PrimaryAnswer => ({
  body: [PREFIXES[service] + ADV],
});
const REFUSALS: readonly Refusal[] = [
  {
    name: "shell.md case 162, internal-api.md case 112: 403 without text",
    service: "upload-pack",
    answers: [{ status: 403 }],
    text: UNAVAILABLE,
  },
  {
    name: "shell.md case 163: something else than references",
    service: "upload-pack",
    answers: [{ body: ["unexpected response"] }],
    text: "unexpected git-upload-pack response",
    isPlain: true,
  },
  {
    name: "internal-api.md case 109: less than the announcement",
    service: "upload-pack",
    answers: [{ body: ["hello"] }],
    text: "unexpected git-upload-pack response",
    isPlain: true,
  },
  {
    name: "the announcement of the other service",
    service: "upload-pack",
    answers: [{ body: [PREFIXES["receive-pack"] + ADV] }],
    text: "unexpected git-upload-pack response",
    isPlain: true,
  },
  {
    name: "a login page",
    service: "receive-pack",
    answers: [{ body: ["<!DOCTYPE html><html>".padEnd(5000, "x")] }],
    text: "unexpected git-receive-pack response",
    isPlain: true,
  },
  {
    name: "shell.md case 164: 403 to the request itself",
    service: "upload-pack",
    answers: [good("upload-pack"), { status: 403 }],
    text: UNAVAILABLE,
    stdout: ADV,
  },
  {
    name: "shell.md case 165, internal-api.md case 111: a refusal's text",
    service: "receive-pack",
    answers: [{
      status: 403,
      body: ["You are not allowed to push code to this project"],
    }],
    text: "You are not allowed to push code to this project",
  },
  {
    name: "shell.md case 166: something else than references of a push",
    service: "receive-pack",
    answers: [{ body: ["unexpected response"] }],
    text: "unexpected git-receive-pack response",
    isPlain: true,
  },
  {
    name: "shell.md case 176: an error that breaks off",
    service: "upload-pack",
    answers: [{ status: 502, body: ["half"], contentLengthBytes: 100 }],
    text: UNAVAILABLE,
  },
  {
    name: "an error page is shown as it is",
    service: "upload-pack",
    answers: [{ status: 502, body: ["<html>\n", "bad</html>"] }],
    text: "<html>\nbad</html>",
  },
  {
    name: "references that break off",
    service: "upload-pack",
    answers: [{
      body: [PREFIXES["upload-pack"], "003fhalf"],
      contentLengthBytes: 1000,
    }],
    text: "unexpected EOF",
    stdout: "003fhalf",
    isPlain: true,
  },
  {
    name: "no answer at all",
    service: "upload-pack",
    answers: [{ closesBeforeHeaders: true }],
    text: UNAVAILABLE,
  },
  {
    name: "a redirect of the request itself",
    service: "receive-pack",
    answers: [good("receive-pack"), {
      status: 307,
      headers: [["Location", "/elsewhere"]],
      body: ["not for git"],
    }],
    text: UNAVAILABLE,
    stdout: ADV,
  },
  {
    name: "a redirect without a place",
    service: "upload-pack",
    answers: [{ status: 302 }],
    text: UNAVAILABLE,
  },
  {
    name: "a redirect to a file",
    service: "upload-pack",
    answers: [{ status: 302, headers: [["Location", "file:///etc/passwd"]] }],
    text: UNAVAILABLE,
  },
];
for (const row of REFUSALS) {
  Deno.test(`${row.name} is told to the user`, async () => {
    await using primary = startFakePrimary((index) =>
      row.answers[index] ?? { status: 500, body: ["asked too often"] }
    );
    const { error, stdout } = await runRemotely({
      service: row.service,
      answer: customAction({ primaryRepo: primary.url }),
      stdin: readerOf("0000"),
    });
    assertEquals(messageOf(error), row.text);
    assertEquals(stdout.text, row.stdout ?? "");
    assertEquals(primary.seen.length, row.answers.length);
    if (row.isPlain) return;
    // Never counted as a fault of ours.
    assertEquals(error instanceof ApiError && error.kind, "policy");
  });
}

Deno.test("internal-api.md case 112: a primary that is not there", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const { error, records } = await runRemotely({
    service: "upload-pack",
    answer: customAction({ primaryRepo: `http://127.0.0.1:${port}` }),
  });
  assertEquals(messageOf(error), UNAVAILABLE);
  assertEquals(records.map(({ msg }) => msg), ["Internal API unreachable"]);
});

for (
  const primaryRepo of [
    "",
    "ssh://primary/a.git",
    "file:///etc/passwd",
    "http://",
    "http://a b/",
  ]
) {
  Deno.test(`a primary at ${JSON.stringify(primaryRepo)} is unavailable`, async () => {
    const { error } = await runRemotely({
      service: "upload-pack",
      answer: customAction({ primaryRepo }),
    });
    assertEquals(messageOf(error), UNAVAILABLE);
  });
}

const DIRECT = [
  ["upload-pack", "shell.md case 172, internal-api.md case 104"],
  ["receive-pack", "shell.md case 173"],
] as const;
for (const [service, name] of DIRECT) {
  Deno.test(`${name}: ${service} in one request, both talking at once`, async () => {
    const stdin = new OpenInput();
    await using primary = startFakePrimary(() => ({
      body: async function* (seen, more) {
        // The references come before a byte of the request.
        yield ADV;
        stdin.say("0000");
        while (!seen.body.endsWith("0000")) await more();
        yield "0008NAK\n";
        stdin.say("raw\0\xff");
        while (!seen.body.endsWith("\xff")) await more();
        yield "PACK";
        // The client's side is still open; the command ends all the same.
      },
    }));
    const { error, stdout, records } = await runRemotely({
      service,
      answer: customAction({
        primaryRepo: `${primary.url}/a.git`,
        requestHeaders: { Authorization: "token", "Git-Protocol": "other" },
        fetchDirectToPrimary: true,
        pushDirectToPrimary: true,
      }),
      stdin,
      gitProtocol: "version=2",
    });
    assertEquals(error, undefined);
    assertEquals(stdout.text, `${ADV}0008NAK\nPACK`);
    assertEquals(primary.seen.length, 1);
    const { method, target, headers, body } = find(primary.seen, 0);
    assertEquals([method, target], ["POST", `/a.git/ssh-${service}`]);
    assertEquals(body, "0000raw\0\xff");
    assertEquals(headerValues(headers, "Git-Protocol"), ["version=2"]);
    assertEquals(headerValues(headers, "Authorization"), ["token"]);
    assertEquals(headerValues(headers, "Content-Type"), []);
    assertEquals(headerValues(headers, "Accept"), []);
    assertEquals(
      records[0]?.["msg"],
      `Using Git over SSH ${service.replace("-", " ")}`,
    );
  });
}

Deno.test("internal-api.md case 105: no version is an empty header", async () => {
  await using primary = startFakePrimary(() => reads(""));
  await runRemotely({
    service: "receive-pack",
    answer: customAction({
      primaryRepo: primary.url,
      pushDirectToPrimary: true,
    }),
  });
  const { headers } = find(primary.seen, 0);
  assertEquals(headerValues(headers, "Git-Protocol"), [""]);
});

Deno.test("shell.md case 174, internal-api.md case 113: no further headers", async () => {
  await using primary = startFakePrimary(() => reads("ok"));
  const { error, stdout } = await runRemotely({
    service: "upload-pack",
    answer: customAction({
      primaryRepo: primary.url,
      fetchDirectToPrimary: true,
    }),
  });
  assertEquals([error, stdout.text], [undefined, "ok"]);
});

Deno.test("headers that would frame or name us are ours", async () => {
  await using primary = startFakePrimary(() => reads("ok"));
  await runRemotely({
    service: "upload-pack",
    answer: customAction({
      primaryRepo: primary.url,
      fetchDirectToPrimary: true,
      requestHeaders: {
        "content-length": "5",
        "Transfer-Encoding": "identity",
        Host: "other",
        "User-Agent": "other",
        "X-Request-ID": "other",
        "X-Kept": "yes",
      },
    }),
    stdin: readerOf("0000"),
  });
  const { headers, body } = find(primary.seen, 0);
  assertEquals(body, "0000");
  assertEquals(headerValues(headers, "Content-Length"), []);
  assertEquals(headerValues(headers, "Transfer-Encoding"), ["chunked"]);
  assertEquals(headerValues(headers, "Host"), [`127.0.0.1:${primary.port}`]);
  assertEquals(headerValues(headers, "User-Agent"), ["GitLab-Shell"]);
  assertEquals(headerValues(headers, "X-Request-Id").length, 1);
  assertEquals(headerValues(headers, "X-Kept"), ["yes"]);
});

Deno.test("a header that would break its line sends nothing", async () => {
  await using primary = startFakePrimary(() => reads("ok"));
  const { error } = await runRemotely({
    service: "upload-pack",
    answer: customAction({
      primaryRepo: primary.url,
      fetchDirectToPrimary: true,
      requestHeaders: { A: "b\r\nEvil: yes" },
    }),
  });
  assertEquals(messageOf(error), UNAVAILABLE);
  assertEquals(primary.seen, []);
});

Deno.test("a redirect of the references is followed on the same server", async () => {
  await using primary = startFakePrimary((index) =>
    index === 0
      ? { status: 301, headers: [["Location", "/b.git/info/refs?service=x"]] }
      : index === 1
      ? { body: [PREFIXES["upload-pack"] + ADV] }
      : reads("PACK")
  );
  const { error, stdout } = await runRemotely({
    service: "upload-pack",
    answer: customAction({
      primaryRepo: `${primary.url}/a.git`,
      requestHeaders: HEADERS,
    }),
  });
  assertEquals([error, stdout.text], [undefined, `${ADV}PACK`]);
  assertEquals(primary.seen.map(({ target }) => target), [
    "/a.git/info/refs?service=git-upload-pack",
    "/b.git/info/refs?service=x",
    "/a.git/git-upload-pack",
  ]);
  assertEquals(headerValues(find(primary.seen, 1).headers, "Authorization"), [
    "GL-Geo EXAMPLE",
  ]);
});

Deno.test("no header that was meant for the primary reaches another server", async () => {
  await using other = startFakePrimary(() => good("upload-pack"));
  await using primary = startFakePrimary((index) =>
    index === 0
      ? { status: 302, headers: [["Location", `${other.url}/x`]] }
      : reads("PACK")
  );
  const { error } = await runRemotely({
    service: "upload-pack",
    answer: customAction({
      primaryRepo: primary.url,
      requestHeaders: { ...HEADERS, "X-Secret": "s" },
    }),
  });
  assertEquals(error, undefined);
  const { headers } = find(other.seen, 0);
  assertEquals(headerValues(headers, "Authorization"), []);
  assertEquals(headerValues(headers, "X-Secret"), []);
  assertEquals(headerValues(headers, "User-Agent"), ["GitLab-Shell"]);
});

Deno.test("ten redirects are followed, the eleventh is not", async () => {
  await using primary = startFakePrimary(() => ({
    status: 302,
    headers: [["Location", "/again"]],
  }));
  const { error } = await runRemotely({
    service: "upload-pack",
    answer: customAction({ primaryRepo: primary.url }),
  });
  assertEquals(messageOf(error), UNAVAILABLE);
  assertEquals(primary.seen.length, 11);
});

Deno.test("a refusal that comes before the pack was sent is shown", async () => {
  await using primary = startFakePrimary(
    smart("receive-pack", { status: 403, body: ["too big"] }),
  );
  const stdin = new OpenInput();
  stdin.say(`${UPDATE}0000${"x".repeat(1_000_000)}`);
  const { error } = await runRemotely({
    service: "receive-pack",
    answer: customAction({ primaryRepo: primary.url }),
    stdin,
  });
  assertEquals(messageOf(error), "too big");
});

Deno.test("internal-api.md case 114, shell.md case 177: an archive goes to Gitaly", async () => {
  const { run } = await import("../../../src/command/upload_archive.ts");
  const { makeFakeSession, makeRequest } = await import(
    "../../support/fake_session.ts"
  );
  const session = makeFakeSession({
    answer: customAction({ primaryRepo: "http://127.0.0.1:1" }),
  });
  await run(makeRequest(["git-upload-archive", "a"]), session.context);
  assertEquals(session.packCalls.length, 1);
});

Deno.test("no audit event for what a primary has served", async () => {
  await using primary = startFakePrimary(() => reads("ok"));
  const action = customAction({
    primaryRepo: primary.url,
    fetchDirectToPrimary: true,
  });
  const { error, records } = await runRemotely({
    service: "upload-pack",
    answer: { ...action, needAudit: true },
  });
  assertEquals(error, undefined);
  assertEquals(records.map(({ msg }) => msg), [
    "Using Git over SSH upload pack",
    "Finished HTTP request",
  ]);
});

Deno.test("a session that ends takes its request along", async () => {
  const abort = new AbortController();
  await using primary = startFakePrimary(() => ({
    body: async function* (_seen, more) {
      yield ADV;
      abort.abort(new Error("client left"));
      while (await more());
    },
  }));
  const { error } = await runRemotely({
    service: "upload-pack",
    answer: customAction({
      primaryRepo: primary.url,
      fetchDirectToPrimary: true,
    }),
    stdin: new OpenInput(),
    signal: abort.signal,
  });
  assertEquals(messageOf(error), UNAVAILABLE);
});

Deno.test("a client that cannot be heard any more is what is reported", async () => {
  await using primary = startFakePrimary(() => ({
    body: async function* (_seen, more) {
      yield ADV;
      while (await more());
    },
  }));
  const { error } = await runRemotely({
    service: "receive-pack",
    answer: customAction({
      primaryRepo: primary.url,
      pushDirectToPrimary: true,
    }),
    stdin: { read: () => Promise.reject(new Error("channel is gone")) },
  });
  assertEquals(messageOf(error), "channel is gone");
});

Deno.test("a primary that hangs up is not taken for a user who did", async () => {
  await using primary = startFakePrimary(() => ({ closesBeforeHeaders: true }));
  const { error } = await runRemotely({
    service: "receive-pack",
    answer: customAction({
      primaryRepo: primary.url,
      pushDirectToPrimary: true,
    }),
    stdin: readerOf("x".repeat(2_000_000), "x".repeat(2_000_000)),
  });
  for (let at = error; at instanceof Error; at = at.cause) {
    assert(!(at instanceof Deno.errors.BrokenPipe));
  }
  assertEquals(messageOf(error), UNAVAILABLE);
});
