/** Sessions as clients see them: OpenSSH's, and one that says what it likes. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { writeText } from "../../../src/core/io.ts";
import type { SessionHandler } from "../../../src/ssh/session_handler.ts";
import { MESSAGE } from "../../../src/ssh/ssh_messages.ts";
import { SshReader, SshWriter } from "../../../src/ssh/wire.ts";
import { RawClient } from "./raw_client.ts";
import { DONE, runSsh, sshArgs, startFixture } from "./ssh_fixture.ts";

const text = (payload: Uint8Array, skip: number) =>
  new TextDecoder().decode(payload.subarray(skip));

/** Reads standard input to its end and says how much there was. */
const count: SessionHandler = async (_start, { io }) => {
  let sizeBytes = 0;
  for (
    let piece = await io.stdin.read();
    piece;
    piece = await io.stdin.read()
  ) {
    sizeBytes += piece.length;
  }
  await writeText(io.stdout, `${sizeBytes}`);
  return DONE;
};

Deno.test("sshd.md case 73: no command is a shell with an empty command", async () => {
  await using fixture = await startFixture();
  assertEquals(await runSsh(fixture, []), {
    code: 0,
    stdout: 'key-42 "" \n',
    stderr: "",
  });
});

Deno.test("the exit status and both outputs arrive", async () => {
  await using fixture = await startFixture({
    handle: async (_start, { io }) => {
      await writeText(io.stdout, "out");
      await writeText(io.stderr, "err");
      return { exitStatus: 128 };
    },
  });
  assertEquals(await runSsh(fixture, ["x"]), {
    code: 128,
    stdout: "out",
    stderr: "err",
  });
});

Deno.test("sshd.md case 87: GIT_PROTOCOL is taken, other variables are not", async () => {
  await using fixture = await startFixture();
  const run = await runSsh(fixture, ["git-upload-pack 'x'"], {
    options: ["-o", "SetEnv=LANG=C FOO=bar GIT_PROTOCOL=version=2"],
  });
  assertEquals(run.stdout, `key-42 "git-upload-pack 'x'" version=2\n`);
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession();
  const variable = (name: string, value: string) =>
    client.request(channel, "env", {
      body: new SshWriter().string(name).string(value).bytes(),
    });
  const answer = () =>
    client.next(MESSAGE.channelSuccess, MESSAGE.channelFailure);
  variable("LC_ALL", "C");
  assertEquals((await answer())[0], MESSAGE.channelFailure);
  variable("GIT_PROTOCOL", "version=1");
  assertEquals((await answer())[0], MESSAGE.channelSuccess);
  variable("GIT_PROTOCOL", "version=2");
  assertEquals((await answer())[0], MESSAGE.channelSuccess);
  client.exec(channel, "x");
  const data = await client.next(MESSAGE.channelData);
  assertEquals(text(data, 9), 'key-42 "x" version=2\n');
});

Deno.test("a command with NUL and invalid UTF-8 is a command like any other", async () => {
  await using fixture = await startFixture();
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession();
  const command = Uint8Array.of(0x61, 0x00, 0xff, 0x62);
  client.request(channel, "exec", {
    body: new SshWriter().string(command).bytes(),
  });
  const data = await client.next(MESSAGE.channelData);
  assertEquals(text(data, 9), 'key-42 "a\\u0000\ufffdb" \n');
});

Deno.test("sshd.md case 88: a terminal is refused, and the session goes on", async () => {
  await using fixture = await startFixture();
  const forced = await runSsh(fixture, [], { options: ["-t", "-t"] });
  assertEquals(forced.code, 255);
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession();
  for (const type of ["pty-req", "x11-req", "subsystem", "signal", "any"]) {
    client.request(channel, type);
    const reply = await client.next(
      MESSAGE.channelSuccess,
      MESSAGE.channelFailure,
    );
    assertEquals(reply[0], MESSAGE.channelFailure, type);
  }
  client.request(channel, "shell");
  assertEquals(text(await client.next(MESSAGE.channelData), 9), 'key-42 "" \n');
});

Deno.test("sshd.md case 90: data, EOF, exit status, close, in this order", async () => {
  await using fixture = await startFixture();
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession();
  client.exec(channel, "x");
  const seen: string[] = [];
  while (seen.at(-1) !== "close") {
    const message = await client.next(
      MESSAGE.channelSuccess,
      MESSAGE.channelData,
      MESSAGE.channelEof,
      MESSAGE.channelRequest,
      MESSAGE.channelClose,
    );
    seen.push(describe(message));
  }
  assertEquals(seen, [
    "success",
    "data",
    "eof",
    "exit-status false 0",
    "close",
  ]);
});

