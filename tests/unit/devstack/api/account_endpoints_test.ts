/**
 * The stand-in's endpoints about accounts, LFS and audit events: what Rails
 * answers, and what a client should not send.
 */
import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import {
  type InternalApi,
  startInternalApi,
} from "../../../../src/devstack/api/internal_api.ts";
import { PushDesk } from "../../../../src/devstack/api/push_desk.ts";
import { SAMPLE_PUBLIC_KEY } from "../../../../src/devstack/sample.ts";
import {
  exchangeRaw,
  formatShellRequest,
  parseRawResponse,
  signJwt,
} from "./raw_http.ts";

const SECRET = "not-so-secret";
const PREFIX = "/api/v4/internal";
const RECOVER = "/two_factor_recovery_codes";
const MANUAL = "/two_factor_manual_otp_check";
const PUSH = "/two_factor_push_otp_check";
const TOKEN = "/personal_access_token";
const LFS = "/lfs_authenticate";
const AUDIT = "/shellhorse/git_audit_event";
const MIRA = { key_id: "1" };

async function start(): Promise<InternalApi> {
  const api = await startInternalApi({
    listen: [{ transport: "tcp", hostname: "127.0.0.1", port: 0 }],
    secret: SECRET,
  });
  const { directory } = api.state;
  const publicKey = SAMPLE_PUBLIC_KEY;
  directory.setUser({ id: 5, username: "mira", name: "Mira", otp: "123456" });
  directory.setUser({ id: 6, username: "otto", name: "Otto" });
  directory.setKey({ id: 1, type: "key", publicKey, userId: 5 });
  directory.setKey({ id: 2, type: "key", publicKey, userId: 6 });
  directory.setKey({ id: 3, type: "key", publicKey });
  directory.setKey({ id: 4, type: "deploy_key", publicKey });
  directory.setProject({
    id: 88,
    path: "tanuki/reef",
    rootNamespaceId: 9,
    visibility: "private",
    members: {},
    storageName: "default",
    relativePath: "x.git",
  });
  return api;
}

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function send(api: InternalApi, text: string): Promise<Answer> {
  const port = Number(new URL(api.urls[0] ?? "").port);
  const raw = await exchangeRaw({ hostname: "127.0.0.1", port }, text);
  const { status, body } = parseRawResponse(raw);
  return { status, body: JSON.parse(body) };
}

function post(api: InternalApi, path: string, body: unknown): Promise<Answer> {
  return send(
    api,
    formatShellRequest({
      method: "POST",
      target: PREFIX + path,
      token: signJwt(SECRET),
      body: JSON.stringify(body),
    }),
  );
}

const TOKEN_WISH = {
  ...MIRA,
  name: "reef",
  scopes: ["api"],
  expires_at: "2031-02-03",
};
const REFUSALS: readonly (readonly [string, unknown, string])[] = [
  [RECOVER, { key_id: "9" }, "Could not find the given key"],
  [RECOVER, { user_id: 5 }, "Could not find the given key"],
  [RECOVER, {}, "Could not find the given key"],
  [RECOVER, { key_id: "3" }, "Could not find a user for the given key"],
  [
    RECOVER,
    { key_id: "4" },
    "Deploy keys cannot be used to retrieve recovery codes",
  ],
  [
    RECOVER,
    { key_id: "2" },
    "Two-factor authentication is not enabled for this user",
  ],
  [MANUAL, { ...MIRA, otp_attempt: "123457" }, "Invalid OTP"],
  [MANUAL, MIRA, "Invalid OTP"],
  [MANUAL, { user_id: 9 }, "Could not find the given user"],
  [MANUAL, { key_id: "4" }, "Deploy keys cannot be used for Two Factor"],
  [
    PUSH,
    { user_id: 6 },
    "Two-factor authentication is not enabled for this user",
  ],
  [PUSH, { key_id: "9" }, "Could not find the given key"],
  [TOKEN, { ...TOKEN_WISH, name: "" }, "No token name specified"],
  [TOKEN, { ...TOKEN_WISH, scopes: null }, "No token scopes specified"],
  [
    TOKEN,
    { ...TOKEN_WISH, scopes: ["api", "sudo"] },
    'Invalid scope: \'sudo\'. Valid scopes are: ["api", "create_runner", "read_api", "read_repository", "read_user", "write_repository"]',
  ],
  [
    TOKEN,
    { ...TOKEN_WISH, expires_at: "10240-05-09" },
    "Invalid token expiry date: '10240-05-09'",
  ],
  [
    TOKEN,
    { ...TOKEN_WISH, key_id: "4" },
    "Deploy keys cannot be used to create personal access tokens",
  ],
];
for (const [path, body, message] of REFUSALS) {
  Deno.test(`${path} refuses ${JSON.stringify(body)} as Rails does`, async () => {
    await using api = await start();
    assertEquals(await post(api, path, body), {
      status: 200,
      body: { success: false, message },
    });
    assertEquals(api.requests.all[0]?.violations, []);
  });
}

Deno.test(`${RECOVER} makes new codes each time`, async () => {
  await using api = await start();
  const first = await post(api, RECOVER, MIRA);
  const second = await post(api, RECOVER, MIRA);
  const codes = second.body["recovery_codes"] as string[];
  assertEquals(codes.length, 10);
  for (const code of codes) assertMatch(code, /^[0-9a-f]{16}$/);
  assertNotEquals(first.body["recovery_codes"], codes);
  assertEquals(api.state.recoveryCodes.get(5), codes);
});

