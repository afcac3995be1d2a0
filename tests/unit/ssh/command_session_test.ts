import { assert, assertEquals } from "@std/assert";
import type { ApiClient } from "../../../src/api/client.ts";
import {
  ApiError,
  CommandLineError,
  DisallowedCommandError,
  GitalyError,
  GRPC_CODE,
} from "../../../src/core/errors.ts";
import { SYSTEM_CLOCK } from "../../../src/core/host.ts";
import { Logger } from "../../../src/core/log.ts";
import { ChannelClosedError } from "../../../src/ssh/channel.ts";
import { createCommandSession } from "../../../src/ssh/command_session.ts";
import {
  isSessionFault,
  sessionErrorText,
} from "../../../src/ssh/session_failure.ts";
import { CollectingWriter, readerOf } from "../../support/fake_host.ts";
import { makeConfig } from "./ssh_fixture.ts";

const RULER = "=".repeat(72);
const framed = (text: string) =>
  `remote: \nremote: ${RULER}\nremote: \nremote: ERROR: ${text}\n\n` +
  `remote: \nremote: ${RULER}\nremote: \n`;

/** Runs one command line against an API that answers `discover` alone. */
async function run(
  command: string,
  {
    discover = () => Promise.resolve({ id: 1, username: "test-user" }),
    namespacePath = "",
  }: {
    discover?: ApiClient["discover"];
    namespacePath?: string;
  } = {},
) {
  const stdout = new CollectingWriter();
  const stderr = new CollectingWriter();
  const records: Record<string, unknown>[] = [];
  const handle = createCommandSession({
    config: makeConfig({}),
    clock: SYSTEM_CLOCK,
    parseWords(line) {
      if (line === "\\") {
        throw new CommandLineError("invalid command line string");
      }
      return line.split(" ").filter((word) => word !== "");
    },
    gitaly: () => Promise.reject(new Error("no Gitaly here")),
  });
  const outcome = await handle(
    {
      command,
      gitProtocol: "version=2",
      login: { identity: { kind: "key", keyId: "1" }, namespacePath },
      remoteAddress: "127.0.0.1:5",
      openedMs: SYSTEM_CLOCK.monotonicMs(),
    },
    {
      io: { stdin: readerOf(), stdout, stderr },
      api: { discover } as ApiClient,
      log: new Logger({
        sink: {
          writeLine: (line) =>
            void records.push(JSON.parse(new TextDecoder().decode(line))),
        },
        clock: SYSTEM_CLOCK,
        threshold: -4,
        format: "json",
      }),
      correlationId: "id",
      signal: new AbortController().signal,
    },
  );
  return { outcome, stdout: stdout.text, stderr: stderr.text, records };
}

for (const command of ["", "discover", "discover me"]) {
  Deno.test(`sshd.md case 72: ${JSON.stringify(command)} greets`, async () => {
    const { outcome, stdout, stderr, records } = await run(command);
    assertEquals(stdout, "Welcome to GitLab, @test-user!\n");
    assertEquals(stderr, "");
    assertEquals(outcome.exitStatus, 0);
    const [start, end] = records;
    assertEquals(start?.["msg"], "session: handleShell: executing command");
    assertEquals(start?.["command"], "*discover.Command");
    assertEquals(start?.["env"], {
      GitProtocolVersion: "version=2",
      IsSSHConnection: true,
      OriginalCommand: command,
      RemoteAddr: "127.0.0.1:5",
      NamespacePath: "",
    });
    assert(Number(start?.["established_session_duration_s"]) >= 0);
    assertEquals(
      end?.["msg"],
      "session: handleShell: command executed successfully",
    );
  });
}

for (
  const command of ["unknown-command", "git-upload-pack.exe x", "constructor"]
) {
  Deno.test(`sshd.md case 81: ${command} is unknown, status 128`, async () => {
    const { outcome, stderr, records } = await run(command);
    assertEquals(stderr, framed(`Unknown command: ${command}`));
    assertEquals(outcome, { exitStatus: 128 });
    assertEquals(records.map(({ msg }) => msg), ["session: toStderr: output"]);
  });
}

Deno.test("sshd.md case 66: a namespace leaves Git commands alone", async () => {
  const { outcome, stderr } = await run("", { namespacePath: "group" });
  assertEquals(stderr, framed("Unknown command: "));
  assertEquals(outcome, { exitStatus: 128 });
});

Deno.test("sshd.md case 82: a line that cannot be split, status 128", async () => {
  const { outcome, stderr } = await run("\\");
  const text = "Failed to parse command: Invalid SSH command: " +
    "invalid command line string";
  assertEquals(stderr, framed(text));
  assertEquals(outcome, { exitStatus: 128, fault: text });
});

Deno.test("sshd.md case 83: an error of the command, status 1", async () => {
  const { outcome, stderr } = await run("", {
    discover: () => Promise.reject(new Error("who='' is invalid")),
  });
  const text = "Failed to get username: who='' is invalid";
  assertEquals(stderr, framed(text));
  assertEquals([outcome.exitStatus, outcome.fault], [1, text]);
  assert((outcome.establishedMs ?? -1) >= 0);
});

Deno.test("a wrong number of words is an error of the command", async () => {
  const { outcome, stderr } = await run("git-upload-pack");
  assertEquals(stderr, framed("Disallowed command"));
  assertEquals(outcome.exitStatus, 1);
});

const internal = (details: string) =>
  new GitalyError(GRPC_CODE.internal, details);
const ERRORS: [
  what: string,
  error: Error,
  text: string | undefined,
  fault: boolean,
][] = [
  ["a plain error", new Error("not allowed"), "not allowed", true],
  [
    "a policy error",
    new ApiError("no", { status: 403, kind: "policy" }),
    "no",
    false,
  ],
  [
    "a system error",
    new ApiError("down", { status: 500, kind: "system" }),
    "down",
    true,
  ],
  [
    "a gRPC status",
    new GitalyError(GRPC_CODE.unknown, "bare text"),
    "bare text",
    true,
  ],
  ["Canceled", new GitalyError(GRPC_CODE.canceled, "x"), "x", false],
  ["Unavailable", new GitalyError(GRPC_CODE.unavailable, "x"), "x", false],
  ["Internal", internal("x"), undefined, true],
  [
    "Internal, not our ref",
    internal(
      'cmd: exit status 128, stderr: "fatal: git upload-pack: not our ref 1234"',
    ),
    undefined,
    false,
  ],
  ["Internal, broken pipe", internal("signal: broken pipe"), undefined, false],
  [
    "a client that left",
    new Error("x: copy response: EOF"),
    "x: copy response: EOF",
    false,
  ],
  ["a closed channel", new ChannelClosedError(), "EOF", false],
  [
    "a wrong number of words",
    new DisallowedCommandError(),
    "Disallowed command",
    false,
  ],
];
for (const [what, error, text, fault] of ERRORS) {
  Deno.test(`sshd.md cases 84, 102: ${what} ${fault ? "counts" : "does not count"}`, () => {
    assertEquals(sessionErrorText(error), text);
    assertEquals(isSessionFault(error), fault);
  });
}
