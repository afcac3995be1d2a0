import { assertEquals, assertStringIncludes } from "@std/assert";
import { generateKeyPairSync, sign } from "node:crypto";
import { Buffer } from "node:buffer";
import { Authentication } from "../../../src/ssh/authentication.ts";
import type { Login, LoginDecision } from "../../../src/ssh/login.ts";
import { encodePkOk, MESSAGE } from "../../../src/ssh/ssh_messages.ts";
import { SshReader, SshWriter } from "../../../src/ssh/wire.ts";

const SESSION_ID = Uint8Array.of(1, 2, 3);
const LOGIN: Login = {
  identity: { kind: "key", keyId: "7" },
  namespacePath: "",
};

/** An Ed25519 key pair as a client has it. */
function makeKey() {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const { x = "" } = publicKey.export({ format: "jwk" });
  const blob = new SshWriter().string("ssh-ed25519")
    .string(Buffer.from(x, "base64url")).bytes();
  return { privateKey, blob };
}

const KEY = makeKey();
const OTHER = makeKey();

function request(method: string, body = new Uint8Array(), user = "git") {
  return new SshWriter().byte(50).string(user).string("ssh-connection")
    .string(method).raw(body).bytes();
}

function query(blob: Uint8Array, algorithm = "ssh-ed25519", user = "git") {
  const body = new SshWriter().bool(false).string(algorithm).string(blob);
  return request("publickey", body.bytes(), user);
}

function signed(
  { blob = KEY.blob, signer = KEY.privateKey, format = "ssh-ed25519" } = {},
) {
  const body = new SshWriter().bool(true).string("ssh-ed25519").string(blob);
  const head = request("publickey", body.bytes());
  const data = new SshWriter().string(SESSION_ID).raw(head).bytes();
  const signature = new SshWriter().string(format)
    .string(sign(null, data, signer)).bytes();
  return new SshWriter().raw(head).string(signature).bytes();
}

/** An authentication whose transport writes down what is said. */
function setUp(
  decide: (user: string, blob: Uint8Array) => Promise<LoginDecision> = (
    _user,
    blob,
  ) =>
    Promise.resolve(
      Buffer.compare(blob, KEY.blob) === 0
        ? { login: LOGIN }
        : { refusal: "Not found" },
    ),
) {
  const said: string[] = [];
  const lookups: Uint8Array[] = [];
  const logins: Login[] = [];
  const transport = {
    isOver: false,
    sessionId: SESSION_ID,
    send(payload: Uint8Array) {
      said.push(describe(payload));
    },
    disconnect(reason: number, text: string) {
      said.push(`disconnect ${reason} ${text}`);
      transport.isOver = true;
    },
    fail(error: unknown) {
      said.push(`fail ${error instanceof Error ? error.message : error}`);
      transport.isOver = true;
    },
  };
  const authentication = new Authentication({
    transport,
    lookup: {
      find(user, _key, blob) {
        lookups.push(blob);
        return decide(user, blob);
      },
    },
    algorithms: ["ssh-ed25519", "rsa-sha2-256", "ssh-rsa"],
    onLogin: (login) => logins.push(login),
  });
  /** Sends requests and waits until all are answered. */
  const receive = async (...payloads: Uint8Array[]) => {
    for (const payload of payloads) authentication.receive(payload);
    await new Promise((done) => setTimeout(done, 0));
  };
  return { authentication, receive, said, lookups, logins };
}

function describe(payload: Uint8Array): string {
  const reader = new SshReader(payload, 1);
  switch (payload[0]) {
    case MESSAGE.userauthFailure:
      return `failure ${reader.readText()} ${reader.readBool()}`;
    case MESSAGE.userauthSuccess:
      return "success";
    case MESSAGE.userauthPkOk:
      return "pk_ok";
    default:
      return `message ${payload[0]}`;
  }
}

const FAILURE = "failure publickey false";

Deno.test("a signed request of a known key logs in", async () => {
  const { receive, said, logins, authentication } = setUp();
  await receive(signed());
  assertEquals(said, ["success"]);
  assertEquals(logins, [LOGIN]);
  assertEquals(authentication.failureText, "");
});

Deno.test("a query is answered with the name that was asked about, and no more", async () => {
  const { receive, said, logins } = setUp();
  await receive(query(KEY.blob));
  assertEquals(said, ["pk_ok"]);
  assertEquals(logins, []);
  const echo = new SshReader(encodePkOk("ssh-ed25519", KEY.blob), 1);
  assertEquals(echo.readText(), "ssh-ed25519");
});

Deno.test("sshd.md case 70: a bad signature ends the connection without a failure", async () => {
  const { receive, said, logins, lookups } = setUp();
  await receive(signed({ signer: OTHER.privateKey }));
  assertEquals(said, ["fail ssh: signature did not verify"]);
  assertEquals(logins, []);
  assertEquals(lookups, [], "a forgery is not worth a question");
});

