import { assertEquals, assertThrows } from "@std/assert";
import {
  matchesPatternList,
  readSshdSettings,
  splitSshdLine,
  type SshdSettings,
} from "../../../src/keys/sshd_settings.ts";

const GIT = { name: "git", groups: new Set(["git", "web"]) };

function read(
  files: Readonly<Record<string, string>>,
  start = "/etc/ssh/sshd_config",
): SshdSettings {
  return readSshdSettings(start, GIT, {
    readText(path) {
      const text = files[path];
      if (text === undefined) throw new Deno.errors.NotFound(path);
      return text;
    },
    listFolder: (path) =>
      Object.keys(files).filter((name) => name.startsWith(`${path}/`))
        .map((name) => name.slice(path.length + 1)),
  });
}

const main = (...lines: string[]) =>
  read({ "/etc/ssh/sshd_config": lines.join("\n") });
const words = (settings: SshdSettings, keyword: string) =>
  settings.get(keyword)?.words;

Deno.test("readSshdSettings() takes the first global value, and that of a block over it", () => {
  const settings = main(
    "PermitUserRC yes",
    "PermitUserRC no",
    "AuthorizedKeysFile .ssh/authorized_keys",
    "Match User git",
    "  AuthorizedKeysFile none",
    "  AuthorizedKeysCommand /x/check git %u %k",
    "Match User git",
    "  AuthorizedKeysFile second",
  );
  assertEquals(words(settings, "permituserrc"), ["yes"]);
  assertEquals(words(settings, "authorizedkeysfile"), ["none"]);
  assertEquals(
    settings.get("authorizedkeyscommand")?.place,
    "/etc/ssh/sshd_config:6",
  );
});

Deno.test("readSshdSettings() passes over blocks of others, and returns at Match all", () => {
  const settings = main(
    "Match User root,!git,*",
    "  PasswordAuthentication no",
    "Match Group nobody",
    "  PubkeyAuthentication no",
    "Match all",
    "  PermitTTY no",
  );
  assertEquals(words(settings, "passwordauthentication"), undefined);
  assertEquals(words(settings, "pubkeyauthentication"), undefined);
  assertEquals(words(settings, "permittty"), ["no"]);
});

Deno.test("readSshdSettings() reads criteria that are written with an equals sign", () => {
  const settings = main(
    "Match User=git",
    "  PermitUserRC no",
    "Match User=root",
    "  PermitTTY no",
  );
  assertEquals(words(settings, "permituserrc"), ["no"]);
  assertEquals(words(settings, "permittty"), undefined);
  assertEquals(settings.undecided, []);
});

Deno.test("readSshdSettings() knows groups, patterns and several criteria", () => {
  const settings = main(
    "Match Group w?b User g*",
    "  PermitUserRC no",
    "Match User git Address 10.0.0.0/8",
    "  PubkeyAuthentication no",
  );
  assertEquals(words(settings, "permituserrc"), ["no"]);
  assertEquals(words(settings, "pubkeyauthentication"), undefined);
  assertEquals(settings.undecided, [
    "/etc/ssh/sshd_config:3 Match User git Address 10.0.0.0/8",
  ]);
});

Deno.test("readSshdSettings() follows Include, sorted, and forgets its open block", () => {
  const settings = read({
    "/etc/ssh/sshd_config":
      "Include sshd_config.d/*.conf\nPermitUserRC no\nInclude /nowhere/*.conf\n",
    "/etc/ssh/sshd_config.d/20.conf": "PermitTTY yes\n",
    "/etc/ssh/sshd_config.d/10.conf": "PermitTTY no\nMatch User root\n",
  });
  assertEquals(words(settings, "permittty"), ["no"]);
  assertEquals(words(settings, "permituserrc"), ["no"]);
});

Deno.test("readSshdSettings() includes within a block only if the block counts", () => {
  const settings = read({
    "/etc/ssh/sshd_config":
      "Match User root\nInclude a\nMatch User git\nInclude b",
    "/etc/ssh/a": "PermitTTY no",
    "/etc/ssh/b": "PermitUserRC no",
  });
  assertEquals(words(settings, "permittty"), undefined);
  assertEquals(words(settings, "permituserrc"), ["no"]);
});

Deno.test("readSshdSettings() adds AcceptEnv up, and reads what sshd -T prints", () => {
  const settings = main(
    "acceptenv LANG",
    "acceptenv LC_* GIT_PROTOCOL",
    "authorizedkeyscommand none",
    "permituserrc no",
  );
  const accepted = settings.all("acceptenv").flatMap((one) => one.words);
  assertEquals(accepted, ["LANG", "LC_*", "GIT_PROTOCOL"]);
  assertEquals(words(settings, "authorizedkeyscommand"), ["none"]);
});

Deno.test("readSshdSettings() ends when a file includes itself", () => {
  const files = { "/etc/ssh/sshd_config": "Include sshd_config" };
  assertThrows(() => read(files), Error, "too many includes");
});

const LINES = [
  ["  AuthorizedKeysFile = .ssh/a b # c", [
    "AuthorizedKeysFile",
    ".ssh/a",
    "b",
  ]],
  ['Banner "/etc/my banner"', ["Banner", "/etc/my banner"]],
  ["# PermitTTY no", []],
  ["", []],
  ["PermitTTY", ["PermitTTY"]],
  ["AuthorizedKeysCommand /x --deadline=5 %u", [
    "AuthorizedKeysCommand",
    "/x",
    "--deadline=5",
    "%u",
  ]],
] as const;
for (const [line, expected] of LINES) {
  Deno.test(`splitSshdLine() splits ${JSON.stringify(line)}`, () => {
    assertEquals(splitSshdLine(line), [...expected]);
  });
}

Deno.test("matchesPatternList() obeys a negation wherever it stands", () => {
  assertEquals(matchesPatternList("git", "*,!git"), false);
  assertEquals(matchesPatternList("git", "!root,g?t"), true);
  assertEquals(matchesPatternList("git", "!root"), false);
  assertEquals(matchesPatternList("g.t", "g?t"), true);
  assertEquals(matchesPatternList("gxt", "g.t"), false);
});
