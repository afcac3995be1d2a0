import { assertEquals, assertRejects } from "@std/assert";
import type { LfsQuestion } from "../../../../src/api/lfs_authenticate.ts";
import { run } from "../../../../src/command/lfs_transfer/lfs_transfer.ts";
import {
  ApiError,
  DisallowedCommandError,
} from "../../../../src/core/errors.ts";
import { Secret } from "../../../../src/core/secret.ts";
import {
  type FakeSessionOptions,
  makeFakeSession,
  makeRequest,
} from "../../../support/fake_session.ts";
import { GREETING } from "../../../support/lfs_session.ts";

const WORDS = ["git-lfs-transfer", "group/repo.git", "upload"];

function makeSession(over: FakeSessionOptions = {}) {
  const asked: LfsQuestion[] = [];
  const session = makeFakeSession({
    config: { secret: new Secret("sssh") },
    api: {
      authenticateLfs(question) {
        asked.push(question);
        return Promise.resolve({
          username: "demo",
          lfsToken: "token123",
          repositoryHttpPath: "http://127.0.0.1:1/group/repo.git",
          expiresInSeconds: 0,
        });
      },
    },
    ...over,
  });
  return { ...session, asked };
}

for (
  const words of [
    ["git-lfs-transfer"],
    ["git-lfs-transfer", "group/repo.git"],
    [...WORDS, "extra"],
    ["git-lfs-transfer", "group/repo.git", "Upload"],
    ["git-lfs-transfer", "group/repo.git", ""],
    ["git-lfs-transfer", "group/repo.git", "constructor"],
  ]
) {
  Deno.test(`lfs.md case 15: ${words.join(" ")} asks GitLab nothing`, async () => {
    const session = makeSession();
    await assertRejects(
      () => run(makeRequest(words), session.context),
      DisallowedCommandError,
    );
    assertEquals([session.questions, session.asked], [[], []]);
    assertEquals(session.stdout.text, "");
  });
}

Deno.test("lfs.md 2.1: the access check, the token, the greeting", async () => {
  for (
    const [operation, action] of [
      ["download", "git-upload-pack"],
      ["upload", "git-receive-pack"],
    ] as const
  ) {
    const session = makeSession({ answer: { cellAddress: "https://cell" } });
    const words = ["git-lfs-transfer", "/group/repo", operation];
    const data = await run(makeRequest(words), session.context);
    const [question] = session.questions;
    assertEquals([question?.action, question?.project], [
      action,
      "/group/repo",
    ]);
    const [asked] = session.asked;
    assertEquals(
      [asked?.operation, asked?.project, asked?.access.cellAddress],
      [operation, "/group/repo", "https://cell"],
    );
    assertEquals(session.stdout.text, GREETING);
    assertEquals(data.project, "group/project-path");
  }
});

Deno.test("lfs.md case 16: a refusal leaves standard output empty", async () => {
  const session = makeSession({
    answer: { status: false, message: "no", consoleMessages: ["hello"] },
  });
  await assertRejects(
    () => run(makeRequest(WORDS), session.context),
    Error,
    "no",
  );
  assertEquals(session.stdout.text, "");
  assertEquals(session.stderr.text, "remote: \nremote: hello\nremote: \n");
  assertEquals(session.asked, []);
});

Deno.test("lfs.md case 18: a refused token is an error, and nothing is written", async () => {
  const refusal = new ApiError("Internal API error (403)", {
    status: 403,
    kind: "policy",
  });
  const session = makeSession({
    api: { authenticateLfs: () => Promise.reject(refusal) },
  });
  await assertRejects(
    () => run(makeRequest(WORDS), session.context),
    ApiError,
    "Internal API error (403)",
  );
  assertEquals(session.stdout.text, "");
});

Deno.test("lfs.md 1.2: a custom action is not looked at", async () => {
  const session = makeSession({ answer: { httpStatus: 300 } });
  await run(makeRequest(WORDS), session.context);
  assertEquals(session.stdout.text, GREETING);
});
