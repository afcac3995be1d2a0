/**
 * A store that sends git-lfs-transfer elsewhere: to other schemes, to whoever
 * collects credentials, round in circles. No request leaves for anything but
 * http and https, and nothing that opens a door crosses to another origin.
 * @module
 */
import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { SAMPLE } from "../../src/devstack/sample.ts";
import {
  D,
  errorReply,
  F,
  GREETING,
  proofOf,
  proofPackets,
  t,
} from "../support/lfs_session.ts";
import {
  headerValues,
  openScriptedApi,
  type ScriptedApi,
  whole,
} from "../support/scripted_api.ts";
import { ShellStand, testOnStand } from "../support/shell_stand.ts";

const OBJECT = "hello world\n";
const OID = createHash("sha256").update(OBJECT).digest("hex");
const INTERNAL = errorReply(500, "internal error");

let stand: ShellStand;
Deno.test.beforeAll(async () => {
  const configLines = ["lfs:", "  pure_ssh_protocol: true"];
  stand = await ShellStand.start({ configLines });
});
Deno.test.afterAll(() => stand[Symbol.asyncDispose]());

/** Runs one session. @returns Its replies. */
async function session(
  operation: "upload" | "download",
  input: string,
): Promise<string> {
  const { stdout, exitStatus } = await stand.session({
    command: `git-lfs-transfer ${SAMPLE.project}.git ${operation}`,
    stdin: input,
  });
  assertEquals(exitStatus, 0);
  return stdout.slice(GREETING.length);
}

/** Arguments for an object at any address: the secret is the stand's. */
async function prove(
  operation: "upload" | "download",
  href: string,
): Promise<string> {
  const headers = { Authorization: "Basic c2VjcmV0" };
  const secret = await Deno.readTextFile(stand.stack.shellRoot.secretFile);
  return proofPackets(
    await proofOf({ operation, oid: OID, href, headers }, secret),
  );
}

async function get(href: string): Promise<string> {
  const proof = await prove("download", href);
  return await session("download", t(`get-object ${OID}`) + proof + F);
}

async function put(href: string): Promise<string> {
  const proof = await prove("upload", href);
  const data = `0010${OBJECT}`;
  return await session(
    "upload",
    t(`put-object ${OID}`) + t("size=12") + proof + D + data + F,
  );
}

const redirectTo = (location: string, status = 307) =>
  openScriptedApi([whole(status, "", { Location: location })]);

for (
  const location of [
    "file:///etc/passwd",
    "ftp://127.0.0.1/",
    "gopher://127.0.0.1:70/_x",
    "unix:/run/docker.sock",
    "data:text/plain,x",
    "http://[::1",
  ]
) {
  testOnStand(
    `a redirect to ${location} is not followed by anything`,
    async () => {
      await using store = redirectTo(location);
      assertEquals(await get(store.url), INTERNAL);
      assertEquals(await put(store.url), INTERNAL);
      // One request each: what cannot be followed is not worth a repeat.
      assertEquals(store.attempts.length, 2);
      const { lfs } = stand.stack;
      const scripted = {
        status: 307,
        headers: [["Location", location]] as const,
      };
      lfs.script.enqueue("batch", scripted);
      lfs.script.enqueue("lock", scripted);
      const input = t("batch") + D + t(`${OID} 12`) + F + t("lock") +
        t("path=a") + F;
      assertEquals(await session("upload", input), INTERNAL + INTERNAL);
      assertEquals(lfs.script.leftCount, 0);
    },
  );
}

function assertNothingLeaked(thief: ScriptedApi): void {
  for (const attempt of thief.attempts) {
    assertEquals(headerValues(attempt, "Authorization"), []);
    assertEquals(headerValues(attempt, "Cookie"), []);
  }
}

for (const status of [301, 302, 303, 307, 308]) {
  testOnStand(
    `a redirect ${status} to another origin tells it no secret`,
    async () => {
      await using thief = openScriptedApi([whole(200, OBJECT)]);
      await using store = redirectTo(`${thief.url}/x`, status);
      const found = t("status 200") + t("size=12") + D + `0010${OBJECT}` + F;
      assertEquals(await get(store.url), found);
      const reply = await put(store.url);
      // A PUT that became a GET would look like an object that was stored.
      assertEquals(reply, status < 304 ? INTERNAL : t("status 200") + F);
      const { lfs } = stand.stack;
      lfs.script.enqueue("batch", {
        status,
        headers: [["Location", `${thief.url}/y`]],
      });
      const input = t("batch") + D + t(`${OID} 12`) + F;
      assertEquals(await session("upload", input), INTERNAL);
      assertEquals(thief.attempts.length, status < 304 ? 2 : 3);
      assertNothingLeaked(thief);
    },
  );
}

testOnStand(
  "a redirect to the same host and another port is another origin",
  async () => {
    await using thief = openScriptedApi([whole(200, OBJECT)]);
    const { port } = new URL(thief.url);
    await using store = redirectTo(`//127.0.0.1:${port}/`);
    await get(store.url);
    assertEquals(thief.attempts.length, 1);
    assertNothingLeaked(thief);
  },
);

testOnStand("redirects in a circle end after ten requests", async () => {
  await using store = redirectTo("/again");
  assertEquals(await get(store.url), INTERNAL);
  assertEquals(store.attempts.length, 10);
});

for (
  const href of ["file:///etc/passwd", "ftp://127.0.0.1/", "", "/etc/passwd"]
) {
  testOnStand(
    `an object at ${JSON.stringify(href)} is not asked for`,
    async () => {
      assertEquals(await get(href), INTERNAL);
      assertEquals(await put(href), INTERNAL);
    },
  );
}
