import { assert, assertEquals } from "@std/assert";
import { PacketFault } from "../../../../src/command/lfs_transfer/packet_reader.ts";
import { readerOf } from "../../../support/fake_host.ts";
import {
  b,
  D,
  errorReply,
  F,
  GREETING,
  splitReplies,
  t,
  transfer,
} from "../../../support/lfs_session.ts";

const OK = t("status 200") + D + F;
const UNKNOWN = errorReply(400, "unknown command");
const BAD = errorReply(400, "bad request");
const OID = "a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447";

const ROWS: readonly (readonly [
  name: string,
  input: string,
  replies: readonly string[],
])[] = [
  ["case 21: version 1", t("version 1") + F, [OK]],
  ["case 22: without a line end", b("version 1") + F, [OK]],
  ["case 22: with arguments", t("version 1") + t("a=b") + t("c") + F, [OK]],
  ["case 22: twice", t("version 1") + F + t("version 1") + F, [OK, OK]],
  ["2.3: more words", t("version 1 2") + F, [OK]],
  [
    "2.3: a carriage return",
    b("version 1\r\n") + F,
    [errorReply(400, "unknown version"), UNKNOWN],
  ],
  [
    "case 23: version 2",
    t("version 2") + F,
    [errorReply(400, "unknown version"), UNKNOWN],
  ],
  ["case 24: no version", t("version"), [errorReply(400, "unknown version")]],
  [
    "2.3: version's arguments break off",
    t("version 1") + "00",
    [errorReply(500, "internal error")],
  ],
  ["case 25, T7: an unknown command", t("frobnicate") + F, [UNKNOWN, UNKNOWN]],
  [
    "case 25: and quit behind it",
    t("frobnicate") + F + t("quit") + F,
    [UNKNOWN, UNKNOWN, t("status 200") + F],
  ],
  ["case 25: a property of every object", t("constructor"), [UNKNOWN]],
  ["case 26: a flush packet", F, [UNKNOWN]],
  ["case 26: a delimiter", D, [UNKNOWN]],
  ["case 26: an empty packet", "0004", [UNKNOWN]],
  ["case 27: quit without flush", t("quit"), [t("status 200") + F]],
  ["2.3: quit now", t("quit now"), [t("status 200") + F]],
  ["2.16: nothing is read behind quit", t("quit") + t("x"), [
    t("status 200") + F,
  ]],
  ["case 28: the end of input", "", []],
  ["case 30: upper-case digits", "000Eversion 1\n" + F, [OK]],
  ["2.3: a sign is a digit to Go", "+00eversion 1\n" + F, [OK]],
  ["2.6: get-object without an oid", t("get-object") + F, [BAD, UNKNOWN]],
  [
    "2.6: verify-object without an oid",
    t("verify-object") + t("size=1") + F,
    [BAD, UNKNOWN, UNKNOWN],
  ],
  [
    "2.6: put-object without an oid",
    t("put-object") + t("size=1") + D + b("x") + F,
    [BAD, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN],
  ],
  ["2.6: unlock without an id", t("unlock") + F, [UNKNOWN, UNKNOWN]],
  [
    "2.6: batch with a bad argument",
    t("batch") + t("foo") + D + t("abc 5") + F,
    [
      errorReply(400, 'error: parse error: invalid argument: "foo"'),
      UNKNOWN,
      UNKNOWN,
    ],
  ],
  [
    "case 34: batch without a delimiter",
    t("batch") + F,
    [errorReply(400, "error: parse error: EOF")],
  ],
  [
    "2.6: a delimiter among arguments",
    t("list-lock") + D + F,
    [errorReply(400, 'error: parse error: invalid argument: ""')],
  ],
  [
    "2.3: a bad length among arguments; reading goes on behind it",
    t("lock") + "0003" + t("version 1") + F,
    [errorReply(400, "error: parse error: Invalid packet length."), OK],
  ],
  [
    "2.3: no digits among arguments",
    t("lock") + 'zz\n"' + t("quit"),
    [
      errorReply(
        400,
        'error: parse error: strconv.ParseInt: parsing "zz\\n\\"": invalid syntax',
      ),
      t("status 200") + F,
    ],
  ],
  [
    "2.3: half a length among arguments",
    t("get-object x") + "000",
    [errorReply(400, "error: parse error: unexpected EOF")],
  ],
  [
    "2.10: an empty oid gets as far as its id",
    t("get-object ") + F,
    [errorReply(400, "error: missing id")],
  ],
  [
    "2.12: verify-object",
    t(`verify-object ${OID}`) + t("size=12") + F,
    [t("status 200") + F],
  ],
  [
    "case 72: any oid of size 0",
    t("verify-object x") + t("size=0") + F,
    [t("status 200") + F],
  ],
  [
    "case 72: no size",
    t("verify-object x") + F,
    [errorReply(400, "error: parse error: missing required size header")],
  ],
  [
    "2.12: a size that is none",
    t("verify-object x") + t("size=x") + F,
    [
      errorReply(
        400,
        'error: parse error: invalid size: strconv.ParseInt: parsing "x": invalid syntax',
      ),
    ],
  ],
  [
    "2.12: a size that is too large",
    t("verify-object x") + t("size=9223372036854775808") + F,
    [
      errorReply(
        400,
        'error: parse error: invalid size: strconv.ParseInt: parsing "9223372036854775808": value out of range',
      ),
    ],
  ],
];
for (const [name, input, replies] of ROWS) {
  Deno.test(`lfs.md ${name}`, async () => {
    const outcome = await transfer(input);
    assertEquals(splitReplies(outcome.replies), replies);
    assertEquals(outcome.error, undefined);
  });
}

