import { assertEquals } from "@std/assert";
import {
  ACCESS_TEXT,
  type Actor,
  findRefusal,
} from "../../../../src/devstack/api/access_rule.ts";
import type { DevProject } from "../../../../src/devstack/api/directory.ts";

const PROJECT: DevProject = {
  id: 1,
  path: "tanuki/reef",
  rootNamespaceId: 9,
  visibility: "private",
  members: { mira: "push", otto: "pull" },
  storageName: "default",
  relativePath: "reef.git",
};
const GUEST: Actor = { user: undefined, key: undefined };
const user = (username: string, isBlocked = false): Actor => ({
  user: { id: 5, username, name: username, isBlocked },
  key: undefined,
});
const deployKey = (right: "pull" | "push"): Actor => ({
  user: undefined,
  key: {
    id: 7,
    type: "deploy_key",
    publicKey: "",
    deployAccess: { "tanuki/reef": right },
  },
});

const PULL = "git-upload-pack";
const PUSH = "git-receive-pack";
const ROWS: readonly (readonly [
  string,
  string,
  Actor,
  Partial<DevProject>,
  string | undefined,
])[] = [
  ["a member may pull", PULL, user("otto"), {}, undefined],
  [
    "a member may take an archive",
    "git-upload-archive",
    user("otto"),
    {},
    undefined,
  ],
  ["a member with push may push", PUSH, user("mira"), {}, undefined],
  [
    "a member without push may not push",
    PUSH,
    user("otto"),
    {},
    ACCESS_TEXT.noPush,
  ],
  [
    "a stranger sees no private project",
    PULL,
    user("eve"),
    {},
    ACCESS_TEXT.notFound,
  ],
  [
    "a stranger who pushes learns no more",
    PUSH,
    user("eve"),
    {},
    ACCESS_TEXT.notFound,
  ],
  [
    "a user called constructor is no member",
    PUSH,
    user("constructor"),
    {},
    ACCESS_TEXT.notFound,
  ],
  [
    "a guest sees no internal project",
    PULL,
    GUEST,
    { visibility: "internal" },
    ACCESS_TEXT.notFound,
  ],
  ["any user sees an internal project", PULL, user("eve"), {
    visibility: "internal",
  }, undefined],
  [
    "a guest may pull a public project",
    PULL,
    GUEST,
    { visibility: "public" },
    undefined,
  ],
  ["a guest may not push to a public project", PUSH, GUEST, {
    visibility: "public",
  }, ACCESS_TEXT.noPush],
  ["nobody pushes to an archived project", PUSH, user("mira"), {
    isArchived: true,
  }, ACCESS_TEXT.archived],
  ["a member may pull an archived project", PULL, user("mira"), {
    isArchived: true,
  }, undefined],
  ["a deploy key may pull", PULL, deployKey("pull"), {}, undefined],
  [
    "a deploy key for reading may not push",
    PUSH,
    deployKey("pull"),
    {},
    ACCESS_TEXT.noDeployPush,
  ],
  ["a deploy key for writing may push", PUSH, deployKey("push"), {}, undefined],
  [
    "a blocked user may nothing",
    PULL,
    user("mira", true),
    {},
    ACCESS_TEXT.blocked,
  ],
];
for (const [what, action, actor, change, message] of ROWS) {
  Deno.test(`findRefusal(): ${what}`, () => {
    const refusal = findRefusal(action, actor, { ...PROJECT, ...change });
    assertEquals(refusal?.message, message);
    if (message !== undefined) {
      const isHidden = message === ACCESS_TEXT.notFound;
      assertEquals(refusal?.status, isHidden ? 404 : 401);
    }
  });
}

Deno.test("findRefusal(): a project that does not exist looks like a hidden one", () => {
  const refusal = findRefusal(PULL, user("mira"), undefined);
  assertEquals(refusal, { status: 404, message: ACCESS_TEXT.notFound });
});
