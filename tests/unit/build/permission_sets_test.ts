/**
 * The permission sets of deno.json, with which a program runs from its sources
 * as it does from `dist/`: `deno run -P=gitlab-shell main.ts gitlab-shell`.
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  permissionFlags,
  PROGRAM_LIBRARIES,
} from "../../../src/build/programs.ts";

interface PermissionRules {
  allow?: boolean | string[];
  deny?: boolean | string[];
  ignore?: boolean | string[];
}

const CONFIG = JSON.parse(
  Deno.readTextFileSync(new URL("../../../deno.json", import.meta.url)),
);

/** Says in the words of deno.json what flags say. */
function toPermissionSet(flags: readonly string[]) {
  const set: Record<string, PermissionRules> = {};
  for (const flag of flags) {
    const parts = /^--(allow|deny|ignore)-([a-z]+)(?:=(.*))?$/.exec(flag);
    if (!parts) continue;
    const [, verb = "", name = "", list] = parts;
    const rules = set[name] ??= {};
    rules[verb as keyof PermissionRules] = list?.split(",") ?? true;
  }
  return set;
}

for (const library of PROGRAM_LIBRARIES) {
  Deno.test(`deno.json lets ${library.name} do what dist/ lets it`, () => {
    assertEquals(
      CONFIG.permissions[library.name],
      toPermissionSet(permissionFlags(library)),
    );
  });
}

Deno.test("deno.json has the permission sets of the programs and no others", () => {
  assertEquals(
    Object.keys(CONFIG.permissions),
    PROGRAM_LIBRARIES.map(({ name }) => name),
  );
});

for (
  const [name, entry, words] of [
    ["gitlab-shell", "main.ts", ["gitlab-shell"]],
    ["gitlab-keys", "main.ts", ["gitlab-keys"]],
    ["gitlab-sshd", "main.ts", ["gitlab-sshd"]],
    ["gitaly-ssh", "gitaly_ssh.ts", []],
  ] as const
) {
  Deno.test(`${name} runs from its sources with its permission set`, async () => {
    const { stdout, success } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-check",
        "--no-prompt",
        `-P=${name}`,
        entry,
        ...words,
        "-version",
      ],
      cwd: new URL("../../../", import.meta.url),
    }).output();
    assertEquals(success, true);
    assertEquals(new TextDecoder().decode(stdout).startsWith(name), true);
  });
}