Deno.test("lfs.md case 19, T1: the greeting, byte for byte, before anything is read", async () => {
  const outcome = await transfer("");
  assertEquals(outcome.session.stdout.text, GREETING);
});

const FAULTS = [
  ["0002", "Invalid packet length."],
  ["0003", "Invalid packet length."],
  ["-001", "Invalid packet length."],
  ["zzzz", 'strconv.ParseInt: parsing "zzzz": invalid syntax'],
  ["00", "unexpected EOF"],
] as const;
for (const [input, message] of FAULTS) {
  Deno.test(`lfs.md case 29: ${input} in place of a command ends the session`, async () => {
    const { error, replies } = await transfer(input);
    assert(error instanceof PacketFault);
    assert(error instanceof PacketFault);
    assertEquals([error?.message, replies], [message, ""]);
  });
}

Deno.test("lfs.md 2.3: bytes that are no text are quoted as Go does", async () => {
  const stdin = readerOf(new Uint8Array([0x30, 0xff, 0x22, 0x80]));
  const { error } = await transfer("", { stdin });
  assert(error instanceof PacketFault);
  assertEquals(
    error?.message,
    'strconv.ParseInt: parsing "0\\xff\\"\\x80": invalid syntax',
  );
});

Deno.test("a session is the same at every split of its input", async () => {
  const input = t("version 1") + F + t("frobnicate") + F + D +
    t(`put-object ${OID}`) + t("size=12") + D + b("hello ") + b("world\n") + F +
    t("quit") + F;
  const whole = await transfer(input);
  for (let at = 1; at < input.length; at++) {
    const stdin = readerOf(input.slice(0, at), input.slice(at));
    const split = await transfer("", { stdin });
    assertEquals(split.replies, whole.replies, `split at ${at}`);
  }
});

Deno.test("more arguments than anybody sends end the session", async () => {
  const packet = t(`a=${"x".repeat(60_000)}`);
  let count = 0;
  const first = t("lock");
  const stdin = {
    read: () =>
      Promise.resolve(
        new TextEncoder().encode(count++ === 0 ? first : packet),
      ),
  };
  const { error } = await transfer("", { stdin });
  assertEquals(error?.message, "Too many arguments for one command");
  assert(count < 200, `${count} packets were taken`);
});

Deno.test("lfs.md 2.1: a session is told of at both ends, and never its token", async () => {
  const { session } = await transfer(t("quit"));
  const messages = session.records.map(({ msg, action }) => [msg, action]);
  assertEquals(messages, [
    ["processing action", "git-receive-pack"],
    ["done processing commands", "git-receive-pack"],
  ]);
  assert(!JSON.stringify(session.records).includes("token123"));
});
