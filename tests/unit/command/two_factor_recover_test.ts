import { assertEquals } from "@std/assert";
import { run } from "../../../src/command/two_factor_recover.ts";
import { ApiError } from "../../../src/core/errors.ts";
import { readerOf } from "../../support/fake_host.ts";
import { makeFakeSession, makeRequest } from "../../support/fake_session.ts";

const QUESTION =
  "Are you sure you want to generate new two-factor recovery codes?\n" +
  "Any existing recovery codes you saved will be invalidated. (yes/no)\n";
const NO =
  "\nNew recovery codes have *not* been generated. Existing codes will remain valid.\n";
const ERROR =
  "\nAn error occurred while trying to generate new recovery codes.\n";
const CODES = "\nYour two-factor authentication recovery codes are:\n\n" +
  "recovery\ncodes\n\n" +
  "During sign in, use one of the codes above when prompted for\n" +
  "your two-factor code. Then, visit your Profile Settings and add\n" +
  "a new device so you do not lose access to your account again.\n";
const WORDS = ["2fa_recovery_codes", "and", "more"];

function session(stdin: string, recoveryCodes: () => Promise<string[]>) {
  const asked: unknown[] = [];
  const made = makeFakeSession({
    stdin: readerOf(stdin),
    api: {
      recoveryCodes(identity) {
        asked.push(identity);
        return recoveryCodes();
      },
    },
  });
  return { ...made, asked };
}

const both = () => Promise.resolve(["recovery", "codes"]);

for (const stdin of ["yes\n", "yes", "yes please\n", "yes\r\n"]) {
  Deno.test(`shell.md cases 91 to 94: ${JSON.stringify(stdin)} makes codes`, async () => {
    const { context, stdout, stderr, asked } = session(stdin, both);
    await run(makeRequest(WORDS), context);
    assertEquals(stdout.text, QUESTION + CODES);
    assertEquals(stderr.text, "");
    assertEquals(asked, [{ kind: "key", keyId: "123" }]);
  });
}

for (const stdin of ["no\n", "YES\n", "\nyes\n", "", "yes".repeat(1024)]) {
  const shown = JSON.stringify(stdin.slice(0, 12));
  Deno.test(`shell.md cases 95 to 97: ${shown} makes none`, async () => {
    const { context, stdout, asked } = session(stdin, both);
    await run(makeRequest(WORDS), context);
    assertEquals(stdout.text, QUESTION + NO);
    assertEquals(asked, []);
  });
}

const FAILURES: readonly (readonly [string, Error])[] = [
  ["case 98", new Error("Forbidden!")],
  [
    "case 99",
    new ApiError("Internal API unreachable", { status: 0, kind: "system" }),
  ],
  ["case 100", new Error("parsing failed")],
  ["case 101", new Error("who='' is invalid")],
  ["4.3, no text at all", new Error("")],
];
for (const [name, error] of FAILURES) {
  Deno.test(`shell.md ${name}: ${error.message || "silence"} is told and logged`, async () => {
    const { context, stdout, stderr, records } = session(
      "yes\n",
      () => Promise.reject(error),
    );
    await run(makeRequest(WORDS), context);
    assertEquals(stdout.text, `${QUESTION}${ERROR}${error.message}\n`);
    assertEquals(stderr.text, "");
    assertEquals(records.at(-1), {
      level: "ERROR",
      msg:
        "twofactorrecover: displayRecoveryCodes: failed to generate recovery codes",
      error_message: error.message,
    });
  });
}

Deno.test("shell.md 6.4: records R1 to R5 tell how it went, and no code", async () => {
  const good = session("yes please\n", both);
  await run(makeRequest(WORDS), good.context);
  const bad = session("", both);
  await run(makeRequest(WORDS), bad.context);
  const debug = (msg: string, more = {}) => ({
    level: "DEBUG",
    msg: `twofactorrecover: ${msg}`,
    ...more,
  });
  assertEquals(good.records, [
    debug("execute: Waiting for user input"),
    debug("getUserAnswer: Failed to get user input", {
      error_message: "expected newline",
    }),
    debug("execute: User chose to continue"),
    debug("displayRecoveryCodes: recovery codes successfully generated"),
  ]);
  assertEquals(bad.records, [
    debug("execute: Waiting for user input"),
    debug("getUserAnswer: Failed to get user input", { error_message: "EOF" }),
    debug("execute: User chose not to continue"),
  ]);
});

Deno.test("2fa_recovery_codes asks before it reads", async () => {
  const { context, stdout } = makeFakeSession({
    stdin: {
      read() {
        assertEquals(stdout.text, QUESTION);
        return Promise.resolve(null);
      },
    },
  });
  await run(makeRequest(WORDS), context);
});
