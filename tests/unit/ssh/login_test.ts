/** Logins with OpenSSH's client, and connections that never log in. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ApiError } from "../../../src/core/errors.ts";
import { MESSAGE } from "../../../src/ssh/ssh_messages.ts";
import { SshReader, SshWriter } from "../../../src/ssh/wire.ts";
import { RawClient } from "./raw_client.ts";
import {
  keygen,
  publicKeyText,
  runSsh,
  sshArgs,
  type SshFixture,
  startFixture,
} from "./ssh_fixture.ts";

const FAILED =
  "connection: initServerConn: failed to initialize SSH connection";

/** A folder of keys with the fixture's names, so that its arguments fit. */
async function withKeys(
  keys: readonly (readonly [name: string, args: readonly string[]])[],
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Promise.all(
      keys.map(([name, args]) => keygen(`${folder}/${name}`, args)),
    );
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const KEY_TYPES = [
  ["RSA 2048", ["-t", "rsa", "-b", "2048"]],
  ["RSA 4096", ["-t", "rsa", "-b", "4096"]],
  ["Ed25519", ["-t", "ed25519"]],
  ["ECDSA P-256", ["-t", "ecdsa", "-b", "256"]],
  ["ECDSA P-384", ["-t", "ecdsa", "-b", "384"]],
  ["ECDSA P-521", ["-t", "ecdsa", "-b", "521"]],
] as const;
for (const [name, args] of KEY_TYPES) {
  Deno.test(`sshd.md cases 49, 52, 57: OpenSSH logs in with ${name}, at the cost of one look-up`, async () => {
    await withKeys([["user_ed25519", args]], async (folder) => {
      await using fixture = await startFixture({
        authorizedKey: (key) => Promise.resolve({ id: 9, key }),
      });
      const run = await runSsh({ folder, port: fixture.port }, ["x"]);
      assertEquals(run, { code: 0, stdout: 'key-9 "x" \n', stderr: "" });
      assertEquals(fixture.lookups, [
        await publicKeyText(`${folder}/user_ed25519`),
      ]);
    });
  });
}

for (const algorithm of ["ssh-rsa", "rsa-sha2-256", "rsa-sha2-512"]) {
  Deno.test(`row F26: OpenSSH signs with ${algorithm}`, async () => {
    await withKeys(
      [["user_ed25519", ["-t", "rsa", "-b", "2048"]]],
      async (folder) => {
        await using fixture = await startFixture({
          authorizedKey: (key) => Promise.resolve({ id: 9, key }),
        });
        const run = await runSsh({ folder, port: fixture.port }, ["x"], {
          options: ["-o", `PubkeyAcceptedAlgorithms=${algorithm}`],
        });
        assertEquals(run.stdout, 'key-9 "x" \n');
      },
    );
  });
}

Deno.test("sshd.md case 50: another user is refused and GitLab not asked", async () => {
  await using fixture = await startFixture();
  const run = await runSsh(fixture, ["x"], { options: ["-l", "root"] });
  assertEquals(run.code, 255);
  assertStringIncludes(run.stderr, "Permission denied (publickey)");
  assertEquals(fixture.lookups, []);
  const record = await fixture.logged(FAILED);
  assertEquals(
    record["error_message"],
    "[ssh: no auth passed yet, unknown user]",
  );
});

Deno.test("sshd.md case 53: after an unknown key the next one is tried", async () => {
  await using fixture = await startFixture();
  await withKeys([["unknown", ["-t", "ed25519"]]], async (folder) => {
    const run = await runSsh(fixture, ["x"], {
      options: ["-i", `${folder}/unknown`],
    });
    assertEquals(run.stdout, 'key-42 "x" \n');
    assertEquals(fixture.lookups.length, 2);
  });
});

Deno.test("sshd.md case 54: a failing API looks like an unknown key, but for a line and the log", async () => {
  await using fixture = await startFixture({
    authorizedKey: () =>
      Promise.reject(
        new ApiError("Internal API unreachable", {
          status: 500,
          kind: "system",
        }),
      ),
  });
  const run = await runSsh(fixture, ["x"]);
  assertStringIncludes(run.stderr, "Permission denied (publickey)");
  const { stderr } = await new Deno.Command("ssh", {
    // As usual, and not as quiet as tests are.
    args: sshArgs(fixture).map((word) =>
      word === "LogLevel=ERROR" ? "LogLevel=INFO" : word
    ),
    stdin: "null",
  }).output();
  assertStringIncludes(
    new TextDecoder().decode(stderr),
    "GitLab cannot check your key at the moment: Internal API unreachable. " +
      "Correlation id: ",
  );
  const record = await fixture.logged(FAILED);
  assertEquals(record["level"], "WARN");
  assertEquals(
    record["error_message"],
    "[ssh: no auth passed yet, Internal API unreachable]",
  );
});

Deno.test("sshd.md case 55: seven unknown keys end with a DISCONNECT", async () => {
  const names = Array.from({ length: 7 }, (_, at) => `key${at}`);
  const keys = names.map((name) => [name, ["-t", "ed25519"]] as const);
  await withKeys(keys, async (folder) => {
    await using fixture = await startFixture({
      authorizedKey: () => Promise.reject(new Error("Not found")),
    });
    const run = await runSsh(fixture, ["x"], {
      options: names.flatMap((name) => ["-i", `${folder}/${name}`]),
    });
    assertEquals(run.code, 255);
    assertStringIncludes(run.stderr, ":2: too many authentication failures");
    assertEquals(fixture.lookups.length, 6);
  });
});

Deno.test("sshd.md case 56: passwords are not even asked for", async () => {
  await using fixture = await startFixture();
  const run = await runSsh(fixture, ["x"], {
    options: ["-o", "PreferredAuthentications=password,keyboard-interactive"],
  });
  assertStringIncludes(run.stderr, "Permission denied (publickey)");
  assertEquals(fixture.lookups, []);
});

Deno.test("sshd.md case 71: an API that never answers is given up after its time", async () => {
  // The time limit itself is `LOOKUP_TIMEOUT_MS`; here the connection ends first.
  const asked = Promise.withResolvers<AbortSignal | undefined>();
  await using fixture = await startFixture({
    limits: { loginGraceMs: 200 },
    authorizedKey: (_key, signal) => {
      asked.resolve(signal);
      return new Promise((_, reject) =>
        signal?.addEventListener("abort", () => reject(signal.reason))
      );
    },
  });
  const run = await runSsh(fixture, ["x"]);
  assertEquals(run.code, 255);
  const signal = await asked.promise;
  await fixture.logged("access: finish");
  assert(signal?.aborted, "the question is withdrawn");
});

Deno.test("sshd.md case 44: a silent client is closed after the grace time", async () => {
  await using fixture = await startFixture({ limits: { loginGraceMs: 60 } });
  await using client = await RawClient.connect(fixture.port);
  const message = await client.next(MESSAGE.disconnect);
  const reader = new SshReader(message, 1);
  reader.readUint32();
  assertEquals(reader.readText(), "login timed out: i/o timeout");
  await client.ended;
  const record = await fixture.logged(FAILED);
  assertEquals(record["level"], "WARN");
  assertStringIncludes(String(record["error_message"]), "i/o timeout");
});

Deno.test("sshd.md case 103: a port scan leaves two records and no failure", async () => {
  await using fixture = await startFixture();
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port: fixture.port });
  tcp.close();
  await fixture.logged("access: finish");
  const messages = fixture.records.filter(({ level }) => level !== "DEBUG");
  assertEquals(messages.map(({ msg }) => msg), [
    "Listening for SSH connections",
    "server: handleConn: start",
    "access: finish",
  ]);
});

