import { assertEquals, assertMatch } from "@std/assert";
import {
  findAccount,
  findBarrier,
  findUnsafeKeyFile,
  findUnsafeOwner,
  mayAccess,
} from "../../../src/keys/accounts.ts";
import { makeTempDir } from "../../support/temp_dir.ts";

const PASSWD = "root:x:0:0::/root:/bin/sh\ngit:x:998:997::/home/git:/bin/sh\n";
const GROUP = "root:x:0:\ngit:x:997:\nweb:x:33:bob,git\nother:x:5:bob\n";
/** Nobody has this number here. */
const STRANGER = { uid: 4_000_000, gids: new Set([4_000_000]) };

Deno.test("findAccount() gathers the groups of an account", () => {
  const account = findAccount("git", PASSWD, GROUP);
  assertEquals(account, {
    name: "git",
    uid: 998,
    gids: new Set([997, 33]),
    groups: new Set(["git", "web"]),
    home: "/home/git",
    shell: "/bin/sh",
  });
  assertEquals(findAccount("nobody", PASSWD, GROUP), undefined);
});

Deno.test("mayAccess() looks at one class alone: owner, group or others", () => {
  const git = { uid: 998, gids: new Set([997]) };
  const file = (uid: number, gid: number, mode: number) => ({ uid, gid, mode });
  assertEquals(mayAccess(git, file(998, 0, 0o077), "read"), false);
  assertEquals(mayAccess(git, file(0, 997, 0o640), "read"), true);
  assertEquals(mayAccess(git, file(0, 997, 0o604), "read"), false);
  assertEquals(mayAccess(git, file(0, 0, 0o602), "write"), true);
  assertEquals(
    mayAccess({ uid: 0, gids: new Set() }, file(1, 1, 0), "write"),
    true,
  );
});

Deno.test("findBarrier() names the folder that keeps an account out", () => {
  using folder = makeTempDir({ "closed/file": "x", "open/file": "x" });
  Deno.chmodSync(folder.path, 0o755);
  Deno.chmodSync(`${folder.path}/open`, 0o755);
  Deno.chmodSync(`${folder.path}/open/file`, 0o644);
  Deno.chmodSync(`${folder.path}/closed`, 0o700);
  const barrier = (name: string, kind: "read" | "write") =>
    findBarrier(STRANGER, `${folder.path}/${name}`, kind);
  assertEquals(barrier("open/file", "read"), undefined);
  assertMatch(
    barrier("open/file", "write") ?? "",
    /^may not write .*open\/file$/,
  );
  assertMatch(barrier("closed/file", "read") ?? "", /^may not enter .*closed$/);
  assertMatch(barrier("open/none", "read") ?? "", /is not there$/);
});

Deno.test("findUnsafeOwner() refuses what sshd refuses: a folder that all may write, keys-and-config.md 9.1", () => {
  using folder = makeTempDir({ "bin/helper": "" });
  const path = `${folder.path}/bin/helper`;
  Deno.chmodSync(path, 0o755);
  // The system's folder for temporary files is everybody's.
  assertMatch(findUnsafeOwner(path) ?? "", /writable by others|belongs to uid/);
  Deno.chmodSync(path, 0o777);
  assertMatch(
    findUnsafeOwner(path) ?? "",
    /helper (is writable by others|belongs)/,
  );
  assertMatch(findUnsafeOwner(`${path}2`) ?? "", /is not there/);
  assertMatch(findUnsafeOwner(folder.path) ?? "", /not a regular file/);
});

Deno.test("findUnsafeKeyFile() looks no further up than the home folder", () => {
  using folder = makeTempDir({ ".ssh/authorized_keys": "" });
  const home = Deno.realPathSync(folder.path);
  const file = `${home}/.ssh/authorized_keys`;
  const uid = Deno.statSync(file).uid ?? 0;
  for (const path of [home, `${home}/.ssh`]) Deno.chmodSync(path, 0o700);
  Deno.chmodSync(file, 0o600);
  assertEquals(findUnsafeKeyFile(file, { uid, home }), undefined);
  Deno.chmodSync(file, 0o620);
  assertMatch(findUnsafeKeyFile(file, { uid, home }) ?? "", /mode 620/);
});
