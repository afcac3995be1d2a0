import { assertEquals, assertRejects } from "@std/assert";
import { run as runReceivePack } from "../../../src/command/receive_pack.ts";
import { run as runUploadArchive } from "../../../src/command/upload_archive.ts";
import { run as runUploadPack } from "../../../src/command/upload_pack.ts";
import {
  ApiError,
  DisallowedCommandError,
  GitalyError,
  GitTransportError,
} from "../../../src/core/errors.ts";
import {
  makeAnswer,
  makeFakeSession,
  makeRequest,
} from "../../support/fake_session.ts";

const FETCH = ["git-upload-pack", "group/repo"];
const PUSH = ["git-receive-pack", "group/repo"];

for (const words of [["git-upload-pack"], ["git-upload-pack", "a", "b"]]) {
  Deno.test(`shell.md cases 68, 69: ${words.length} words ask GitLab nothing`, async () => {
    const session = makeFakeSession();
    await assertRejects(
      () => runUploadPack(makeRequest(words), session.context),
      DisallowedCommandError,
      "Disallowed command",
    );
    assertEquals(session.questions, []);
    assertEquals(session.packCalls, []);
  });
}

Deno.test("shell.md case 53: an empty project is asked about all the same", async () => {
  const session = makeFakeSession();
  await runUploadPack(makeRequest(["git-upload-pack", ""]), session.context);
  assertEquals(session.questions[0]?.project, "");
});

Deno.test("shell.md case 143, internal-api.md case 68: a push of a key names the key to Gitaly", async () => {
  const session = makeFakeSession();
  await runReceivePack(makeRequest(PUSH), session.context);
  assertEquals(session.packCalls[0]?.request.glId, "key-123");
  assertEquals(session.questions[0]?.action, "git-receive-pack");
});

Deno.test("shell.md case 144, internal-api.md case 69: a push of a user name names whom GitLab named", async () => {
  const session = makeFakeSession();
  const identity = { kind: "username", username: "john.doe" } as const;
  await runReceivePack(makeRequest(PUSH, { identity }), session.context);
  assertEquals(session.packCalls[0]?.request.glId, "user-1");
});

Deno.test("shell.md cases 145, 147, 149: metadata says who, whence and what", async () => {
  const session = makeFakeSession();
  await runUploadPack(makeRequest(FETCH), session.context);
  assertEquals(session.packCalls[0]?.context.metadata, [
    ["key_id", "123"],
    ["key_type", "key"],
    ["user_id", "user-1"],
    ["username", "alex-doe"],
    ["remote_ip", "127.0.0.1"],
    ["x-gitlab-correlation-id", "01K2XZ7Q4W8N3M5R6T9V0B1C2D"],
    ["x-gitlab-client-name", "gitlab-shell-git-upload-pack"],
  ]);
});

Deno.test("shell.md case 146, gitaly.md case 18, internal-api.md case 70: only Gitaly's own features go along", async () => {
  const features = {
    "gitaly-feature-a_b": "true",
    "other-ff": "true",
    "gitaly-feature-b": "false",
  };
  const { gitaly } = makeAnswer();
  const session = makeFakeSession({
    answer: { gitaly: { ...gitaly, features } },
  });
  await runUploadPack(makeRequest(FETCH), session.context);
  assertEquals(session.packCalls[0]?.context.metadata.slice(0, 3), [
    ["gitaly-feature-a_b", "true"],
    ["gitaly-feature-b", "false"],
    ["key_id", "123"],
  ]);
});

Deno.test("gitaly.md case 17: what GitLab left out is sent empty", async () => {
  const session = makeFakeSession({ answer: { glUsername: "", glKeyId: 0 } });
  await runUploadPack(makeRequest(FETCH), session.context);
  const metadata = new Map(session.packCalls[0]?.context.metadata);
  assertEquals(metadata.get("username"), "");
  assertEquals(metadata.get("key_id"), "0");
});