Deno.test("sshd.md case 55: the sixth failure disconnects instead of failing", async () => {
  const { receive, said, authentication } = setUp();
  await receive(request("none"));
  for (let round = 0; round < 7; round++) await receive(query(OTHER.blob));
  assertEquals(said, [
    ...Array(6).fill(FAILURE),
    "disconnect 2 too many authentication failures",
  ]);
  assertStringIncludes(
    authentication.failureText,
    "[ssh: no auth passed yet, Not found, Not found,",
  );
});

Deno.test("only a first `none` before any failure is free", async () => {
  const first = setUp();
  await first.receive(...Array(8).fill(request("none")));
  assertEquals(first.said.length, 7);
  assertEquals(
    first.said.at(-1),
    "disconnect 2 too many authentication failures",
  );
  const later = setUp();
  await later.receive(request("password"), request("none"));
  await later.receive(...Array(8).fill(query(OTHER.blob)));
  assertEquals(later.said.length, 6);
});

Deno.test("accepted queries do not count, but 128 requests are enough", async () => {
  const { receive, said } = setUp();
  for (let round = 0; round < 128; round++) await receive(query(KEY.blob));
  assertEquals(said, Array(128).fill("pk_ok"));
  await receive(query(KEY.blob));
  assertEquals(said.at(-1), "disconnect 2 too many authentication attempts");
});

const REFUSED_METHODS = [
  ["password", "ssh: password auth not configured"],
  ["keyboard-interactive", "ssh: keyboard-interactive auth not configured"],
  ["gssapi-with-mic", "ssh: gssapi-with-mic auth not configured"],
  ["hostbased", 'ssh: unknown method "hostbased"'],
  ["x\n", 'ssh: unknown method "x\\n"'],
] as const;
for (const [method, error] of REFUSED_METHODS) {
  Deno.test(`sshd.md case 56: ${JSON.stringify(method)} fails and publickey is offered`, async () => {
    const { receive, said, authentication } = setUp();
    await receive(request(method, Uint8Array.of(0, 0)));
    assertEquals(said, [FAILURE]);
    assertEquals(authentication.failureText, `[${error}]`);
  });
}

Deno.test("an algorithm that is not in the list fails without a look-up", async () => {
  const { receive, said, lookups, authentication } = setUp();
  await receive(
    query(KEY.blob, "rsa-sha2-512"),
    query(KEY.blob, "constructor"),
  );
  assertEquals(said, [FAILURE, FAILURE]);
  assertEquals(lookups, []);
  assertStringIncludes(
    authentication.failureText,
    'ssh: algorithm "rsa-sha2-512" not accepted',
  );
});

Deno.test("a key of another type than the algorithm fails without a look-up", async () => {
  const { receive, said, lookups } = setUp();
  await receive(query(KEY.blob, "ssh-rsa"));
  assertEquals(said, [FAILURE]);
  assertEquals(lookups, []);
});

Deno.test("a signature under another name than the key's fails", async () => {
  const { receive, said, logins } = setUp();
  await receive(signed({ format: "ssh-rsa" }));
  assertEquals(said, [FAILURE]);
  assertEquals(logins, []);
});

Deno.test("the user name may change between requests", async () => {
  const users: string[] = [];
  const { receive, said } = setUp((user) => {
    users.push(user);
    return Promise.resolve({ refusal: "unknown user" });
  });
  await receive(query(KEY.blob, "ssh-ed25519", "root"), query(KEY.blob));
  assertEquals(users, ["root", "git"]);
  assertEquals(said, [FAILURE, FAILURE]);
});

const FATAL: [string, Uint8Array, string][] = [
  [
    "another service",
    new SshWriter().byte(50).string("git").string("ssh-other").string("none")
      .bytes(),
    "fail ssh: client attempted to negotiate for unknown service: ssh-other",
  ],
  ["a message that is cut off", Uint8Array.of(50, 0, 0), "fail Cannot read"],
  ["a malformed key", query(Uint8Array.of(1)), "fail Cannot read"],
  [
    "bytes behind a query",
    Uint8Array.of(...query(KEY.blob), 0),
    "fail Cannot accept",
  ],
];
for (const [what, payload, text] of FATAL) {
  Deno.test(`${what} ends the connection`, async () => {
    const { receive, said } = setUp();
    await receive(payload);
    assertEquals(said.length, 1);
    assertStringIncludes(said[0] ?? "", text);
  });
}

Deno.test("requests are answered in order, and only so many may wait", async () => {
  const gate = Promise.withResolvers<LoginDecision>();
  const { receive, said } = setUp(() => gate.promise);
  await receive(query(KEY.blob), request("none"));
  assertEquals(said, []);
  gate.resolve({ login: LOGIN });
  await receive();
  assertEquals(said, ["pk_ok", FAILURE]);
  const flooded = setUp(() => new Promise<LoginDecision>(() => {}));
  await flooded.receive(...Array(18).fill(query(KEY.blob)));
  assertEquals(flooded.said, ["fail ssh: too many unanswered requests"]);
});

Deno.test("after a login nothing more is answered", async () => {
  const { receive, said, logins } = setUp();
  await receive(signed(), query(OTHER.blob), signed());
  assertEquals(said, ["success"]);
  assertEquals(logins.length, 1);
});
