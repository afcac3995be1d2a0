/**
 * A Geo primary, or whoever has taken its place, that keeps a user waiting:
 * it never answers, stops in the middle, or takes nothing more. Whoever waits
 * for it must be let go, with GitLab's words; a user who is slow must not be.
 * @module
 */
import { assertEquals } from "@std/assert";
import type { ByteReader } from "../../src/core/io.ts";
import {
  type AnswerScript,
  type PrimaryAnswer,
  startFakePrimary,
} from "../support/fake_primary.ts";
import { readerOf } from "../support/fake_host.ts";
import {
  customAction,
  OpenInput,
  type RemoteRun,
  runRemotely,
} from "../support/remote_command.ts";

const SILENCE_MS = 250;
/** Longer than the silence that is allowed. */
const SLOW_MS = 3 * SILENCE_MS;
const UNAVAILABLE = "Remote repository is unavailable";
const OLD = "a".repeat(40);
const NEW = "b".repeat(40);
const ZERO = "0".repeat(40);
const ADV = "0008refs0000";
const PREFIX = "001e# service=git-upload-pack\n0000";
const pkt = (text: string) =>
  (text.length + 4).toString(16).padStart(4, "0") + text;
const REMOVAL = `${pkt(`${OLD} ${ZERO} refs/heads/a\0report-status`)}0000`;
const UPDATE = `${pkt(`${OLD} ${NEW} refs/heads/a\0report-status`)}0000`;

const messageOf = (error: unknown) =>
  error instanceof Error ? error.message : error;

/** What a user who is slow does meanwhile. */
function pause(timeoutMs = SLOW_MS): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, timeoutMs);
  return promise;
}

/** Settles when the present test has seen its command end. */
let commandEnded = Promise.withResolvers<void>();

/** Sends this, and then nothing while anybody waits. */
const stopsAfter = (...pieces: string[]): AnswerScript =>
  async function* (_seen, more) {
    yield* pieces;
    while (await more().catch(() => false));
    await commandEnded.promise;
  };

interface Row {
  readonly name: string;
  readonly service: RemoteRun["service"];
  readonly isDirect: boolean;
  readonly answers: readonly PrimaryAnswer[];
  readonly said?: string;
  readonly ends?: boolean;
}

const silent: PrimaryAnswer = { isSilent: true };
const ROWS: readonly Row[] = [
  {
    name: "never answers a fetch",
    service: "upload-pack",
    isDirect: true,
    answers: [silent],
  },
  {
    name: "never answers a push",
    service: "receive-pack",
    isDirect: true,
    answers: [silent],
  },
  {
    name: "never answers with references",
    service: "upload-pack",
    isDirect: false,
    answers: [silent],
  },
  {
    name: "stops within the references",
    service: "receive-pack",
    isDirect: true,
    answers: [{ body: stopsAfter("0008re") }],
  },
  {
    name: "stops within the references of two requests",
    service: "upload-pack",
    isDirect: false,
    answers: [{ body: stopsAfter(PREFIX, "0008re") }],
  },
  {
    name: "stops within a pack while the client's side is open",
    service: "upload-pack",
    isDirect: true,
    answers: [{ body: stopsAfter(ADV, "0008NAK\n", "0009\x01PACK") }],
    said: "0009done\n",
  },
  {
    name: "never answers a fetch's request",
    service: "upload-pack",
    isDirect: false,
    answers: [{ body: [PREFIX, ADV] }, silent],
    said: "0009done\n",
  },
  {
    name: "never reports on a push",
    service: "receive-pack",
    isDirect: true,
    answers: [{ body: stopsAfter(ADV) }],
    said: `${UPDATE}PACK`,
    ends: true,
  },
  {
    name: "never reports on a removal, whose client keeps its side open",
    service: "receive-pack",
    isDirect: true,
    answers: [{ body: stopsAfter(ADV) }],
    said: REMOVAL,
  },
];
for (const row of ROWS) {
  Deno.test(`a primary that ${row.name} is given up`, async () => {
    await using primary = startFakePrimary((index) =>
      row.answers[index] ?? silent
    );
    commandEnded = Promise.withResolvers();
    const stdin = new OpenInput();
    if (row.said !== undefined) stdin.say(row.said);
    if (row.ends) stdin.end();
    const { error } = await runRemotely({
      service: row.service,
      answer: customAction({
        primaryRepo: primary.url,
        fetchDirectToPrimary: row.isDirect,
        pushDirectToPrimary: row.isDirect,
      }),
      stdin,
      silenceMs: SILENCE_MS,
    });
    commandEnded.resolve();
    assertEquals(messageOf(error), UNAVAILABLE);
  });
}

Deno.test("a primary that takes no more of a push is given up", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const accepting = listener.accept();
  const mebibyte = "x".repeat(1 << 20);
  const endless: ByteReader = {
    read: () => Promise.resolve(new TextEncoder().encode(mebibyte)),
  };
  const { error } = await runRemotely({
    service: "receive-pack",
    answer: customAction({
      primaryRepo: `http://127.0.0.1:${port}`,
      pushDirectToPrimary: true,
    }),
    stdin: endless,
    silenceMs: SILENCE_MS,
  });
  assertEquals(messageOf(error), UNAVAILABLE);
  (await accepting).close();
  listener.close();
});

