import { assertEquals, assertRejects } from "@std/assert";
import type { LfsAccess } from "../../../../src/api/lfs_authenticate.ts";
import { openLfsDoor } from "../../../../src/command/lfs_transfer/lfs_door.ts";
import type { FakeClock } from "../../../support/fake_host.ts";
import { makeAnswer, makeFakeSession } from "../../../support/fake_session.ts";

const QUESTION = {
  operation: "upload",
  project: "group/repo",
  identity: { kind: "key", keyId: "1" },
  access: makeAnswer(),
} as const;

/** GitLab gives these tokens one by one; an error stands for a refusal. */
function makeDoor(tokens: readonly (string | Error)[], seconds: number) {
  let count = 0;
  const session = makeFakeSession({
    api: {
      authenticateLfs(): Promise<LfsAccess> {
        const token = tokens[count++] ?? new Error("asked too often");
        if (token instanceof Error) return Promise.reject(token);
        return Promise.resolve({
          username: "demo",
          lfsToken: token,
          repositoryHttpPath: "http://gitlab/group/repo.git",
          expiresInSeconds: seconds,
        });
      },
    },
  });
  const clock = session.context.clock as FakeClock;
  const pass = (ms: number) => clock.advance(ms);
  return { session, pass, opening: openLfsDoor(QUESTION, session.context) };
}

const basic = (token: string) => `Basic ${btoa(`demo:${token}`)}`;

Deno.test("openLfsDoor() asks once for as long as the token is good", async () => {
  const { opening, pass } = makeDoor(["one"], 7200);
  const door = await opening;
  assertEquals(door.href, "http://gitlab/group/repo.git/info/lfs");
  for (const ms of [0, 3_600_000, 3_539_999]) {
    pass(ms);
    assertEquals(await door.authorization(), basic("one"));
  }
});

Deno.test("openLfsDoor() replaces a token a minute before its end, again and again", async () => {
  const { opening, pass } = makeDoor(["one", "two", "three"], 7200);
  const door = await opening;
  for (const token of ["two", "three"]) {
    pass(7_140_000);
    assertEquals(await door.authorization(), basic(token));
    assertEquals(await door.authorization(), basic(token));
  }
});

Deno.test("openLfsDoor() replaces a token of less than two minutes at half its life", async () => {
  const { opening, pass } = makeDoor(["one", "two"], 10);
  const door = await opening;
  pass(4999);
  assertEquals(await door.authorization(), basic("one"));
  pass(1);
  assertEquals(await door.authorization(), basic("two"));
});

Deno.test("openLfsDoor() keeps a token that has no end", async () => {
  const { opening, pass } = makeDoor(["one"], 0);
  const door = await opening;
  pass(1e12);
  assertEquals(await door.authorization(), basic("one"));
});

Deno.test("openLfsDoor() goes on with the old token when there is no new one", async () => {
  const { opening, pass, session } = makeDoor(["one", new Error("no")], 7200);
  const door = await opening;
  pass(7_200_000);
  assertEquals(await door.authorization(), basic("one"));
  assertEquals(session.records.map(({ msg }) => msg), [
    "lfstransfer: token was not renewed",
  ]);
});

Deno.test("openLfsDoor() passes GitLab's first refusal on", async () => {
  const { opening } = makeDoor([new Error("no")], 7200);
  await assertRejects(() => opening, Error, "no");
});
