import { assert, assertEquals, assertRejects } from "@std/assert";
import type { DevProject } from "../../../../src/devstack/api/directory.ts";
import {
  type InternalApi,
  type InternalApiOptions,
  startInternalApi,
} from "../../../../src/devstack/api/internal_api.ts";
import {
  exchangeRaw,
  formatShellRequest,
  parseRawResponse,
  type RawResponse,
  signJwt,
} from "./raw_http.ts";

const SECRET = "not-so-secret";
const PREFIX = "/api/v4/internal";
const BLOB =
  "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
const REEF: DevProject = {
  id: 88,
  path: "tanuki/reef",
  rootNamespaceId: 9,
  visibility: "private",
  members: { mira: "push", otto: "pull" },
  storageName: "default",
  relativePath: "@hashed/aa/bb/aabb.git",
  consoleMessages: ["mind the gap"],
};
const QUESTION = {
  action: "git-upload-pack",
  project: "/tanuki/reef.git",
  changes: "_any",
  protocol: "ssh",
  key_id: "4711",
  check_ip: "192.0.2.17",
};

class SetClock {
  atMs = 1_767_225_600_000;
  nowMs(): number {
    return this.atMs;
  }
}

/** A stand-in with one user, one key and one project, and a way to ask it. */
class Stand implements AsyncDisposable {
  readonly api: InternalApi;
  readonly clock: SetClock;
  readonly #port: number;

  private constructor(api: InternalApi, clock: SetClock) {
    this.api = api;
    this.clock = clock;
    this.#port = Number(new URL(api.urls[0] ?? "").port);
  }

  static async start(
    options: Partial<InternalApiOptions> = {},
  ): Promise<Stand> {
    const clock = new SetClock();
    const api = await startInternalApi({
      listen: [{ transport: "tcp", hostname: "127.0.0.1", port: 0 }],
      secret: SECRET,
      clock,
      gitaly: {
        default: {
          address: "unix:/run/gitaly.sock",
          token: "t0ken",
          features: { "gitaly-feature-x": "true" },
        },
      },
      ...options,
    });
    const { directory } = api.state;
    directory.setUser({ id: 5, username: "mira", name: "Mira Reef" });
    directory.setUser({
      id: 6,
      username: "otto",
      name: "Otto",
      kerberosPrincipal: "otto@REEF",
    });
    directory.setKey({
      id: 4711,
      type: "key",
      publicKey: `ssh-ed25519 ${BLOB} mira@reef`,
      userId: 5,
    });
    directory.setProject(REEF);
    return new Stand(api, clock);
  }

