/**
 * Our reading of sshd_config against that of a real sshd, which says with `-T`
 * what counts for a connection.
 * @module
 */
import { assertEquals } from "@std/assert";
import { readSshdSettings } from "../../src/keys/sshd_settings.ts";
import { findSshd } from "../support/openssh_server.ts";
import { makeTempDir } from "../support/temp_dir.ts";

const SSHD = findSshd();
const OBSTACLE = SSHD === undefined
  ? " (left out: no sshd here)"
  : Deno.uid() === 0
  ? ""
  : " (left out: needs root)";
const KEYWORDS = [
  "authorizedkeyscommand",
  "authorizedkeysfile",
  "permittty",
  "permituserrc",
  "pubkeyauthentication",
] as const;
const LISTS = ["acceptenv", "allowusers", "denyusers"] as const;

const CONFIGS: readonly (readonly [name: string, lines: readonly string[]])[] =
  [
    ["the first global value", ["PermitUserRC no", "PermitUserRC yes"]],
    ["a block over the global section", [
      "PermitUserRC yes",
      "Match User root",
      "PermitUserRC no",
      "AuthorizedKeysFile none",
    ]],
    ["the first of two blocks", [
      "Match User root,!nobody",
      "AuthorizedKeysFile one",
      "Match Group root",
      "AuthorizedKeysFile two",
      "PermitTTY no",
    ]],
    ["blocks of others", [
      "Match User nobody",
      "PermitTTY no",
      "Match User !root,*",
      "PermitUserRC no",
      "Match all",
      "PubkeyAuthentication no",
    ]],
    ["lists of the global section", [
      "AcceptEnv LANG LC_*",
      "AcceptEnv GIT_PROTOCOL",
      "AllowUsers git root",
      "DenyUsers nobody",
    ]],
    ["lists of a block, which replace them", [
      "AcceptEnv LANG",
      "AllowUsers git",
      "Match User root",
      "AcceptEnv GIT_PROTOCOL",
      "AllowUsers root",
    ]],
    ["quotes, equals signs, letters of either case and comments", [
      'AUTHORIZEDKEYSFILE = "a b" c',
      "permituserrc=no",
      "match USER root",
      "permittty no # as it was",
    ]],
    ["included files, in and out of a block", [
      "Include FOLDER/*.conf",
      "PermitUserRC no",
      "Match User root",
      "Include FOLDER/block",
    ]],
  ];

for (const [name, lines] of CONFIGS) {
  Deno.test({
    name: `readSshdSettings() agrees with sshd about ${name}${OBSTACLE}`,
    ignore: OBSTACLE !== "",
    async fn() {
      using folder = makeTempDir({
        "a.conf": "PermitTTY no\nMatch User nobody\nPubkeyAuthentication no\n",
        block: "AuthorizedKeysFile included\n",
      });
      const file = `${folder.path}/sshd_config`;
      const text = lines.join("\n").replaceAll("FOLDER", folder.path);
      await Deno.writeTextFile(file, `${text}\n`);
      const settings = readSshdSettings(
        file,
        { name: "root", groups: new Set(["root"]) },
        {
          readText: (path) => Deno.readTextFileSync(path),
          listFolder: (path) =>
            [...Deno.readDirSync(path)].map(({ name }) => name),
        },
      );
      const real = await askSshd(file, folder.path);
      for (const keyword of KEYWORDS) {
        const ours = settings.get(keyword)?.words.join(" ");
        // What neither says is sshd's default.
        if (ours !== undefined) {
          assertEquals([ours], real.get(keyword), keyword);
        }
      }
      for (const keyword of LISTS) {
        const ours = settings.all(keyword).flatMap(({ words }) => words);
        assertEquals(ours, real.get(keyword) ?? [], keyword);
      }
    },
  });
}

/** Values by keyword, as sshd prints them. */
async function askSshd(
  file: string,
  folder: string,
): Promise<Map<string, string[]>> {
  const hostKey = `${folder}/host`;
  await Deno.mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  await new Deno.Command("ssh-keygen", {
    args: ["-q", "-t", "ed25519", "-N", "", "-f", hostKey],
  }).output();
  const { success, stdout, stderr } = await new Deno.Command(SSHD ?? "", {
    args: ["-T", "-f", file, "-h", hostKey]
      .concat("-C", "user=root,host=localhost,addr=127.0.0.1"),
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(decoder.decode(stderr));
  const values = new Map<string, string[]>();
  for (const line of decoder.decode(stdout).trimEnd().split("\n")) {
    const blank = line.indexOf(" ");
    const keyword = line.slice(0, blank);
    const list = values.get(keyword) ?? [];
    list.push(line.slice(blank + 1));
    values.set(keyword, list);
  }
  return values;
}
