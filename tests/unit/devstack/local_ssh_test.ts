import { assertEquals } from "@std/assert";
import { writeLocalSsh } from "../../../src/devstack/local_ssh.ts";
import { makeTempDir } from "../../support/temp_dir.ts";

const CASES: readonly (readonly [string, readonly string[], string])[] = [
  ["a host alone", ["git@h"], ""],
  ["what git passes", [
    "-o",
    "SendEnv=GIT_PROTOCOL",
    "git@h",
    "git-upload-pack 'a b'",
  ], "git-upload-pack 'a b'"],
  [
    "a port and an identity",
    ["-p", "22", "-i", "x", "git@h", "discover"],
    "discover",
  ],
  ["switches", ["-T", "-4", "git@h", "discover"], "discover"],
  [
    "several words",
    ["git@h", "git-lfs-authenticate", "a", "download"],
    "git-lfs-authenticate a download",
  ],
];

for (const [what, words, command] of CASES) {
  Deno.test(`writeLocalSsh() makes a script that takes ${what}`, async () => {
    using folder = makeTempDir({
      "it's/shell":
        '#!/bin/sh\nprintf "%s|" "$GITLAB_SHELL_DIR" "$SSH_CONNECTION" "$SSH_ORIGINAL_COMMAND" "$@"\n',
    });
    const program = `${folder.path}/it's/shell`;
    await Deno.chmod(program, 0o755);
    const path = await writeLocalSsh(folder.path, {
      words: [program, "-x"],
      shellRoot: "/r $HOME",
      identity: "key-7",
    });
    const { stdout } = await new Deno.Command(path, { args: [...words] })
      .output();
    assertEquals(
      new TextDecoder().decode(stdout),
      `/r $HOME|192.0.2.17 50000 198.51.100.2 22|${command}|-x|key-7|`,
    );
  });
}
