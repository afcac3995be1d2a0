import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { errorText, GitTransportError } from "../../../src/core/errors.ts";
import type { ByteReader } from "../../../src/core/io.ts";
import type { SshReceivePackRequest } from "../../../src/gitaly/gen/ssh.ts";
import { readerOf } from "../../support/fake_host.ts";
import {
  failureOf,
  ImpatientClock,
  openClient,
  REPOSITORY,
  startCall,
  testOnCarriers,
  until,
} from "../../support/gitaly_call.ts";
import {
  type GitalyHandlers,
  startGitalyServer,
  type StreamCall,
} from "../../support/gitaly_grpc_server.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const NOTHING = new Uint8Array(0);

/** Collects a call's messages and answers at its half-close. */
function collecting(
  messages: SshReceivePackRequest[],
  answer: (call: StreamCall) => void = ({ stream }) => stream.end(),
): GitalyHandlers {
  return {
    stream(call) {
      call.stream.on("data", (message) => messages.push(message));
      call.stream.on("end", () => answer(call));
    },
  };
}

/** Ends a call with a status. */
function fail({ stream }: StreamCall, code: number, details: string): void {
  stream.emit("error", { code, details });
}

/** Input that never comes. */
const silent: ByteReader = { read: () => new Promise(() => {}) };

testOnCarriers(
  "gitaly.md case 48, 1.4: a push's first message has everything but stdin",
  async (carrier) => {
    const messages: SshReceivePackRequest[] = [];
    await using server = await startGitalyServer(collecting(messages));
    using client = openClient(carrier);
    const service = "receive-pack";
    const stdin = readerOf("0000", new Uint8Array(300_000).fill(7));
    await startCall(client, server.address, { service, stdin }).result;
    const [first, ...later] = messages;
    assertEquals(first && { ...first, stdin: [...first.stdin] }, {
      repository: REPOSITORY,
      stdin: [],
      glId: "key-1",
      glRepository: "project-1",
      glUsername: "alex-doe",
      gitProtocol: "version=2",
      gitConfigOptions: ["uploadpack.allowFilter=true"],
    });
    assertEquals(later.map(({ stdin }) => stdin.length), [
      4,
      131_072,
      131_072,
      37_856,
    ]);
    for (const { repository, glId, gitProtocol } of later) {
      assertEquals([repository, glId, gitProtocol], [undefined, "", ""]);
    }
  },
);

testOnCarriers(
  "shell.md case 151: an archive's first message has only the repository",
  async (carrier) => {
    const messages: SshReceivePackRequest[] = [];
    const paths: string[] = [];
    await using server = await startGitalyServer(
      collecting(messages, (call) => {
        paths.push(call.path);
        call.stream.end();
      }),
    );
    using client = openClient(carrier);
    const service = "upload-archive";
    await startCall(client, server.address, { service, stdin: readerOf("x") })
      .result;
    assertEquals(paths, ["/gitaly.SSHService/SSHUploadArchive"]);
    assertEquals(messages[0]?.repository, REPOSITORY);
    assertEquals(messages.map(({ stdin }) => stdin.length), [0, 1]);
  },
);

testOnCarriers(
  "gitaly.md case 49: output after the half-close is written",
  async (carrier) => {
    const goOn = Promise.withResolvers<void>();
    await using server = await startGitalyServer(
      collecting([], async ({ stream }) => {
        await goOn.promise;
        stream.write({ stdout: bytes("report") });
        stream.end();
      }),
    );
    using client = openClient(carrier);
    const call = startCall(client, server.address, { service: "receive-pack" });
    setTimeout(goOn.resolve, 100);
    assertEquals(await call.result, {
      exitStatus: 0,
      packfileStatistics: undefined,
    });
    assertStrictEquals(call.stdout.text, "report");
  },
);

testOnCarriers(
  "gitaly.md case 50: of one message stderr comes first, and the last status counts",
  async (carrier) => {
    await using server = await startGitalyServer(
      collecting([], ({ stream }) => {
        stream.write({ exitStatus: { value: 3 } });
        stream.write({
          stdout: bytes("out"),
          stderr: bytes("err"),
          exitStatus: { value: 123 },
        });
        stream.write({ stdout: NOTHING, stderr: NOTHING });
        stream.end();
      }),
    );
    using client = openClient(carrier);
    const order: string[] = [];
    const writer = (name: string) => ({
      write(bytes: Uint8Array) {
        order.push(`${name}:${new TextDecoder().decode(bytes)}`);
        return Promise.resolve();
      },
    });
    const call = startCall(client, server.address, {
      service: "receive-pack",
      stdout: writer("out"),
      stderr: writer("err"),
    });
    assertStrictEquals((await call.result).exitStatus, 123);
    assertEquals(order, ["err:err", "out:out"]);
  },
);

testOnCarriers(
  "gitaly.md case 51: OK with a status, present or not, is a result",
  async (carrier) => {
    for (const value of [0, 1, 128, -1]) {
      await using server = await startGitalyServer(
        collecting([], ({ stream }) => {
          if (value !== 0) stream.write({ exitStatus: { value } });
          stream.end();
        }),
      );
      using client = openClient(carrier);
      const { result } = startCall(client, server.address, {
        service: "receive-pack",
      });
      assertStrictEquals((await result).exitStatus, value);
    }
  },
);