Deno.test("shell.md case 150: the protocol is the session's", async () => {
  const session = makeFakeSession();
  await runUploadPack(makeRequest(FETCH), session.context);
  assertEquals(session.packCalls[0]?.request.gitProtocol, "version=2");
});

Deno.test("shell.md case 152: without an address there is G3 and no G1", async () => {
  const { gitaly } = makeAnswer();
  const session = makeFakeSession({
    answer: { gitaly: { ...gitaly, address: "" } },
    checkEndpoint() {
      throw new GitTransportError("no gitaly_address given");
    },
  });
  await assertRejects(
    () => runUploadPack(makeRequest(FETCH), session.context),
    GitTransportError,
    "no gitaly_address given",
  );
  assertEquals(session.records, [{
    level: "ERROR",
    msg: "Failed to get connection to execute Git command",
    error_message: "no gitaly_address given",
  }]);
  assertEquals(session.packCalls, []);
});

/** gRPC failures of a call, and what is thrown to the front door. */
const FAILURES = [
  {
    name: "shell.md case 153: Unavailable",
    error: new GitalyError(14, "connection refused"),
    text: "rpc error: code = Unavailable desc = The git server, Gitaly, is " +
      "not available at this time. Please contact your administrator.",
  },
  {
    name: "shell.md case 154: Unavailable because of a limit",
    error: new GitalyError(14, "queue full", ["gitaly.LimitError"]),
    text: "rpc error: code = Unavailable desc = GitLab is currently unable " +
      "to handle this request due to load.",
  },
  {
    name: "gitaly.md case 54: a limit under another code",
    error: new GitalyError(8, "maximum queue size reached", [
      "gitaly.LimitError",
    ]),
    text:
      "rpc error: code = ResourceExhausted desc = maximum queue size reached",
  },
  {
    name: "shell.md case 156: NotFound",
    error: new GitalyError(5, "repository not found"),
    text: "rpc error: code = NotFound desc = repository not found",
  },
];
for (const { name, error, text } of FAILURES) {
  Deno.test(`${name}: the user's text and the operator's record`, async () => {
    error.exitStatus = 128;
    const session = makeFakeSession({ runPack: () => Promise.reject(error) });
    const thrown = await assertRejects(
      () => runUploadPack(makeRequest(FETCH), session.context),
      GitalyError,
    );
    assertEquals(thrown.message, text);
    const { msg, error_message, exit_status } = session.records.at(-1) ?? {};
    assertEquals({ msg, error_message, exit_status }, {
      msg: "Failed to execute Git command",
      error_message: error.message,
      exit_status: 128,
    });
  });
}

Deno.test("shell.md case 157: an exit status with OK is a success", async () => {
  const session = makeFakeSession({
    runPack: () =>
      Promise.resolve({ exitStatus: 1, packfileStatistics: undefined }),
  });
  const data = await runUploadPack(makeRequest(FETCH), session.context);
  assertEquals(data, {
    username: "alex-doe",
    project: "group/project-path",
    rootNamespace: "group",
    projectId: 26,
    rootNamespaceId: 9,
  });
});

Deno.test("shell.md case 158: GitLab's retry policy is used", async () => {
  const retryConfig = {
    maxAttempts: 4,
    initialBackoff: "0.1s",
    maxBackoff: "1s",
    backoffMultiplier: 2,
    retryableStatusCodes: ["UNAVAILABLE"],
  };
  const session = makeFakeSession({ answer: { retryConfig } });
  await runUploadPack(makeRequest(FETCH), session.context);
  assertEquals(session.packCalls[0]?.endpoint.retryPolicy, {
    attemptsMax: 4,
    initialBackoffMs: 100,
    maxBackoffMs: 1000,
    backoffMultiplier: 2,
    retryableCodes: [14],
  });
});

Deno.test("shell.md case 159: without a policy none is passed on", async () => {
  const session = makeFakeSession();
  await runUploadPack(makeRequest(FETCH), session.context);
  assertEquals(session.packCalls[0]?.endpoint, {
    address: "unix:/run/gitaly.socket",
    token: "token",
  });
});

