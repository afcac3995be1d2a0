import { assertEquals, assertRejects } from "@std/assert";
import type {
  LfsAccess,
  LfsQuestion,
} from "../../../src/api/lfs_authenticate.ts";
import { run } from "../../../src/command/lfs_authenticate.ts";
import { ApiError, DisallowedCommandError } from "../../../src/core/errors.ts";
import {
  type FakeSessionOptions,
  makeFakeSession,
  makeRequest,
} from "../../support/fake_session.ts";

const ACCESS: LfsAccess = {
  username: "john",
  lfsToken: "sometoken",
  repositoryHttpPath: "https://gitlab.com/repo/path",
  expiresInSeconds: 1800,
};
const UPLOAD = ["git-lfs-authenticate", "group/repo", "upload"];

function session(
  authenticateLfs: () => Promise<LfsAccess>,
  options: FakeSessionOptions = {},
) {
  const asked: LfsQuestion[] = [];
  const made = makeFakeSession({
    ...options,
    api: {
      authenticateLfs(question) {
        asked.push(question);
        return authenticateLfs();
      },
    },
  });
  return { ...made, asked };
}

const REFUSED = [
  ["git-lfs-authenticate"],
  ["git-lfs-authenticate", "group/repo"],
  ["git-lfs-authenticate", "group/repo", "unknown"],
  ["git-lfs-authenticate", "group/repo", "Download"],
  ["git-lfs-authenticate", "group/repo", ""],
  ["git-lfs-authenticate", "group/repo", "constructor"],
];
for (const words of REFUSED) {
  Deno.test(`shell.md cases 126, 127, lfs.md case 7: ${JSON.stringify(words.slice(1))} asks GitLab nothing`, async () => {
    const made = session(() => Promise.resolve(ACCESS));
    await assertRejects(
      () => run(makeRequest(words), made.context),
      DisallowedCommandError,
    );
    assertEquals([made.questions, made.asked], [[], []]);
  });
}

const LINES: readonly (readonly [string, Partial<LfsAccess>, string])[] = [
  [
    "shell.md case 131, lfs.md case 1",
    {},
    '{"header":{"Authorization":"Basic am9objpzb21ldG9rZW4="},"href":"https://gitlab.com/repo/path/info/lfs","expires_in":1800}\n',
  ],
  [
    "shell.md case 132, lfs.md case 2, internal-api.md case 80",
    { expiresInSeconds: 0 },
    '{"header":{"Authorization":"Basic am9objpzb21ldG9rZW4="},"href":"https://gitlab.com/repo/path/info/lfs"}\n',
  ],
  [
    "lfs.md case 3",
    { repositoryHttpPath: "", expiresInSeconds: -1 },
    '{"header":{"Authorization":"Basic am9objpzb21ldG9rZW4="},"href":"/info/lfs","expires_in":-1}\n',
  ],
  [
    "shell.md case 133, lfs.md case 4",
    { repositoryHttpPath: "https://h/a&b<\u2028\x7f", expiresInSeconds: 0 },
    String
      .raw`{"header":{"Authorization":"Basic am9objpzb21ldG9rZW4="},"href":"https://h/a\u0026b\u003c\u2028` +
    '\x7f/info/lfs"}\n',
  ],
  [
    "lfs.md 1.4",
    {
      username: "demo",
      lfsToken: "token123",
      repositoryHttpPath: "https://gitlab.example.com/group/repo.git",
      expiresInSeconds: 7200,
    },
    '{"header":{"Authorization":"Basic ZGVtbzp0b2tlbjEyMw=="},"href":"https://gitlab.example.com/group/repo.git/info/lfs","expires_in":7200}\n',
  ],
];
for (const [name, part, line] of LINES) {
  Deno.test(`${name}: git-lfs-authenticate prints one line`, async () => {
    const made = session(() => Promise.resolve({ ...ACCESS, ...part }));
    await run(makeRequest(UPLOAD), made.context);
    assertEquals(made.stdout.text, line);
    assertEquals(made.stderr.text, "");
  });
}

