import { assertEquals, assertStrictEquals } from "@std/assert";
import { type ProgramTable, runEntry } from "../../../src/cli/entry.ts";
import type { Host } from "../../../src/core/host.ts";

const STAMP = "v1.2.3-20260901.101112";

/** A table whose programs note the host that they were given. */
function noting(): { hosts: Host[]; programs: ProgramTable } {
  const hosts: Host[] = [];
  const load = () =>
    Promise.resolve((host: Host) => {
      hosts.push(host);
      return Promise.resolve(7);
    });
  const names = ["gitlab-shell", "gitlab-keys", "gitlab-shell-check"];
  return { hosts, programs: new Map(names.map((name) => [name, load])) };
}

Deno.test("runEntry() gives the named program its arguments and status", async () => {
  const { hosts, programs } = noting();
  assertStrictEquals(await runEntry(programs, ["gitlab-shell", "key-1"]), 7);
  assertStrictEquals(hosts[0]?.programName, "gitlab-shell");
  assertEquals(hosts[0]?.args, ["key-1"]);
});

Deno.test("runEntry() tells a program how and as what it was built", async () => {
  const { hosts, programs } = noting();
  await runEntry(programs, [`gitlab-shell@${STAMP}@/opt/bin/other`]);
  assertEquals(hosts[0]?.build, {
    version: "v1.2.3",
    buildTime: "20260901.101112",
  });
  assertStrictEquals(hosts[0]?.invokedAs, "other");
});

Deno.test("runEntry() lets gitlab-keys be what a script of ours says", async () => {
  const { hosts, programs } = noting();
  await runEntry(programs, [
    `gitlab-keys@${STAMP}`,
    `gitlab-shell-check@${STAMP}@/opt/bin/gitlab-shell-check`,
    "x",
  ]);
  assertStrictEquals(hosts[0]?.programName, "gitlab-shell-check");
  assertEquals(hosts[0]?.args, ["x"]);
});

const KEPT = [
  ["gitlab-keys", "gitlab-shell-check"],
  ["gitlab-keys", `gitlab-shell@${STAMP}`],
  ["gitlab-shell", `gitlab-shell-check@${STAMP}`],
] as const;
for (const [program, argument] of KEPT) {
  Deno.test(`runEntry() keeps ${program} from becoming ${argument}`, async () => {
    const { hosts, programs } = noting();
    await runEntry(programs, [program, argument]);
    assertStrictEquals(hosts[0]?.programName, program);
    assertEquals(hosts[0]?.args, [argument]);
  });
}