Deno.test("sshd.md cases 36, 48: the identification, sent at once and taken a byte at a time", async () => {
  await using fixture = await startFixture();
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port: fixture.port });
  tcp.setNoDelay(true);
  const bytes = new Uint8Array(256);
  const count = await tcp.read(bytes) ?? 0;
  assertEquals(
    new TextDecoder().decode(bytes.subarray(0, count)),
    "SSH-2.0-GitLab-SSHD\r\n",
  );
  for (
    const byte of new TextEncoder().encode("hello\r\nSSH-2.0-slow one\r\n")
  ) {
    await tcp.write(Uint8Array.of(byte));
  }
  // The answer to a complete identification is the server's KEXINIT.
  await tcp.read(bytes);
  assertEquals(bytes[5], MESSAGE.kexInit);
  tcp.close();
  await fixture.logged("access: finish");
});

Deno.test("a connection that says nothing at all is closed soon", async () => {
  await using fixture = await startFixture({ limits: { identMs: 30 } });
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port: fixture.port });
  // In one piece or two, up to the end of the connection.
  const bytes = new Uint8Array(256);
  let text = "";
  for (let count; (count = await tcp.read(bytes)) !== null;) {
    text += new TextDecoder("latin1").decode(bytes.subarray(0, count));
  }
  assert(text.startsWith("SSH-2.0-GitLab-SSHD\r\n"), text);
  // Without keys, and yet in words.
  assertStringIncludes(text, "login timed out: i/o timeout");
  tcp.close();
  await fixture.logged("access: finish");
});

