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

Deno.test("shell.md case 72: a certificate of a namespace may push", () => {
  assertEquals(
    select(["git-receive-pack", "x"], "group"),
    "*receivepack.Command",
  );
});

Deno.test("shell.md case 73: a certificate of a namespace gets no other command", () => {
  assertEquals(select(["discover"], "group"), undefined);
  assertEquals(select([], "group"), undefined);
});