testOnCarriers(
  "gitaly.md case 52: a status before an error goes with the error",
  async (carrier) => {
    await using server = await startGitalyServer(
      collecting([], (call) => {
        call.stream.write({ stderr: bytes("fatal: x\n") });
        call.stream.write({ exitStatus: { value: 128 } });
        fail(call, 13, "cmd wait: exit status 128");
      }),
    );
    using client = openClient(carrier);
    const call = startCall(client, server.address, { service: "receive-pack" });
    const error = await failureOf(call);
    assertStrictEquals(error.code, 13);
    assertStrictEquals(error.exitStatus, 128);
    assertStrictEquals(call.stderr.text, "fatal: x\n");
  },
);

testOnCarriers(
  "gitaly.md case 53: a hang-up is told as Canceled",
  async (carrier) => {
    await using server = await startGitalyServer(
      collecting([], (call) => fail(call, 1, "user canceled the push")),
    );
    using client = openClient(carrier);
    const error = await failureOf(
      startCall(client, server.address, { service: "receive-pack" }),
    );
    assertStrictEquals(
      error.message,
      "rpc error: code = Canceled desc = user canceled the push",
    );
  },
);

testOnCarriers(
  "gitaly.md 6.1: the server's end does not wait for input",
  async (carrier) => {
    await using server = await startGitalyServer({
      stream({ stream }) {
        stream.write({ stdout: bytes("no need") });
        stream.end();
      },
    });
    using client = openClient(carrier);
    const call = startCall(client, server.address, {
      service: "receive-pack",
      stdin: silent,
    });
    await call.result;
    assertStrictEquals(call.stdout.text, "no need");
  },
);

testOnCarriers(
  "gitaly.md 6.1: a failing input half-closes and is told if the call is OK",
  async (carrier) => {
    for (const isOk of [true, false]) {
      await using server = await startGitalyServer(
        collecting(
          [],
          (call) => isOk ? call.stream.end() : fail(call, 13, "git failed"),
        ),
      );
      using client = openClient(carrier);
      const { result } = startCall(client, server.address, {
        service: "receive-pack",
        stdin: { read: () => Promise.reject(new Error("read |0: EIO")) },
      });
      if (isOk) {
        await assertRejects(
          () => result,
          GitTransportError,
          "stdin send error: read |0: EIO",
        );
      } else {
        const error = await failureOf({ result });
        assertStrictEquals(error.details, "git failed");
        assertStrictEquals(
          errorText(error.cause),
          "stdin send error: read |0: EIO",
        );
      }
    }
  },
);

testOnCarriers(
  "gitaly.md 6.1: a failing output cancels the call and is told",
  async (carrier) => {
    const cancelled = Promise.withResolvers<void>();
    await using server = await startGitalyServer({
      stream({ stream }) {
        stream.on("cancelled", cancelled.resolve);
        stream.write({ stdout: bytes("lost") });
      },
    });
    using client = openClient(carrier);
    await assertRejects(
      () =>
        startCall(client, server.address, {
          service: "receive-pack",
          stdin: silent,
          stdout: {
            write: () => Promise.reject(new Error("write |1: broken pipe")),
          },
        }).result,
      GitTransportError,
      "write |1: broken pipe",
    );
    await cancelled.promise;
  },
);