  async send(text: string): Promise<RawResponse> {
    const target = { hostname: "127.0.0.1", port: this.#port };
    return parseRawResponse(await exchangeRaw(target, text));
  }

  get(target: string, extra: readonly string[] = []): Promise<RawResponse> {
    const token = signJwt(SECRET, this.clock.atMs);
    const path = PREFIX + target;
    return this.send(formatShellRequest({ target: path, token, extra }));
  }

  ask(
    change: Record<string, unknown> = {},
    extra: readonly string[] = [],
  ): Promise<RawResponse> {
    return this.send(formatShellRequest({
      method: "POST",
      target: `${PREFIX}/allowed`,
      token: signJwt(SECRET, this.clock.atMs),
      body: JSON.stringify({ ...QUESTION, ...change }),
      extra,
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api[Symbol.asyncDispose]();
  }
}

Deno.test("startInternalApi() answers /allowed with all that Rails sends", async () => {
  await using stand = await Stand.start();
  const { status, body } = await stand.ask();
  assertEquals(status, 200);
  assertEquals(JSON.parse(body), {
    status: true,
    gl_repository: "project-88",
    gl_project_path: "tanuki/reef",
    gl_project_id: 88,
    gl_root_namespace_id: 9,
    gl_id: "user-5",
    gl_username: "mira",
    gl_key_type: "key",
    gl_key_id: 4711,
    git_config_options: [
      "uploadpack.allowFilter=true",
      "uploadpack.allowAnySHA1InWant=true",
    ],
    gitaly: {
      repository: {
        storage_name: "default",
        relative_path: "@hashed/aa/bb/aabb.git",
        git_object_directory: "",
        git_alternate_object_directories: [],
        gl_repository: "project-88",
        gl_project_path: "tanuki/reef",
      },
      address: "unix:/run/gitaly.sock",
      token: "t0ken",
      features: { "gitaly-feature-x": "true" },
    },
    gl_console_messages: ["mind the gap"],
    need_audit: false,
  });
});

Deno.test("startInternalApi() knows users by name and by principal", async () => {
  await using stand = await Stand.start();
  const identities = [{ username: "otto" }, { krb5principal: "otto@REEF" }];
  for (const identity of identities) {
    const { body } = await stand.ask({ key_id: undefined, ...identity });
    const answer = JSON.parse(body);
    assertEquals(answer.gl_id, "user-6");
    assertEquals(answer.gl_key_id, undefined);
  }
});

Deno.test("startInternalApi() hides a project from a key that it does not know", async () => {
  await using stand = await Stand.start();
  const { status, body } = await stand.ask({ key_id: "4712" });
  assertEquals(status, 404);
  assertEquals(JSON.parse(body), {
    status: false,
    message:
      "The project you were looking for could not be found or you don't have permission to view it.",
  });
});

Deno.test("startInternalApi() refuses a push without the right to push", async () => {
  await using stand = await Stand.start();
  const { status, body } = await stand.ask({
    action: "git-receive-pack",
    key_id: undefined,
    username: "otto",
  });
  assertEquals(status, 401);
  assertEquals(JSON.parse(body), {
    status: false,
    message: "You are not allowed to push code to this project.",
  });
});

const DISCOVERIES: readonly (readonly [string, unknown])[] = [
  ["key_id=4711", { id: 5, name: "Mira Reef", username: "mira" }],
  ["username=mira", { id: 5, name: "Mira Reef", username: "mira" }],
  ["krb5principal=otto%40REEF", { id: 6, name: "Otto", username: "otto" }],
  ["key_id=1", null],
  ["username=constructor", null],
];
for (const [query, expected] of DISCOVERIES) {
  Deno.test(`startInternalApi() discovers by ${query}`, async () => {
    await using stand = await Stand.start();
    const { status, body } = await stand.get(`/discover?${query}`);
    assertEquals([status, JSON.parse(body)], [200, expected]);
  });
}

for (const form of [BLOB, `${BLOB}%3D%3D`]) {
  Deno.test(`startInternalApi() finds the key ${form.slice(-6)}`, async () => {
    await using stand = await Stand.start();
    const { status, body } = await stand.get(`/authorized_keys?key=${form}`);
    assertEquals(status, 200);
    const { id, key, title } = JSON.parse(body);
    assertEquals([id, key, title], [
      4711,
      `ssh-ed25519 ${BLOB} mira@reef`,
      "mira@reef",
    ]);
  });
}

Deno.test("startInternalApi() says that it does not know a key", async () => {
  await using stand = await Stand.start();
  const { status, body } = await stand.get("/authorized_keys?key=AAAA%2B%2F");
  assertEquals([status, body], [404, '{"message":"404 Key Not Found"}']);
  stand.api.state.directory.removeKey(4711);
  const later = await stand.get(`/authorized_keys?key=${BLOB}`);
  assertEquals(later.status, 404);
});

Deno.test("startInternalApi() answers /check, with Redis and without", async () => {
  await using stand = await Stand.start();
  assertEquals(JSON.parse((await stand.get("/check")).body).redis, true);
  stand.api.state.isRedisUp = false;
  assertEquals(JSON.parse((await stand.get("/check")).body).redis, false);
});

Deno.test("startInternalApi() refuses every request without a good token in one way", async () => {
  await using stand = await Stand.start();
  const bad = [signJwt("other"), "", signJwt(SECRET, stand.clock.atMs + 5000)];
  for (const token of bad) {
    const target = `${PREFIX}/check`;
    const text = formatShellRequest({ target, token });
    const { status, body } = await stand.send(text);
    assertEquals([status, body], [401, '{"message":"401 Unauthorized"}']);
  }
  assertEquals(
    stand.api.requests.all.map((
      { claims, violations },
    ) => [claims, violations.at(-1)]),
    [
      [undefined, "signature wrong"],
      [undefined, "token missing"],
      [undefined, "issued in the future"],
    ],
  );
});

Deno.test("startInternalApi() asks for Basic credentials where they are set", async () => {
  await using stand = await Stand.start({
    basicAuth: { user: "u", password: "p" },
  });
  const good = `Authorization: Basic ${btoa("u:p")}`;
  const bad = `Authorization: Basic ${btoa("u:q")}`;
  assertEquals((await stand.get("/check", [good])).status, 200);
  assertEquals((await stand.get("/check", [bad])).status, 401);
  assertEquals((await stand.get("/check")).status, 401);
});

Deno.test("startInternalApi() has no route outside its prefix and methods", async () => {
  await using stand = await Stand.start({ pathPrefix: "/gitlab" });
  const token = signJwt(SECRET, stand.clock.atMs);
  const status = async (method: string, target: string) =>
    (await stand.send(formatShellRequest({ method, target, token }))).status;
  assertEquals(await status("GET", `/gitlab${PREFIX}/check`), 200);
  assertEquals(await status("GET", `${PREFIX}/check`), 404);
  assertEquals(await status("GET", `/gitlab/${PREFIX}/check`), 404);
  assertEquals(await status("GET", `/gitlab${PREFIX}/nothing`), 404);
  assertEquals(await status("POST", `/gitlab${PREFIX}/check`), 405);
});

Deno.test("startInternalApi() records a request as it came: order, letter case, doubled lines", async () => {
  await using stand = await Stand.start();
  const extra = ["x-Forwarded-FOR: 192.0.2.1", "X-Forwarded-For: 192.0.2.2"];
  await stand.ask({}, extra);
  const record = await stand.api.requests.until(() => true);
  assertEquals(record.method, "POST");
  assertEquals(record.target, `${PREFIX}/allowed`);
  assertEquals(record.headers.slice(-2), [
    ["x-Forwarded-FOR", "192.0.2.1"],
    ["X-Forwarded-For", "192.0.2.2"],
  ]);
  assertEquals(JSON.parse(new TextDecoder().decode(record.body)), QUESTION);
  assertEquals(record.violations, ["header X-Forwarded-For is repeated"]);
  assertEquals(record.status, 200);
  const issuedAt = stand.clock.atMs / 1000;
  assertEquals(record.claims, {
    iss: "gitlab-shell",
    iat: issuedAt,
    exp: issuedAt + 60,
  });
});

Deno.test("startInternalApi() finds nothing wrong with what GitLab Shell sends", async () => {
  await using stand = await Stand.start();
  await stand.ask();
  await stand.get("/discover?key_id=4711");
  const found = stand.api.requests.all.map(({ violations }) => violations);
  assertEquals(found, [[], []]);
});

const WRONG_BODIES: readonly (readonly [
  string,
  Record<string, unknown>,
  readonly string[],
])[] = [
  ["a key that is a number", { key_id: 4711 }, [
    "body key key_id is no string: 4711",
  ]],
  ["an empty key", { key_id: "" }, ["body key key_id is empty"]],
  ["two identities", { username: "mira" }, ["body has key_id and username"]],
  ["an unknown key", { env: "{}" }, ["body has unknown key env"]],
  ["other changes", { changes: "x" }, ['body key changes is "x"']],
  ["no protocol", { protocol: undefined }, ["body lacks protocol"]],
  ["an unknown action", { action: "rm" }, ['body key action is "rm"']],
];
for (const [what, change, violations] of WRONG_BODIES) {
  Deno.test(`startInternalApi() notes a body with ${what}`, async () => {
    await using stand = await Stand.start();
    await stand.ask(change);
    assertEquals(stand.api.requests.all[0]?.violations, violations);
  });
}

Deno.test("startInternalApi() refuses a body that is no JSON object", async () => {
  await using stand = await Stand.start();
  for (const body of ["[]", "null", "x"]) {
    const { status } = await stand.send(formatShellRequest({
      method: "POST",
      target: `${PREFIX}/allowed`,
      token: signJwt(SECRET, stand.clock.atMs),
      body,
    }));
    assertEquals(status, 400);
  }
});

Deno.test("internal-api.md case 130: the third of three requests is over a limit of two", async () => {
  await using stand = await Stand.start({ rateLimit: 2 });
  assertEquals((await stand.ask()).status, 200);
  assertEquals((await stand.ask({ key_id: "4712" })).status, 404);
  assertEquals((await stand.ask()).status, 200);
  const { status, body, headers } = await stand.ask();
  assertEquals(status, 429);
  assertEquals(
    body,
    '{"message":{"error":"This endpoint has been requested too many times. Try again later."}}',
  );
  const names = headers.map((line) => line.split(":")[0]);
  assertEquals(names.includes("Retry-After"), false);
  // Nothing but /allowed is limited.
  assertEquals((await stand.get("/discover?key_id=4711")).status, 200);
});

Deno.test("internal-api.md case 133: Retry-After comes as seconds or as a date, and the next minute is free", async () => {
  await using stand = await Stand.start({ rateLimit: 1 });
  await stand.ask();
  stand.api.state.retryAfter = { form: "seconds", seconds: 60 };
  assert((await stand.ask()).headers.includes("Retry-After: 60"));
  stand.api.state.retryAfter = { form: "date", seconds: 60 };
  const date = "Retry-After: Thu, 01 Jan 2026 00:01:00 GMT";
  assert((await stand.ask()).headers.includes(date));
  stand.clock.atMs += 60_000;
  assertEquals((await stand.ask()).status, 200);
});

Deno.test("startInternalApi() counts by address only when told to", async () => {
  await using apart = await Stand.start({ rateLimit: 1 });
  assertEquals((await apart.ask({ key_id: "1" })).status, 404);
  assertEquals((await apart.ask({ key_id: "2" })).status, 404);
  await using together = await Stand.start({
    rateLimit: 1,
    isLimitedByAddress: true,
  });
  assertEquals((await together.ask({ key_id: "1" })).status, 404);
  assertEquals((await together.ask({ key_id: "2" })).status, 429);
});

Deno.test("script answers one request each, in order, then the real answers are back", async () => {
  await using stand = await Stand.start();
  stand.api.script.enqueue(
    "/check",
    { status: 502, body: "<html>" },
    { status: 301, headers: [["Location", "http://x/"]] },
  );
  const first = await stand.get("/check");
  assertEquals([first.status, first.body], [502, "<html>"]);
  const second = await stand.get("/check?x=1");
  assertEquals(second.status, 301);
  assert(second.headers.includes("Location: http://x/"));
  assertEquals(stand.api.script.leftCount, 0);
  assertEquals((await stand.get("/check")).status, 200);
  const statuses = stand.api.requests.all.map(({ status }) => status);
  assertEquals(statuses, [502, 301, 200]);
});

Deno.test("script can cut an answer short, before and after its headers", async () => {
  await using stand = await Stand.start();
  const token = signJwt(SECRET, stand.clock.atMs);
  const text = formatShellRequest({ target: `${PREFIX}/check`, token });
  const { port } = new URL(stand.api.urls[0] ?? "");
  const target = { hostname: "127.0.0.1", port: Number(port) };
  stand.api.script.enqueue(
    "/check",
    { closesBeforeHeaders: true },
    { closesAfterHeaders: true, contentLengthBytes: 9 },
    { body: "{}", contentLengthBytes: 9 },
  );
  assertEquals(await exchangeRaw(target, text), "");
  const bare = parseRawResponse(await exchangeRaw(target, text));
  assertEquals([bare.status, bare.body], [200, ""]);
  const short = parseRawResponse(await exchangeRaw(target, text));
  assert(short.headers.includes("Content-Length: 9"));
  assertEquals(short.body, "{}");
});

Deno.test("script can leave a request without an answer until the client gives up", async () => {
  await using stand = await Stand.start();
  stand.api.script.enqueue("/check", { isSilent: true });
  const token = signJwt(SECRET, stand.clock.atMs);
  const text = formatShellRequest({ target: `${PREFIX}/check`, token });
  const { port } = new URL(stand.api.urls[0] ?? "");
  using conn = await Deno.connect({ port: Number(port) });
  await conn.write(new TextEncoder().encode(text));
  const record = await stand.api.requests.until(() => true);
  assertEquals(record.endpoint, "/check");
  // Disposing the stand ends it although nobody has hung up.
});

Deno.test("startInternalApi() listens on a unix socket and over TLS, and leaves no file", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/api.sock`;
  const tls = new URL("../../../testdata/tls/", import.meta.url);
  const read = (name: string) => Deno.readTextFile(new URL(name, tls));
  {
    await using stand = await Stand.start({
      listen: [
        { transport: "tcp", hostname: "127.0.0.1", port: 0 },
        { transport: "unix", path },
        {
          transport: "tls",
          hostname: "127.0.0.1",
          port: 0,
          cert: await read("localhost.pem"),
          key: await read("localhost.key"),
        },
      ],
    });
    const token = signJwt(SECRET, stand.clock.atMs);
    const text = formatShellRequest({ target: `${PREFIX}/check`, token });
    const [, unixUrl, tlsUrl = ""] = stand.api.urls;
    assertEquals(unixUrl, `http+unix://${encodeURIComponent(path)}`);
    const overUnix = await exchangeRaw({ transport: "unix", path }, text);
    assertEquals(parseRawResponse(overUnix).status, 200);
    const overTls = await exchangeRaw({
      isTls: true,
      hostname: "localhost",
      port: Number(new URL(tlsUrl).port),
      caCerts: [await read("ca.pem")],
    }, text);
    assertEquals(parseRawResponse(overTls).status, 200);
  }
  assertEquals([...Deno.readDirSync(folder)], []);
  await Deno.remove(folder);
});

Deno.test("startInternalApi() says which address is taken, and leaves nothing open", async () => {
  await using stand = await Stand.start();
  const port = Number(new URL(stand.api.urls[0] ?? "").port);
  const error = await assertRejects(
    () =>
      Stand.start({
        listen: [{ transport: "tcp", hostname: "127.0.0.1", port }],
      }),
    Deno.errors.AddrInUse,
  );
  assertEquals(
    error.message,
    `Cannot listen on 127.0.0.1:${port}: the address is in use`,
  );
});