/** Accepts one connection and says this, byte by byte, until it is closed. */
function trickle(text: string): { port: number; ended: Promise<void> } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const ended = (async () => {
    using conn = await listener.accept();
    listener.close();
    const left = conn.read(new Uint8Array(4096)).then(async () => {
      while (await conn.read(new Uint8Array(4096)) !== null);
    }).catch(() => {});
    let isOver = false;
    left.then(() => isOver = true);
    for (const char of text) {
      if (isOver) return;
      await conn.write(new TextEncoder().encode(char)).catch(() => {});
      await pause(SILENCE_MS / 10);
    }
    await left;
  })();
  return { port: listener.addr.port, ended };
}

Deno.test("a head that trickles is given up, although it never rests", async () => {
  const { port, ended } = trickle(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(60)}`);
  const { error } = await runRemotely({
    service: "upload-pack",
    answer: customAction({
      primaryRepo: `http://127.0.0.1:${port}`,
      fetchDirectToPrimary: true,
    }),
    stdin: new OpenInput(),
    silenceMs: SILENCE_MS,
  });
  assertEquals(messageOf(error), UNAVAILABLE);
  await ended;
});

Deno.test("a primary that never shakes hands is given up", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = listener.accept();
  const { error } = await runRemotely({
    service: "upload-pack",
    answer: customAction({
      primaryRepo: `https://127.0.0.1:${listener.addr.port}`,
      fetchDirectToPrimary: true,
    }),
    silenceMs: SILENCE_MS,
  });
  assertEquals(messageOf(error), UNAVAILABLE);
  // Deno keeps the socket of a handshake that it gave up; the peer ends it.
  (await accepting).close();
  listener.close();
});

Deno.test("a client that compresses for long is not given up", async () => {
  await using primary = startFakePrimary(() => ({
    body: async function* (seen, more) {
      yield ADV;
      while (await more());
      yield seen.body.endsWith("PACK") ? "0006ok0000" : "no";
    },
  }));
  const stdin = new OpenInput();
  stdin.say(UPDATE);
  const running = runRemotely({
    service: "receive-pack",
    answer: customAction({
      primaryRepo: primary.url,
      pushDirectToPrimary: true,
    }),
    stdin,
    silenceMs: SILENCE_MS,
  });
  await pause();
  stdin.say("PACK");
  stdin.end();
  const { error, stdout } = await running;
  assertEquals([error, stdout.text], [undefined, `${ADV}0006ok0000`]);
});

Deno.test("a user who reads slowly is not taken for a silent primary", async () => {
  await using primary = startFakePrimary(() => ({
    body: [ADV, "0006ok0000"],
  }));
  let writes = 0;
  const { error } = await runRemotely({
    service: "upload-pack",
    answer: customAction({
      primaryRepo: primary.url,
      fetchDirectToPrimary: true,
    }),
    stdin: readerOf("0000"),
    silenceMs: SILENCE_MS,
    onOutput: () => writes++ === 0 ? pause() : Promise.resolve(),
  });
  assertEquals(error, undefined);
});

const NONSENSE = [
  ["head lines without end", `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(20_000)}`],
  ["interim answers without end", "HTTP/1.1 100 Continue\r\n\r\n".repeat(100)],
  ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n"],
  ["a switch of protocols", "HTTP/1.1 101 Yes\r\nUpgrade: x\r\n\r\n"],
  [
    "two lengths",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
  ],
  [
    "a refusal longer than anybody reads",
    `HTTP/1.1 403 No\r\n\r\n${"x".repeat(3 << 20)}`,
  ],
] as const;
for (const [name, text] of NONSENSE) {
  Deno.test(`a primary that sends ${name} is unavailable`, async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const serving = (async () => {
      using conn = await listener.accept();
      const bytes = new TextEncoder().encode(text);
      try {
        for (let at = 0; at < bytes.length;) {
          at += await conn.write(bytes.subarray(at));
        }
        while (await conn.read(new Uint8Array(4096)) !== null);
      } catch {
        // The client has seen enough.
      }
    })();
    const { error } = await runRemotely({
      service: "upload-pack",
      answer: customAction({
        primaryRepo: `http://127.0.0.1:${listener.addr.port}`,
        fetchDirectToPrimary: true,
      }),
      silenceMs: 10_000,
    });
    assertEquals(messageOf(error), UNAVAILABLE);
    listener.close();
    await serving;
  });
}

const BROKEN_BODIES = [
  ["a chunk of no size", "Transfer-Encoding: chunked\r\n\r\nzz\r\n"],
  ["a chunk that does not end", "Transfer-Encoding: chunked\r\n\r\n4\r\nab"],
  ["less than it said", "Content-Length: 10\r\n\r\nab"],
] as const;
for (const [name, rest] of BROKEN_BODIES) {
  Deno.test(`a primary that sends ${name} ends as the reference's`, async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const serving = (async () => {
      using conn = await listener.accept();
      const head = `HTTP/1.1 200 OK\r\n${rest}`;
      await conn.write(new TextEncoder().encode(head));
      await conn.closeWrite();
      while (await conn.read(new Uint8Array(4096)) !== null);
    })().catch(() => {});
    const { error } = await runRemotely({
      service: "upload-pack",
      answer: customAction({
        primaryRepo: `http://127.0.0.1:${listener.addr.port}`,
        fetchDirectToPrimary: true,
      }),
    });
    assertEquals(messageOf(error), "unexpected EOF");
    listener.close();
    await serving;
  });
}