Deno.test("gitaly.md case 20: a policy that cannot be read is logged and left out", async () => {
  const session = makeFakeSession({ answer: { retryConfig: { surprise: 1 } } });
  await runUploadPack(makeRequest(FETCH), session.context);
  assertEquals(session.packCalls[0]?.endpoint.retryPolicy, undefined);
  assertEquals(session.records[0]?.["msg"], "failed to unmarshal retry policy");
});

const BLOCK_EDGE = "remote: \n";

Deno.test("shell.md cases 136, 138: messages come first, then the refusal", async () => {
  const session = makeFakeSession({
    answer: { status: false, message: "no", consoleMessages: ["a", "b"] },
  });
  await assertRejects(
    () => runUploadPack(makeRequest(FETCH), session.context),
    Error,
    "no",
  );
  assertEquals(
    session.stderr.text,
    `${BLOCK_EDGE}remote: a\nremote: b\n${BLOCK_EDGE}`,
  );
  assertEquals(session.stdout.text, "");
  assertEquals(session.packCalls, []);
});

Deno.test("a refusal by the API reaches neither Gitaly nor the console", async () => {
  const refusal = new ApiError("Slow down.", { status: 429, kind: "policy" });
  const session = makeFakeSession({ allowed: () => Promise.reject(refusal) });
  const thrown = await assertRejects(
    () => runReceivePack(makeRequest(PUSH), session.context),
    ApiError,
  );
  assertEquals(thrown, refusal);
  assertEquals(session.packCalls, []);
});

Deno.test("shell.md case 177: an archive with a custom action goes to Gitaly", async () => {
  const session = makeFakeSession({ answer: { httpStatus: 300 } });
  const words = ["git-upload-archive", "x"];
  await runUploadArchive(makeRequest(words), session.context);
  assertEquals(session.packCalls[0]?.request.service, "upload-archive");
});

Deno.test("shell.md case 199: the record of a call names the user", async () => {
  const session = makeFakeSession({ answer: { glId: "user-42" } });
  await runUploadPack(makeRequest(FETCH), session.context);
  assertEquals(session.records, [{
    level: "INFO",
    msg: "executing git command",
    command: "git-upload-pack",
    gl_project_path: "group/project-path",
    gl_repository: "project-26",
    gl_user_name: "alex-doe",
    git_protocol: "version=2",
    remote_ip: "127.0.0.1",
    gl_key_type: "key",
    gl_key_id: 123,
    gl_user_id: 42,
  }]);
});

Deno.test("shell.md case 200: a deploy token has no user and no warning", async () => {
  const session = makeFakeSession({ answer: { glId: "deploy-token-52" } });
  await runUploadPack(makeRequest(FETCH), session.context);
  assertEquals(session.records.length, 1);
  assertEquals("gl_user_id" in (session.records[0] ?? {}), false);
});

const ODD_IDS = [
  ["key-1", 'unknown gl_id format "key-1"'],
  ["1", 'unknown gl_id format "1"'],
  ["", 'unknown gl_id format ""'],
  [
    "user-",
    'invalid user gl_id "user-": strconv.Atoi: parsing "": invalid syntax',
  ],
  [
    "user-abc",
    'invalid user gl_id "user-abc": strconv.Atoi: parsing "abc": invalid syntax',
  ],
] as const;
for (const [glId, text] of ODD_IDS) {
  Deno.test(`shell.md case 201: gl_id ${JSON.stringify(glId)} is warned of first`, async () => {
    const session = makeFakeSession({ answer: { glId } });
    await runUploadPack(makeRequest(FETCH), session.context);
    assertEquals(session.records[0], {
      level: "WARN",
      msg: "handler: LogExecution: failed to parse user_id",
      error_message: text,
    });
    assertEquals("gl_user_id" in (session.records[1] ?? {}), false);
  });
}
