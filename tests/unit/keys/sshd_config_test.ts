import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseShellPath, RefusedLineError } from "../../../src/keys/line.ts";
import {
  formatSshdConfig,
  SSHD_DEPLOYMENTS,
  type SshdPaths,
} from "../../../src/keys/sshd_config.ts";

const PATHS: SshdPaths = {
  user: "git",
  shellPath: parseShellPath("/opt/gitlab-shell"),
  authFile: "/var/opt/gitlab/.ssh/authorized_keys",
  caFile: "/etc/ssh/gitlab_user_ca.pub",
};

for (const deployment of SSHD_DEPLOYMENTS) {
  Deno.test(`docs/sshd.md shows what sshd-config ${deployment} prints`, async () => {
    const docs = await Deno.readTextFile(
      new URL("../../../docs/sshd.md", import.meta.url),
    );
    const block = `\`\`\`text\n${formatSshdConfig(deployment, PATHS)}\`\`\`\n`;
    assert(docs.includes(block), block);
  });
}

Deno.test("formatSshdConfig() trusts the authority for one account alone", () => {
  const lines = formatSshdConfig("certificates", PATHS).split("\n");
  assert(
    lines.indexOf("Match User git") <
      lines.findIndex((line) => line.includes("TrustedUserCAKeys")),
  );
  assertEquals(lines.at(-2), "Match all");
});

for (
  const [name, changed] of [
    ["a user of two words", { user: "git root" }],
    ["a user with a line end", { user: "git\nMatch all" }],
    ["a user that is a pattern", { user: "*" }],
    ["a file with a token", { authFile: "/x/%h" }],
    ["a file with a quote", { authFile: '/x/"' }],
    ["a file with a comment", { authFile: "/x#y" }],
    ["an authority with a blank", { caFile: "/x y" }],
  ] as const
) {
  Deno.test(`formatSshdConfig() refuses ${name}`, () => {
    const paths = { ...PATHS, ...changed };
    assertThrows(() => formatSshdConfig("file", paths), RefusedLineError);
  });
}