testOnCarriers(
  "gitaly.md case 55: a server that reads slowly slows the reading of input",
  async (carrier) => {
    const goOn = Promise.withResolvers<void>();
    let received = 0;
    await using server = await startGitalyServer({
      async stream({ stream }) {
        await goOn.promise;
        stream.on("data", ({ stdin }) => received += stdin.length);
        stream.on("end", () => stream.end());
      },
    });
    using client = openClient(carrier);
    const total = 64 * 1024 * 1024;
    const chunk = new Uint8Array(131_072);
    let read = 0;
    const stdin = {
      read() {
        if (read === total) return Promise.resolve(null);
        read += chunk.length;
        return Promise.resolve(chunk);
      },
    };
    const { result } = startCall(client, server.address, {
      service: "receive-pack",
      stdin,
    });
    let before = -1;
    for (let quiet = 0; quiet < 5; quiet = before === read ? quiet + 1 : 0) {
      before = read;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    // The windows of yamux and HTTP/2 and a few messages in between.
    assert(read < 20 * 1024 * 1024, `${read} bytes were read ahead`);
    goOn.resolve();
    await result;
    assertStrictEquals(received, total);
  },
);

testOnCarriers(
  "gitaly.md 6.4: a consumer that is slow slows the server",
  async (carrier) => {
    let sent = 0;
    const total = 64 * 1024 * 1024;
    await using server = await startGitalyServer({
      stream({ stream }) {
        const message = { stdout: new Uint8Array(131_072) };
        const send = () => {
          while (sent < total) {
            sent += 131_072;
            if (!stream.write(message)) return void stream.once("drain", send);
          }
          stream.end();
        };
        send();
      },
    });
    using client = openClient(carrier);
    const goOn = Promise.withResolvers<void>();
    let received = 0;
    const stdout = {
      async write(bytes: Uint8Array) {
        received += bytes.length;
        await goOn.promise;
      },
    };
    const { result } = startCall(client, server.address, {
      service: "upload-archive",
      stdout,
      stdin: silent,
    });
    let before = -1;
    for (let quiet = 0; quiet < 5; quiet = before === sent ? quiet + 1 : 0) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert(sent < 40 * 1024 * 1024, `${sent} bytes were sent ahead`);
    goOn.resolve();
    await result;
    assertStrictEquals(received, total);
  },
);

testOnCarriers(
  "gitaly.md 2.5: an archive is tried again with its input, a push is not",
  async (carrier) => {
    for (
      const [service, calls] of [["upload-archive", 3], [
        "receive-pack",
        1,
      ]] as const
    ) {
      const inputs: string[] = [];
      const seen: (string | undefined)[] = [];
      await using server = await startGitalyServer({
        stream(call) {
          const at = inputs.push("") - 1;
          seen.push(
            call.metadata.get("grpc-previous-rpc-attempts")[0]?.toString(),
          );
          call.stream.on("data", ({ stdin }) => {
            inputs[at] += new TextDecoder().decode(stdin);
          });
          call.stream.on("end", () => {
            if (at < 2) fail(call, 14, "busy");
            else call.stream.end();
          });
        },
      });
      using client = openClient(carrier);
      const { result } = startCall(client, server.address, {
        service,
        clock: new ImpatientClock(),
        stdin: readerOf("one", "two"),
      });
      if (service === "upload-archive") await result;
      else assertStrictEquals((await failureOf({ result })).details, "busy");
      assertEquals(inputs, Array(calls).fill("onetwo"));
      assertEquals(seen, [undefined, "1", "2"].slice(0, calls));
    }
  },
);

testOnCarriers(
  "gitaly.md 2.5: no attempt follows once a message has come",
  async (carrier) => {
    let calls = 0;
    await using server = await startGitalyServer(
      collecting([], (call) => {
        calls++;
        call.stream.write({ stdout: bytes("some") });
        fail(call, 14, "busy");
      }),
    );
    using client = openClient(carrier);
    const clock = new ImpatientClock();
    const call = startCall(client, server.address, {
      service: "upload-archive",
      clock,
    });
    assertStrictEquals((await failureOf(call)).details, "busy");
    assertStrictEquals(call.stdout.text, "some");
    assertStrictEquals(calls, 1);
    assertEquals(clock.sleepsMs, []);
  },
);

testOnCarriers(
  "gitaly.md 9.2: a push that GOAWAY shows to be unseen is made again",
  async (carrier) => {
    const messages: SshReceivePackRequest[] = [];
    await using server = await startGitalyServer({
      ...collecting(messages),
      onGrpcStream(stream, count) {
        if (count > 1) return false;
        void (async () => {
          await stream.write(Uint8Array.fromHex("000000040000000000"));
          // Preface and settings, then whatever the call begins with.
          await stream.readExactly(24 + 9);
          await stream.read();
          const goaway = "000008070000000000" + "00000000" + "00000000";
          await stream.write(Uint8Array.fromHex(goaway));
          while (await stream.read().catch(() => null));
        })();
        return true;
      },
    });
    using client = openClient(carrier);
    const options = {
      service: "receive-pack",
      stdin: readerOf("pack"),
    } as const;
    await startCall(client, server.address, options).result;
    assertStrictEquals(server.openings.length, 2);
    assertEquals(
      messages.map(({ stdin }) => new TextDecoder().decode(stdin)),
      ["", "pack"],
    );
  },
);

testOnCarriers(
  "a connection lost in a push is UNAVAILABLE, once",
  async (carrier) => {
    await using server = await startGitalyServer({
      stream({ stream }) {
        stream.once("data", () => server.peers[0]?.close());
      },
    });
    using client = openClient(carrier);
    const clock = new ImpatientClock();
    const error = await failureOf(
      startCall(client, server.address, {
        service: "receive-pack",
        clock,
        stdin: silent,
      }),
    );
    assertStrictEquals(error.code, 14);
    assertStrictEquals(server.openings.length, 1);
  },
);

testOnCarriers(
  "a cancelled push ends as Canceled, stuck output or not",
  async (carrier) => {
    const cancelled = Promise.withResolvers<void>();
    await using server = await startGitalyServer({
      stream({ stream }) {
        stream.on("cancelled", cancelled.resolve);
        stream.write({ stdout: bytes("x") });
      },
    });
    using client = openClient(carrier);
    const controller = new AbortController();
    const call = startCall(client, server.address, {
      service: "receive-pack",
      signal: controller.signal,
      stdin: silent,
    });
    await until(() => call.stdout.text === "x");
    controller.abort(new Error("session gone"));
    const error = await failureOf(call);
    assertStrictEquals(
      error.message,
      "rpc error: code = Canceled desc = context canceled",
    );
    assertStrictEquals(errorText(error.cause), "session gone");
    await cancelled.promise;
  },
);
