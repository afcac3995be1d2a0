import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { Directory } from "../../../../src/devstack/api/directory.ts";
import type { LfsGrant } from "../../../../src/devstack/api/endpoint.ts";
import {
  type LfsServer,
  startLfsServer,
} from "../../../../src/devstack/lfs/lfs_server.ts";
import { makeTempDir } from "../../../support/temp_dir.ts";

const OBJECT = "hello world\n";
const OID = createHash("sha256").update(OBJECT).digest("hex");
const PROJECT = {
  id: 7,
  path: "tanuki/reef",
  rootNamespaceId: 1,
  visibility: "private",
  storageName: "default",
  relativePath: "x.git",
  members: { mira: "push", otto: "pull" },
} as const;

interface World extends AsyncDisposable {
  readonly server: LfsServer;
  readonly grants: Map<string, LfsGrant>;
  /** Sends JSON as a user, and reads what comes back. */
  post(
    path: string,
    body: unknown,
    username?: string,
  ): Promise<{ status: number; body: Record<string, unknown> }>;
}

function openWorld(): World {
  const folder = makeTempDir();
  const directory = new Directory();
  directory.setUser({ id: 1, username: "mira", name: "Mira" });
  directory.setUser({ id: 2, username: "otto", name: "Otto" });
  directory.setProject(PROJECT);
  const grants = new Map<string, LfsGrant>();
  for (const username of ["mira", "otto"]) {
    grants.set(`${username}-token`, {
      username,
      projectPath: PROJECT.path,
      operation: "upload",
      expiresMs: 1000,
    });
  }
  const clock = { nowMs: () => 500 };
  const server = startLfsServer({
    listen: { transport: "tcp", hostname: "127.0.0.1", port: 0 },
    folder: `${folder.path}/lfs`,
    api: { directory, lfsGrants: grants, clock },
  });
  return {
    server,
    grants,
    async post(path, body, username = "mira") {
      const response = await fetch(
        `${server.url}/tanuki/reef.git/info/lfs${path}`,
        {
          method: "POST",
          headers: { Authorization: basic(username) },
          body: JSON.stringify(body),
        },
      );
      return { status: response.status, body: await response.json() };
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

const basic = (username: string) =>
  `Basic ${btoa(`${username}:${username}-token`)}`;

interface Action {
  readonly href: string;
  readonly header: Record<string, string>;
}

async function findAction(
  world: World,
  operation: "upload" | "download",
): Promise<Action | undefined> {
  const objects = [{ oid: OID, size: OBJECT.length }];
  const { body } = await world.post("/objects/batch", { operation, objects });
  const [object] = body["objects"] as {
    actions?: Record<string, Action>;
  }[];
  return object?.actions?.[operation];
}

/** @returns The status. */
async function put({ href, header }: Action, body: string): Promise<number> {
  const { "Transfer-Encoding": _, ...headers } = header;
  const response = await fetch(href, { method: "PUT", headers, body });
  await response.body?.cancel();
  return response.status;
}

Deno.test("an object is uploaded once and can then be had", async () => {
  await using world = openWorld();
  assertEquals(await findAction(world, "download"), undefined);
  const upload = await findAction(world, "upload");
  assertEquals(upload?.header["Transfer-Encoding"], "chunked");
  assertEquals(upload?.href.endsWith(`${OID}/12`), true);
  if (!upload) throw new Error("No action");
  assertEquals(await put(upload, OBJECT), 200);
  assertEquals(await findAction(world, "upload"), undefined);
  const download = await findAction(world, "download");
  const response = await fetch(download?.href ?? "", {
    headers: download?.header ?? {},
  });
  assertEquals(await response.text(), OBJECT);
});

Deno.test("what is not right is not kept", async () => {
  await using world = openWorld();
  const upload = await findAction(world, "upload");
  if (!upload) throw new Error("No action");
  for (const body of ["hello there\n", "hello", `${OBJECT}x`]) {
    assertEquals(await put(upload, body), 400);
  }
  assertEquals(await world.server.state.store.list(), []);
});

Deno.test("an upload that breaks off leaves nothing", async () => {
  await using world = openWorld();
  const upload = await findAction(world, "upload");
  if (!upload) throw new Error("No action");
  const { port, pathname } = new URL(upload.href);
  const conn = await Deno.connect({ port: Number(port) });
  const { Authorization } = upload.header;
  await conn.write(new TextEncoder().encode(
    `PUT ${pathname} HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n` +
      `Authorization: ${Authorization}\r\n\r\nhello`,
  ));
  conn.close();
  await world.server.requests.until(({ route }) => route === "upload");
  assertEquals(await world.server.state.store.list(), []);
});

Deno.test("each door has its own key, and each key its time", async () => {
  await using world = openWorld();
  const upload = await findAction(world, "upload");
  if (!upload) throw new Error("No action");
  const status = await put({
    href: upload.href,
    header: { Authorization: basic("mira") },
  }, OBJECT);
  assertEquals(status, 401);
  world.server.forgetObjectDoors();
  assertEquals(await put(upload, OBJECT), 401);
  const grant = world.grants.get("mira-token");
  if (grant) world.grants.set("mira-token", { ...grant, expiresMs: 499 });
  const { status: late } = await world.post("/locks/verify", {});
  assertEquals(late, 401);
});

Deno.test("locks belong to their owners", async () => {
  await using world = openWorld();
  const made = await world.post("/locks", { path: "a.bin" });
  assertEquals(made.status, 201);
  assertEquals((await world.post("/locks", { path: "a.bin" })).status, 409);
  assertEquals(
    (await world.post("/locks", { path: "b.bin" }, "otto")).status,
    403,
  );
  const listed = await world.post("/locks/verify", { limit: 1 });
  assertEquals((listed.body["ours"] as unknown[]).length, 1);
  assertEquals((await world.post("/locks/9/unlock", {})).status, 404);
  assertEquals((await world.post("/locks/1/unlock", {})).status, 200);
});

Deno.test("a server by the book gives pages and filters", async () => {
  await using world = openWorld();
  world.server.state.honoursLockFilters = true;
  for (const path of ["a", "b", "c"]) await world.post("/locks", { path });
  const first = await world.post("/locks/verify", { limit: 2 });
  assertEquals(
    [(first.body["ours"] as unknown[]).length, first.body["next_cursor"]],
    [2, "3"],
  );
  const one = await world.post("/locks/verify?path=b", {});
  assertEquals((one.body["ours"] as unknown[]).length, 1);
});

Deno.test("who may only read uploads nothing; no objects are no batch", async () => {
  await using world = openWorld();
  const objects = [{ oid: OID, size: 12 }];
  const upload = { operation: "upload", objects };
  assertEquals(
    (await world.post("/objects/batch", upload, "otto")).status,
    403,
  );
  assertEquals(
    (await world.post("/objects/batch", { ...upload, objects: [] })).status,
    404,
  );
  world.server.script.enqueue("batch", { status: 503 });
  const response = await fetch(
    `${world.server.url}/tanuki/reef.git/info/lfs/objects/batch`,
    { method: "POST" },
  );
  await response.body?.cancel();
  assertEquals(response.status, 503);
});