/** Sends one message before the login and waits for the end. */
async function expectRefusal(
  fixture: SshFixture,
  payload: Uint8Array,
  { afterService = false } = {},
): Promise<string> {
  await using client = await RawClient.connect(fixture.port);
  if (afterService) await client.requestAuth();
  client.send(payload);
  const message = await client.next(MESSAGE.disconnect);
  await client.ended;
  const reader = new SshReader(message, 1);
  reader.readUint32();
  return reader.readText();
}

const OPEN = new SshWriter().byte(MESSAGE.channelOpen).string("session")
  .uint32(0).uint32(1_000).uint32(1_000).bytes();
const AUTH = new SshWriter().byte(MESSAGE.userauthRequest).string("git")
  .string("ssh-connection").string("none").bytes();

Deno.test("a channel cannot be opened before the login", async () => {
  await using fixture = await startFixture();
  const text = "unexpected message type 90";
  assertEquals(await expectRefusal(fixture, OPEN), text);
  assertEquals(
    await expectRefusal(fixture, OPEN, { afterService: true }),
    text,
  );
});

Deno.test("authentication needs its service", async () => {
  await using fixture = await startFixture();
  assertEquals(
    await expectRefusal(fixture, AUTH),
    "unexpected message type 50",
  );
  const service = new SshWriter().byte(MESSAGE.serviceRequest)
    .string("ssh-connection").bytes();
  assertEquals(
    await expectRefusal(fixture, service),
    "requested service 'ssh-connection' before authenticating",
  );
});

Deno.test("a message that nobody knows is answered with its number", async () => {
  await using fixture = await startFixture();
  await using client = await RawClient.login(fixture);
  client.send(Uint8Array.of(150, 1, 2));
  const reply = await client.next(MESSAGE.unimplemented);
  assertEquals(new SshReader(reply, 1).readUint32() < 20, true);
  client.send(Uint8Array.of(MESSAGE.ping, 7, 8));
  assertEquals(
    [...await client.next(MESSAGE.pong)],
    [MESSAGE.pong, 7, 8],
  );
});

Deno.test("global requests are refused when an answer is wanted", async () => {
  await using fixture = await startFixture();
  await using client = await RawClient.login(fixture);
  const names = ["tcpip-forward", "no-more-sessions@openssh.com", "x"];
  for (const name of names) {
    client.send(
      new SshWriter().byte(MESSAGE.globalRequest).string(name).bool(false)
        .bytes(),
    );
    client.send(
      new SshWriter().byte(MESSAGE.globalRequest).string(name).bool(true)
        .bytes(),
    );
    await client.next(MESSAGE.requestFailure);
  }
  await client.openSession();
  assertEquals(client.messages, []);
});

Deno.test("sshd.md case 98: OpenSSH answers keepalives", async () => {
  await using fixture = await startFixture({
    limits: { keepaliveMs: 20 },
    handle: () =>
      new Promise((done) => setTimeout(done, 300, { exitStatus: 0 })),
  });
  const run = await runSsh(fixture, ["x"]);
  assertEquals(run.code, 0);
  const asked = fixture.records.filter(({ msg }) =>
    msg === "connection: sendKeepAliveMsg: send keepalive message to a client"
  );
  assert(asked.length >= 5, `${asked.length} keepalives`);
});
