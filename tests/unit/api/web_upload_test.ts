import { assert, assertEquals, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { WebFailure } from "../../../src/api/web_attempts.ts";
import { WebTransport } from "../../../src/api/web_transport.ts";
import { WebUpload } from "../../../src/api/web_upload.ts";
import { FakeClock } from "../../support/fake_host.ts";
import { openUploadServer } from "../../support/upload_server.ts";

const MIB = 1024 * 1024;
const SIZE = 9 * MIB + 5;
const REPLAY_BYTES = 4 * MIB;
const answer = (status: number, line = "") =>
  `HTTP/1.1 ${status} Scripted\r\nContent-Length: 0${line}`;

const data = new Uint8Array(SIZE);
for (let at = 0; at < SIZE; at += 65_536) {
  crypto.getRandomValues(data.subarray(at, Math.min(SIZE, at + 65_536)));
}
const digest = createHash("sha256").update(data).digest("hex");

function open(url: string, signal = new AbortController().signal) {
  const clock = new FakeClock();
  const transport = new WebTransport({
    env: () => undefined,
    setEnv: () => {},
  });
  const told = createHash("sha256");
  const upload = new WebUpload({ transport, clock, signal }, {
    request: {
      method: "PUT",
      url,
      headers: [["Authorization", "Basic eA=="], ["X-Extra", "1"]],
    },
    sizeBytes: SIZE,
    replay: new Uint8Array(REPLAY_BYTES),
    onBytes: (bytes) => told.update(bytes),
  });
  return { upload, clock, told };
}

/** Writes everything in pieces of git-lfs's size. */
async function writeAll(
  upload: WebUpload,
  until = SIZE,
  from = 0,
): Promise<void> {
  for (let at = from; at < until; at += 32_768) {
    await upload.write(data.subarray(at, Math.min(until, at + 32_768)));
  }
}

/** Writes everything as a slow client would, which hears of each answer. */
async function writeSlowly(upload: WebUpload): Promise<void> {
  const firstBytes = 48 * 32_768;
  for (let at = 0; at < firstBytes; at += 32_768) {
    await writeAll(upload, at + 32_768, at);
    for (let turn = 0; turn < 3; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  await writeAll(upload, SIZE, firstBytes);
}

Deno.test("lfs.md 5.3: all bytes arrive, and the last ones only at the end", async () => {
  await using server = openUploadServer();
  const { upload, told } = open(server.url);
  await writeAll(upload);
  upload.tellAll();
  upload.tellAll();
  assertEquals(told.copy().digest("hex"), digest);
  // What was written is on its way, and the server cannot have it all.
  while ((server.uploads[0]?.bodyBytes ?? 0) < 8 * MIB) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assertEquals(server.uploads[0]?.isComplete, false);
  assertEquals(await upload.finish(), 200);
  const [seen] = server.uploads;
  assertEquals([seen?.sha256, seen?.isComplete], [digest, true]);
  const head = seen?.head ?? "";
  assert(head.includes(`Content-Length: ${SIZE}\r\n`));
  assert(!/transfer-encoding/i.test(head));
});

Deno.test("lfs.md case 63: what is broken off is never complete", async () => {
  const server = openUploadServer();
  {
    const { upload } = open(server.url);
    using _ = upload;
    await writeAll(upload);
  }
  await server[Symbol.asyncDispose]();
  for (const { isComplete, bodyBytes } of server.uploads) {
    assertEquals(isComplete, false);
    assert(bodyBytes < SIZE);
  }
});

for (const status of [413, 404, 200, 401]) {
  Deno.test(`lfs.md case 68: ${status} before the body is read counts`, async () => {
    await using server = openUploadServer([
      { readBytes: 1, answer: answer(status) },
    ]);
    const { upload, clock } = open(server.url);
    await writeSlowly(upload);
    assertEquals(await upload.finish(), status);
    assertEquals([server.uploads.length, clock.sleepsMs], [1, []]);
  });
}

Deno.test("lfs.md 5.3 item 6: a server that is busy, then one that hangs up", async () => {
  await using server = openUploadServer([
    { readBytes: 1, answer: answer(503, "\r\nRetry-After: 3") },
    { readBytes: 1 },
    { answer: answer(200) },
  ]);
  const { upload, clock } = open(server.url);
  await writeSlowly(upload);
  assertEquals(await upload.finish(), 200);
  assertEquals(clock.sleepsMs, [3000, 2000]);
  assertEquals(server.uploads[2]?.sha256, digest);
});

Deno.test("lfs.md 5.3 item 6: the second attempt gets every byte", async () => {
  await using server = openUploadServer([
    { readBytes: 1, answer: answer(503) },
    { answer: answer(201) },
  ]);
  const { upload, clock, told } = open(server.url);
  await writeSlowly(upload);
  assertEquals(await upload.finish(), 201);
  assertEquals(told.digest("hex"), digest);
  assertEquals(clock.sleepsMs, [1000]);
  assertEquals(server.uploads.map(({ sha256 }) => sha256)[1], digest);
});

Deno.test("lfs.md 5.3 item 6: four attempts in all", async () => {
  await using server = openUploadServer([
    { readBytes: 1, answer: answer(500) },
  ]);
  const { upload, clock } = open(server.url);
  await writeSlowly(upload);
  await assertRejects(() => upload.finish(), WebFailure, "tried 4 times");
  assertEquals([server.uploads.length, clock.sleepsMs], [
    4,
    [1000, 2000, 4000],
  ]);
});

Deno.test("lfs.md 5.3 item 6: beyond what was kept there is no repeat", async () => {
  await using server = openUploadServer([
    { readBytes: 7 * MIB, answer: answer(503) },
  ]);
  const { upload, clock } = open(server.url);
  await writeAll(upload);
  await assertRejects(() => upload.finish(), WebFailure, "cannot be repeated");
  assertEquals([server.uploads.length, clock.sleepsMs], [1, []]);
});

Deno.test("a server that hangs up in the middle", async () => {
  await using server = openUploadServer([{ readBytes: 7 * MIB }]);
  const { upload } = open(server.url);
  await writeAll(upload);
  await assertRejects(() => upload.finish(), WebFailure);
  assertEquals(server.uploads.length, 1);
});

Deno.test("nobody listens: four attempts, and the writer is not stopped", async () => {
  const { upload, clock } = open("http://127.0.0.1:1/");
  await writeAll(upload);
  await assertRejects(() => upload.finish(), WebFailure, "tried 4 times");
  assertEquals(clock.sleepsMs, [1000, 2000, 4000]);
});

Deno.test("lfs.md 3.1: 307 leads elsewhere with the bytes, and without what opens doors", async () => {
  await using target = openUploadServer();
  await using server = openUploadServer([
    { readBytes: 1, answer: answer(307, `\r\nLocation: ${target.url}/y`) },
  ]);
  const { upload } = open(`${server.url}/x`);
  await writeSlowly(upload);
  assertEquals(await upload.finish(), 200);
  const [seen] = target.uploads;
  assertEquals(seen?.sha256, digest);
  const head = seen?.head ?? "";
  assert(head.startsWith("PUT /y HTTP/1.1\r\n"));
  assert(!/authorization/i.test(head));
  assert(head.includes("X-Extra: 1\r\n"));
});

Deno.test("a redirect to another scheme ends the upload", async () => {
  await using server = openUploadServer([
    { readBytes: 1, answer: answer(308, "\r\nLocation: file:///etc/passwd") },
  ]);
  const { upload, clock } = open(server.url);
  await writeSlowly(upload);
  await assertRejects(() => upload.finish(), WebFailure);
  assertEquals([server.uploads.length, clock.sleepsMs], [1, []]);
});

Deno.test("redirects without end end", async () => {
  await using server = openUploadServer([
    { readBytes: 1, answer: answer(307, "\r\nLocation: /again") },
  ]);
  const { upload } = open(server.url);
  await writeSlowly(upload);
  await assertRejects(() => upload.finish(), WebFailure);
  assertEquals(server.uploads.length, 10);
});

Deno.test("an upload ends with its session", async () => {
  await using server = openUploadServer();
  const abort = new AbortController();
  const { upload } = open(server.url, abort.signal);
  await writeAll(upload, MIB);
  abort.abort(new Error("stopped"));
  await assertRejects(() => upload.finish(), Error, "stopped");
});

Deno.test("an upload that was broken off asks nobody again", async () => {
  await using server = openUploadServer([{ readBytes: 1 }]);
  for (const url of [server.url, "http://127.0.0.1:1/"]) {
    const { upload, clock } = open(url);
    await writeAll(upload, MIB);
    upload[Symbol.dispose]();
    const { length } = server.uploads;
    const slept = clock.sleepsMs.length;
    for (let turn = 0; turn < 20; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    // One may have been on its way already.
    assert(server.uploads.length <= length + 1);
    assert(clock.sleepsMs.length <= slept + 1);
    await assertRejects(() => upload.finish(), WebFailure);
  }
});