function describe(message: Uint8Array): string {
  switch (message[0]) {
    case MESSAGE.channelSuccess:
      return "success";
    case MESSAGE.channelData:
      return "data";
    case MESSAGE.channelEof:
      return "eof";
    case MESSAGE.channelClose:
      return "close";
  }
  const reader = new SshReader(message, 5);
  return `${reader.readText()} ${reader.readBool()} ${reader.readUint32()}`;
}

Deno.test("sshd.md case 91: input sent together with exec is not lost", async () => {
  await using fixture = await startFixture({ handle: count });
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession();
  client.exec(channel, "x");
  client.data(channel, new Uint8Array(10));
  client.data(channel, new Uint8Array(3));
  client.eof(channel);
  assertEquals(text(await client.next(MESSAGE.channelData), 9), "13");
});

Deno.test("row F36: EOF before exec changes nothing", async () => {
  await using fixture = await startFixture({ handle: count });
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession();
  client.data(channel, new Uint8Array(4));
  client.eof(channel);
  client.exec(channel, "x");
  assertEquals(text(await client.next(MESSAGE.channelData), 9), "4");
});

const MALFORMED = [
  ["exec", new SshWriter().uint32(100).byte(1).bytes()],
  ["exec", new SshWriter().string("x").byte(1).bytes()],
  ["env", new SshWriter().string("GIT_PROTOCOL").bytes()],
] as const;
for (const [type, body] of MALFORMED) {
  Deno.test(`sshd.md case 89: a malformed ${type} of ${body.length} bytes closes the channel alone`, async () => {
    await using fixture = await startFixture();
    await using client = await RawClient.login(fixture);
    const channel = await client.openSession();
    client.request(channel, type, { body });
    const answer = await client.next(
      MESSAGE.channelSuccess,
      MESSAGE.channelFailure,
      MESSAGE.channelRequest,
      MESSAGE.channelClose,
    );
    assertEquals(answer[0], MESSAGE.channelClose);
    const second = await client.openSession({ id: 1 });
    client.exec(second, "x");
    assertEquals(
      text(await client.next(MESSAGE.channelData), 9),
      'key-42 "x" \n',
    );
    await fixture.logged("connection: session error");
  });
}

Deno.test("sshd.md case 96: requests during a command are refused at once", async () => {
  const release = Promise.withResolvers<void>();
  await using fixture = await startFixture({
    handle: async () => {
      await release.promise;
      return DONE;
    },
  });
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession();
  client.exec(channel, "long");
  await client.next(MESSAGE.channelSuccess);
  for (let round = 0; round < 200; round++) {
    client.request(channel, round % 2 ? "exec" : "window-change", {
      body: new SshWriter().string("x").bytes(),
    });
    await client.next(MESSAGE.channelFailure);
  }
  release.resolve();
  await client.next(MESSAGE.channelClose);
});

Deno.test("only the first command of a channel runs", async () => {
  let runs = 0;
  await using fixture = await startFixture({
    handle: () => {
      runs++;
      return Promise.resolve(DONE);
    },
  });
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession();
  client.exec(channel, "first");
  client.exec(channel, "second");
  client.request(channel, "shell");
  await client.next(MESSAGE.channelClose);
  assertEquals(runs, 1);
});

Deno.test("sshd.md case 97: a failing handler ends its own session with status 1", async () => {
  await using fixture = await startFixture({
    handle: (start) =>
      start.command === "bad"
        ? Promise.reject(new TypeError("a bug"))
        : Promise.resolve(DONE),
  });
  await using client = await RawClient.login(fixture);
  const bad = await client.openSession();
  client.exec(bad, "bad");
  const status = await client.next(MESSAGE.channelRequest);
  assertEquals(describe(status), "exit-status false 1");
  const good = await client.openSession({ id: 1 });
  client.exec(good, "good");
  assertEquals(
    describe(await client.next(MESSAGE.channelRequest)),
    "exit-status false 0",
  );
  const record = await fixture.logged("panic handling session");
  assertEquals(record["recovered_error"], "a bug");
});

