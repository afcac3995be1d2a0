/** Post-quantum key exchange, against a client half of our own and OpenSSH's. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import { patchMlkem } from "../../../../src/ssh/patch/mlkem.ts";
import { MESSAGE } from "../../../../src/ssh/ssh_messages.ts";
import type { Ssh2KeyExchange } from "../../../../src/ssh/ssh2_types.ts";
import { SshReader, SshWriter } from "../../../../src/ssh/wire.ts";
import { MlkemClientHalf } from "../../../support/mlkem_client.ts";
import { RawClient } from "../raw_client.ts";
import { readSsh2, runSsh, startFixture } from "../ssh_fixture.ts";

const FAILED =
  "connection: initServerConn: failed to initialize SSH connection";

Deno.test("row F7: a client logs in over mlkem768x25519-sha256", async () => {
  await using fixture = await startFixture({
    sshd: { kexAlgorithms: ["mlkem768x25519-sha256"] },
  });
  await using client = await RawClient.login(
    fixture,
    await MlkemClientHalf.open(1),
  );
  const channel = await client.openSession();
  client.exec(channel, "hi");
  const data = new SshReader(await client.next(MESSAGE.channelData), 5);
  assertEquals(data.readText(), 'key-42 "hi" \n');
});

Deno.test("row F7: rekeys over mlkem768x25519-sha256 lose nothing", async () => {
  const part = crypto.getRandomValues(new Uint8Array(65_536));
  await using fixture = await startFixture({
    handle: async (_start, { io }) => {
      while (await io.stdin.read()) await io.stdout.write(part);
      return { exitStatus: 0 };
    },
  });
  await using client = await RawClient.login(
    fixture,
    await MlkemClientHalf.open(5, { cipher: "chacha20-poly1305@openssh.com" }),
  );
  const channel = await client.openSession();
  client.exec(channel, "x");
  for (let round = 0; round < 4; round++) {
    // The answer meets the exchange half way.
    client.data(channel, Uint8Array.of(1));
    client.rekey();
    const received: Uint8Array[] = [];
    let sizeBytes = 0;
    while (sizeBytes < part.length) {
      const message = await client.next(MESSAGE.channelData);
      const data = new SshReader(message, 5).readString();
      received.push(data);
      sizeBytes += data.length;
    }
    assert(Buffer.concat(received).equals(part));
  }
  client.eof(channel);
  await client.next(MESSAGE.channelClose);
  assertEquals(client.exchanges, 5);
});

const SPOILED: [string, (both: Buffer) => Buffer, RegExp][] = [
  ["is too short", (both) => both.subarray(1), /of 1215 bytes/],
  ["is too long", (both) => Buffer.concat([both, both]), /of 2432 bytes/],
  ["is empty", () => Buffer.of(), /of 0 bytes/],
  [
    "has numbers above the prime",
    (both) => Buffer.concat([Buffer.alloc(1_152, 255), both.subarray(1_152)]),
    /./,
  ],
  [
    "has a point of zeros",
    (both) => Buffer.concat([both.subarray(0, 1_184), Buffer.alloc(32)]),
    /./,
  ],
];
for (const [fault, spoil, told] of SPOILED) {
  Deno.test(`row F7: a public value that ${fault} ends the connection`, async () => {
    await using fixture = await startFixture();
    const half = await MlkemClientHalf.open(1, { spoil });
    const failure = await RawClient.connect(fixture.port, half)
      .then(() => undefined, (error: unknown) => error);
    assert(failure instanceof Error);
    const record = await fixture.logged(FAILED);
    assertEquals(record["level"], "WARN");
    assertMatch(String(record["error_message"]), told);
  });
}

Deno.test("patchMlkem() hears nothing while the secret is made", async () => {
  const taken: number[] = [];
  const failures: string[] = [];
  const answered = Promise.withResolvers<void>();
  const exchange: Ssh2KeyExchange = {
    sessionID: Buffer.of(),
    remoteExtInfoEnabled: false,
    type: "25519",
    _public: null,
    _dh: null,
    _remoteKexinit: undefined,
    negotiated: { kex: "", serverHostKey: "" },
    _hostKey: undefined,
    generateKeys: () => {},
    getPublicKey: () => Buffer.alloc(32, 7),
    convertPublicKey: (key) => key.subarray(1),
    computeSecret: () => Buffer.from([0, 0xff]),
    parse: (payload) => {
      taken.push(payload[0] ?? 0);
      answered.resolve();
      return undefined;
    },
  };
  patchMlkem(exchange, {
    fail: (error) => failures.push(String(error)),
    isOver: () => false,
  });
  // Numbers of zero are below the prime: a key like any other.
  const init = new SshWriter().byte(30).string(new Uint8Array(1_216)).bytes();
  exchange.parse(Buffer.from(init));
  assertEquals(exchange.parse(Buffer.of(21)), Infinity);
  assertEquals(failures, [
    "Error: ssh: message before the end of key exchange",
  ]);
  await answered.promise;
  assertEquals(taken, [30]);
  assertEquals(exchange.getPublicKey().length, 1_088 + 32);
  const secret = exchange.computeSecret(Buffer.alloc(1_216));
  assertEquals(Buffer.isBuffer(secret) && secret.length, 32);
});

Deno.test({
  name: "row F7: OpenSSH from 9.9 on chooses it of itself, rekeys included",
  ignore: !await hasMlkemClient(),
  async fn() {
    await using fixture = await startFixture({
      handle: async (_start, { io }) => {
        for (let round = 0; round < 8; round++) {
          await io.stdout.write(new Uint8Array(1_000_000));
        }
        return { exitStatus: 0 };
      },
    });
    const run = await runSsh(fixture, ["x"], {
      options: ["-o", "RekeyLimit=1M", "-v", "-o", "LogLevel=DEBUG1"],
    });
    assertEquals([run.code, run.stdout.length], [0, 8_000_000]);
    const chosen = run.stderr.split("kex: algorithm: mlkem768x25519-sha256");
    assert(chosen.length > 5, `${chosen.length - 1} exchanges`);
  },
});

async function hasMlkemClient(): Promise<boolean> {
  const { stdout } = await new Deno.Command("ssh", { args: ["-Q", "kex"] })
    .output();
  return new TextDecoder().decode(stdout).includes("mlkem768x25519-sha256");
}

Deno.test("row F7: the ground, ssh2 has no such exchange", async () => {
  const source = await readSsh2("protocol/kex.js");
  // Once ssh2 has it, mlkem.ts may go.
  assert(!source.includes("mlkem"));
  assertMatch(source, /return this\._kex\.parse\(payload\)/);
  assertMatch(
    source,
    /hashString\(hash, \(isServer \? pubKey : this\.getPublicKey\(\)\)\)/,
  );
});
