import { assertEquals, assertRejects } from "@std/assert";
import type { ApiClient } from "../../../src/api/client.ts";
import {
  run,
  verifyTwoFactor,
} from "../../../src/command/two_factor_verify.ts";
import { ApiError } from "../../../src/core/errors.ts";
import type { ByteReader } from "../../../src/core/io.ts";
import { readerOf } from "../../support/fake_host.ts";
import { makeFakeSession, makeRequest } from "../../support/fake_session.ts";

const REQUEST = makeRequest(["2fa_verify", "and", "more"]);
const MANUAL = "OTP validation successful. Git operations are now allowed.";
const PUSH =
  "OTP has been validated by Push Authentication. Git operations are now allowed.";
const UNREACHABLE = new ApiError("Internal API unreachable", {
  status: 0,
  kind: "system",
});
const yes = () => Promise.resolve();

/** Never answers, but notices when nobody waits any more. */
function never(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(UNREACHABLE);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Input that says nothing until it ends with the session. */
const SILENT: ByteReader = { read: () => new Promise(() => {}) };

function session(
  stdin: ByteReader,
  api: {
    checkOtp?: ApiClient["checkOtp"];
    checkPush?: ApiClient["checkPush"];
    checkBase?: ApiClient["checkBase"];
  } = {},
  signal?: AbortSignal,
) {
  const typed: string[] = [];
  const made = makeFakeSession({
    stdin,
    api: {
      checkPush: (_, signal) => never(signal),
      ...api,
      checkOtp(identity, otp, signal) {
        typed.push(otp);
        return (api.checkOtp ?? yes)(identity, otp, signal);
      },
    },
    ...(signal && { signal }),
  });
  return { ...made, typed };
}

const fail = (error: Error) => () => Promise.reject(error);

/** Settles when a password is being checked. */
const typedFirst = Promise.withResolvers<void>();

const RESULTS: readonly (readonly [
  name: string,
  stdin: ByteReader,
  api: Parameters<typeof session>[1],
  result: string,
  typed: string[],
])[] = [
  ["case 102: a password", readerOf("123456\n"), {}, MANUAL, ["123456"]],
  [
    "case 103: a password, and a push that fails",
    readerOf("123456\n"),
    { checkPush: fail(UNREACHABLE) },
    MANUAL,
    ["123456"],
  ],
  ["case 104: a push", SILENT, { checkPush: yes }, PUSH, []],
  [
    "case 104: a push while the password is being checked",
    readerOf("123456\n"),
    {
      checkPush: () => typedFirst.promise,
      checkOtp(_, __, signal) {
        typedFirst.resolve();
        return never(signal);
      },
    },
    PUSH,
    ["123456"],
  ],
  [
    "case 105: a blank line",
    readerOf("\n123456\n"),
    {},
    "OTP validation failed: OTP cannot be blank",
    [],
  ],
  [
    "case 105: the end of input",
    readerOf(),
    {},
    "OTP validation failed: OTP cannot be blank",
    [],
  ],
  [
    "case 106: a refusal",
    readerOf("123456\n"),
    { checkOtp: fail(new Error("error message")) },
    "OTP validation failed: error message",
    ["123456"],
  ],
  [
    "case 107: no GitLab",
    readerOf("123456\n"),
    { checkOtp: fail(UNREACHABLE) },
    "OTP validation failed: Internal API unreachable",
    ["123456"],
  ],
  [
    "case 108: an answer that is none",
    readerOf("123456\n"),
    { checkOtp: fail(new Error("parsing failed")) },
    "OTP validation failed: parsing failed",
    ["123456"],
  ],
  [
    "case 109: nobody",
    readerOf("123456\n"),
    {
      checkOtp: fail(new Error("who='' is invalid")),
      checkPush: fail(new Error("who='' is invalid")),
    },
    "OTP validation failed: who='' is invalid",
    ["123456"],
  ],
  ["case 111: two words", readerOf("123 456\n"), {}, MANUAL, ["123"]],
  [
    "case 112: 70 digits",
    readerOf(`${"1234567890".repeat(7)}\n`),
    {},
    MANUAL,
    [`${"1234567890".repeat(6)}1234`],
  ],
];
for (const [name, stdin, api, result, typed] of RESULTS) {
  Deno.test(`shell.md ${name} (2fa_verify)`, async () => {
    const made = session(stdin, api);
    await run(REQUEST, made.context);
    assertEquals(made.stdout.text, `OTP: \n${result}\n`);
    assertEquals(made.stderr.text, "");
    assertEquals(made.typed, typed);
    assertEquals(made.records.at(-1), {
      level: "INFO",
      msg: "Two factor verify command finished",
      message: result,
    });
  });
}

Deno.test("shell.md case 110: 2fa_verify gives up, and says what Go says", async () => {
  for (
    const checkOtp of [
      undefined,
      (_: unknown, __: string, signal?: AbortSignal) => never(signal),
    ]
  ) {
    const stdin = checkOtp ? readerOf("123456\n") : SILENT;
    const { context, stdout } = session(stdin, checkOtp ? { checkOtp } : {});
    await verifyTwoFactor(REQUEST, context, 20);
    assertEquals(
      stdout.text,
      "OTP: \nOTP validation failed: context deadline exceeded\n",
    );
  }
});

for (const delayed of [false, true]) {
  Deno.test(`shell.md 4.4: a session that is cancelled ${delayed ? "later" : "before"} says so`, async () => {
    const cancelled = new AbortController();
    const cancel = () => cancelled.abort(new Error("context canceled"));
    if (!delayed) cancel();
    const { context, stdout } = session(SILENT, {}, cancelled.signal);
    const running = run(REQUEST, context);
    if (delayed) queueMicrotask(cancel);
    await running;
    assertEquals(
      stdout.text,
      "OTP: \nOTP validation failed: context canceled\n",
    );
  });
}

Deno.test("shell.md 4.4: a URL that means nothing prints no prompt", async () => {
  const text = "error creating http client: unknown GitLab URL prefix";
  const { context, stdout } = session(readerOf("1\n"), {
    checkBase() {
      throw new Error(text);
    },
  });
  await assertRejects(() => run(REQUEST, context), Error, text);
  assertEquals(stdout.text, "");
});

Deno.test("a password that comes after the push is not used up", async () => {
  const late = Promise.withResolvers<Uint8Array | null>();
  const made = session({ read: () => late.promise }, { checkPush: yes });
  await run(REQUEST, made.context);
  late.resolve(new TextEncoder().encode("123456\n"));
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(made.typed, []);
  assertEquals(made.stdout.text, `OTP: \n${PUSH}\n`);
});

Deno.test("a push that is approved after the password changes nothing, and its call ends", async () => {
  let ended = false;
  const made = session(readerOf("123456\n"), {
    checkPush: (_, signal) =>
      never(signal).finally(() => {
        ended = true;
      }),
  });
  await run(REQUEST, made.context);
  await Promise.resolve();
  assertEquals(ended, true);
  assertEquals(made.stdout.text, `OTP: \n${MANUAL}\n`);
});