for (
  const [operation, action] of [["download", "git-upload-pack"], [
    "upload",
    "git-receive-pack",
  ]] as const
) {
  Deno.test(`shell.md cases 129, 130 and 135: ${operation} may do what ${action} may`, async () => {
    const made = session(() => Promise.resolve(ACCESS), {
      answer: { cellAddress: "http://cell-7:80" },
    });
    const words = ["git-lfs-authenticate", "/group/repo.git", operation, "x"];
    const data = await run(makeRequest(words), made.context);
    const [question] = made.questions;
    assertEquals([question?.action, question?.project], [
      action,
      "/group/repo.git",
    ]);
    const [asked] = made.asked;
    assertEquals(asked?.operation, operation);
    assertEquals(asked?.project, "/group/repo.git");
    assertEquals(asked?.identity, { kind: "key", keyId: "123" });
    assertEquals(asked?.access.glId, "user-1");
    assertEquals(asked?.access.cellAddress, "http://cell-7:80");
    assertEquals(data.project, "group/project-path");
  });
}

Deno.test("shell.md case 128, lfs.md case 9: a refusal is the end of it", async () => {
  const refusal = new ApiError("Disallowed by API call", {
    status: 403,
    kind: "policy",
  });
  const refused = session(() => Promise.resolve(ACCESS), {
    allowed: () => Promise.reject(refusal),
  });
  await assertRejects(
    () => run(makeRequest(UPLOAD), refused.context),
    ApiError,
    "Disallowed by API call",
  );
  const denied = session(() => Promise.resolve(ACCESS), {
    answer: { status: false, message: "no", consoleMessages: ["a"] },
  });
  await assertRejects(() => run(makeRequest(UPLOAD), denied.context), Error);
  assertEquals(denied.stderr.text, "remote: \nremote: a\nremote: \n");
  assertEquals([refused.asked, denied.asked], [[], []]);
});

Deno.test("lfs.md case 11: messages leave the line alone", async () => {
  const made = session(() => Promise.resolve(ACCESS), {
    answer: { consoleMessages: ["a", "b"] },
  });
  await run(makeRequest(UPLOAD), made.context);
  assertEquals(made.stderr.text, "remote: \nremote: a\nremote: b\nremote: \n");
  assertEquals(made.stdout.text.split("\n").length, 2);
});

const FAILURES: readonly (readonly [glId: string, records: unknown[]])[] = [
  ["user-42", [{ gl_user_id: 42 }]],
  ["deploy-token-52", [{}]],
  ["key-5", ['unknown gl_id format "key-5"', {}]],
];
for (const [glId, expected] of FAILURES) {
  Deno.test(`shell.md case 134: a failure with ${glId} prints nothing and ends well`, async () => {
    const made = session(() => Promise.reject(new Error("parsing failed")), {
      answer: { glId },
    });
    const data = await run(makeRequest(UPLOAD), made.context);
    assertEquals([made.stdout.text, made.stderr.text], ["", ""]);
    assertEquals(data.username, "alex-doe");
    assertEquals(
      made.records,
      expected.map((part) =>
        typeof part === "string"
          ? {
            level: "WARN",
            msg: "lfsauthenticate: execute: failed to parse user_id",
            error_message: part,
          }
          : {
            level: "DEBUG",
            msg: "lfsauthenticate: execute: LFS authentication failed",
            operation: "upload",
            gl_repository: "group/repo",
            error_message: "parsing failed",
            ...part as Record<string, unknown>,
          }
      ),
    );
  });
}

Deno.test("git-lfs-authenticate does not load what Git services need", async () => {
  const made = session(() => Promise.resolve(ACCESS));
  let loaded = false;
  await run(makeRequest(UPLOAD), {
    ...made.context,
    gitaly() {
      loaded = true;
      return made.context.gitaly();
    },
  });
  assertEquals(loaded, false);
});