Deno.test("sshd.md case 95: a closed channel is told to its command, and its place is free", async () => {
  const failed = Promise.withResolvers<string>();
  await using fixture = await startFixture({
    sshd: { concurrentSessionsLimit: 1 },
    handle: async (_start, { io }) => {
      assertEquals(await io.stdin.read(), null);
      await writeText(io.stdout, "x").catch((error) =>
        failed.resolve(String(error))
      );
      return DONE;
    },
  });
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession();
  client.exec(channel, "x");
  client.closeChannel(channel);
  assertEquals(await failed.promise, "ChannelClosedError: EOF");
  await client.next(MESSAGE.channelClose);
  await fixture.logged("connection: handleRequests: done");
  await client.openSession({ id: 1 });
});

Deno.test("sshd.md case 95: a client that is gone cancels a command that takes no notice", async () => {
  const cancelled = Promise.withResolvers<number>();
  await using fixture = await startFixture({
    limits: { clientGoneMs: 30 },
    handle: (_start, { signal }) =>
      new Promise((resolve) =>
        signal.addEventListener("abort", () => {
          cancelled.resolve(performance.now());
          resolve(DONE);
        })
      ),
  });
  const client = await RawClient.login(fixture);
  const channel = await client.openSession();
  client.exec(channel, "x");
  await client.next(MESSAGE.channelSuccess);
  const startMs = performance.now();
  client.kill();
  await client.ended;
  assert(await cancelled.promise - startMs >= 29, "not before its time");
  await fixture.logged("access: finish");
});

Deno.test("a channel without a command is closed after a while", async () => {
  await using fixture = await startFixture({ limits: { idleChannelMs: 20 } });
  await using client = await RawClient.login(fixture);
  await client.openSession();
  await client.next(MESSAGE.channelClose);
});

Deno.test("sshd.md case 99: connections have ids of their own, in every record", async () => {
  await using fixture = await startFixture();
  await runSsh(fixture, ["x"]);
  await runSsh(fixture, ["x"]);
  const first = await fixture.logged("access: finish", 1);
  const second = await fixture.logged("access: finish", 2);
  assertEquals(String(first["correlation_id"]).length, 26);
  assertNotEquals(first["correlation_id"], second["correlation_id"]);
  const unbound = fixture.records.filter((record) =>
    record["correlation_id"] === undefined
  );
  assertEquals(unbound.map(({ msg }) => msg), [
    "Listening for SSH connections",
  ]);
});

Deno.test("sshd.md case 100: the access record counts the output of all sessions", async () => {
  const welcome = "Welcome to GitLab, @test-user!\n";
  await using fixture = await startFixture({
    handle: async (start, { io }) => {
      await writeText(io.stdout, welcome);
      await writeText(io.stderr, "not counted");
      const data = {
        username: "test-user",
        project: "group/project",
        rootNamespace: "group",
        projectId: 7,
        rootNamespaceId: 0,
      };
      return start.command === "git" ? { ...DONE, data } : DONE;
    },
  });
  await runSsh(fixture, []);
  const plain = await fixture.logged("access: finish");
  assertEquals([plain["written_bytes"], plain["meta"]], [31, {}]);
  const client = await RawClient.login(fixture);
  for (const [id, command] of ["git", "other"].entries()) {
    client.exec(await client.openSession({ id }), command);
    await client.next(MESSAGE.channelClose);
  }
  client.kill();
  await client.ended;
  const both = await fixture.logged("access: finish", 2);
  assertEquals([both["written_bytes"], both["meta"]], [62, {
    project: "group/project",
    root_namespace: "group",
    project_id: 7,
  }]);
});

Deno.test("sshd.md case 79: OpenSSH shares one connection among sessions", async () => {
  await using fixture = await startFixture();
  const folder = await Deno.makeTempDir();
  const control = `${folder}/control`;
  const options = ["-o", `ControlPath=${control}`, "-o", "ControlMaster=auto"];
  const master = new Deno.Command("ssh", {
    args: [...sshArgs(fixture, [...options, "-N", "-n"])],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  // The client listens for the others once it is logged in, and says nothing.
  while (!await Deno.lstat(control).then(() => true, () => false)) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  for (let round = 1; round <= 3; round++) {
    const run = await runSsh(fixture, [`round ${round}`], { options });
    assertEquals(run.stdout, `key-42 "round ${round}" \n`);
  }
  assertEquals(fixture.lookups.length, 1, "one login");
  master.kill("SIGTERM");
  await master.status;
  const done = await fixture.logged("server: handleConn: done");
  assertEquals(typeof done["error_message"], "string");
  await Deno.remove(folder, { recursive: true });
});
