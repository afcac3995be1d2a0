import { assertEquals } from "@std/assert";
import { selectCommand } from "../../../src/command/allowlist.ts";
import type { Config } from "../../../src/config/config.ts";

const CONFIG = { lfs: { pureSshProtocol: false }, pat: { enabled: true } };
const select = (words: string[], namespacePath = "") =>
  selectCommand(words, CONFIG as unknown as Config, namespacePath)?.logName;

const ADMITTED: readonly (readonly [words: string[], logName: string])[] = [
  [[], "*discover.Command"],
  [["discover"], "*discover.Command"],
  [["discover", "a", "b"], "*discover.Command"],
  [["git-upload-pack", "x"], "*uploadpack.Command"],
  [["git-receive-pack"], "*receivepack.Command"],
  [["git-upload-archive", "a", "b"], "*uploadarchive.Command"],
  [["2fa_recovery_codes", "a"], "*twofactorrecover.Command"],
  [["2fa_verify"], "*twofactorverify.Command"],
  [["personal_access_token"], "*personalaccesstoken.Command"],
  [["git-lfs-authenticate"], "*lfsauthenticate.Command"],
];
for (const [words, logName] of ADMITTED) {
  Deno.test(`shell.md 2.4: selectCommand() admits ${JSON.stringify(words)}`, () => {
    assertEquals(select(words), logName);
  });
}

const REFUSED = [
  "",
  "unknown",
  "scp",
  "git",
  "bash",
  "Git-Upload-Pack",
  "./git-upload-pack",
  "git-upload-pack.exe",
  "git upload-pack",
  "constructor",
  "__proto__",
  "toString",
  "git-upload-pack\0",
  " git-upload-pack",
];
for (const word of REFUSED) {
  const name = `shell.md 2.4: selectCommand() refuses ${JSON.stringify(word)}`;
  Deno.test(name, () => assertEquals(select([word, "x"]), undefined));
}

Deno.test("shell.md case 66: personal_access_token can be switched off", () => {
  const config = { pat: { enabled: false } } as unknown as Config;
  const words = ["personal_access_token", "a", "api"];
  assertEquals(selectCommand(words, config, ""), undefined);
});

Deno.test("shell.md case 72, lfs.md case 20: a certificate of a namespace may push", () => {
  assertEquals(
    select(["git-receive-pack", "x"], "group"),
    "*receivepack.Command",
  );
  assertEquals(
    select(["git-lfs-authenticate", "x", "upload"], "group"),
    "*lfsauthenticate.Command",
  );
});

Deno.test("shell.md case 74: a user name without namespace gets every command", () => {
  assertEquals(select(["2fa_recovery_codes"]), "*twofactorrecover.Command");
});

Deno.test("shell.md case 73: a certificate of a namespace gets no other command", () => {
  const others = [
    "discover",
    "2fa_recovery_codes",
    "2fa_verify",
    "personal_access_token",
  ];
  for (const word of others) assertEquals(select([word], "group"), undefined);
  assertEquals(select([], "group"), undefined);
});

Deno.test("lfs.md cases 13, 14 and 20: git-lfs-transfer is there if the file says so, and never for a namespace", () => {
  const select = (pureSshProtocol: boolean, namespacePath: string) =>
    selectCommand(
      ["git-lfs-transfer", "a", "upload"],
      { ...CONFIG, lfs: { pureSshProtocol } } as unknown as Config,
      namespacePath,
    )?.logName;
  assertEquals(select(true, ""), "*lfstransfer.Command");
  assertEquals(select(false, ""), undefined);
  assertEquals(select(true, "group"), undefined);
});