Deno.test(`${MANUAL} takes the password of a key's and of a number's user`, async () => {
  await using api = await start();
  for (const owner of [MIRA, { user_id: 5 }]) {
    const { body } = await post(api, MANUAL, {
      ...owner,
      otp_attempt: "123456",
    });
    assertEquals(body, { success: true });
  }
});

Deno.test(`${PUSH} waits for the phone of its user`, async () => {
  await using api = await start();
  const asked = post(api, PUSH, MIRA);
  const approve = (path: string, method = "POST") =>
    send(
      api,
      `${method} /phone/approve/${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
    );
  // The two requests race: the phone may be too early.
  for (let answered = false; !answered;) {
    const { body } = await approve("mira");
    answered = body["approved"] === 1;
  }
  assertEquals((await asked).body, { success: true });
  assertEquals((await approve("otto")).body, { approved: 0 });
  assertEquals((await approve("nobody")).status, 404);
  assertEquals((await approve("mira", "GET")).status, 405);
});

Deno.test("PushDesk says no when nobody taps, and when it closes", async () => {
  const desk = new PushDesk(10);
  assertEquals(await desk.ask(5), false);
  const patient = new PushDesk();
  const asked = [patient.ask(5), patient.ask(5), patient.ask(6)];
  assertEquals(patient.approve(5), 2);
  patient.close();
  assertEquals(await Promise.all(asked), [true, true, false]);
  assertEquals(await patient.ask(5), false);
});

Deno.test(`${TOKEN} makes a token as it was wished for`, async () => {
  await using api = await start();
  const { body } = await post(api, TOKEN, TOKEN_WISH);
  const token = String(body["token"]);
  assertMatch(token, /^glpat-[\w-]{20}$/);
  assertEquals(body, {
    success: true,
    token,
    scopes: ["api"],
    expires_at: "2031-02-03",
  });
  assertEquals(api.state.tokens.get(token)?.userId, 5);
});

Deno.test(`${LFS} opens the door to one project`, async () => {
  await using api = await start();
  const rows = [
    [{ key_id: "1" }, "mira"],
    [{ key_id: "4" }, "lfs+deploy-key-4"],
    [{ user_id: "6" }, "otto"],
  ] as const;
  for (const [owner, username] of rows) {
    const question = { operation: "upload", project: "/tanuki/reef.git" };
    const { body } = await post(api, LFS, { ...question, ...owner });
    const token = String(body["lfs_token"]);
    assertEquals(body, {
      username,
      lfs_token: token,
      repository_http_path: `${api.urls[0]}/tanuki/reef.git`,
      expires_in: 7200,
    });
    const grant = api.state.lfsGrants.get(token);
    assertEquals(grant?.projectPath, "tanuki/reef");
    assertEquals(grant?.operation, "upload");
  }
  const unknown = [{ project: "x", key_id: "1" }, {
    project: "tanuki/reef",
    key_id: "3",
  }];
  for (const part of unknown) {
    assertEquals(await post(api, LFS, { operation: "download", ...part }), {
      status: 404,
      body: { message: "404 Not Found" },
    });
  }
});

Deno.test(`${AUDIT} keeps what it is told`, async () => {
  await using api = await start();
  const event = {
    action: "git-upload-pack",
    protocol: "ssh",
    gl_repository: "project-88",
    username: "mira",
    key_id: 1,
    packfile_stats: { wants: 1 },
    changes: "_any",
  };
  assertEquals((await post(api, AUDIT, event)).status, 200);
  assertEquals(api.state.auditEvents.all, [event]);
  assertEquals(api.requests.all[0]?.violations, []);
});

const AUDITED = {
  action: "git-receive-pack",
  protocol: "ssh",
  gl_repository: "",
  username: "",
  changes: "_any",
};
const VIOLATIONS: readonly (readonly [string, unknown, string])[] = [
  [RECOVER, { key_id: 1 }, "body key key_id is no string: 1"],
  [RECOVER, { user_id: "5" }, 'body key user_id is no integer: "5"'],
  [RECOVER, { user_id: 0 }, "body key user_id is empty"],
  [MANUAL, { ...MIRA, user_id: 5 }, "body has key_id and user_id"],
  [MANUAL, { otp_attempt: "" }, "body key otp_attempt is empty"],
  [PUSH, { otp_attempt: "1" }, "body has unknown key otp_attempt"],
  [
    TOKEN,
    { ...TOKEN_WISH, scopes: "api" },
    'body key scopes is no array: "api"',
  ],
  [
    LFS,
    { operation: "list", project: "x" },
    'body key operation is "list"',
  ],
  [AUDIT, { ...AUDITED, key_id: "1" }, 'body key key_id is no integer: "1"'],
  [AUDIT, { ...AUDITED, packfile_stats: {} }, "a push has packfile_stats"],
];
for (const [path, body, violation] of VIOLATIONS) {
  Deno.test(`${path} notices that ${violation}`, async () => {
    await using api = await start();
    await post(api, path, body);
    assertEquals(api.requests.all[0]?.violations, [violation]);
  });
}
