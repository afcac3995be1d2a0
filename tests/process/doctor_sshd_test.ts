/**
 * What `gitlab-shell doctor` says of OpenSSH's configuration.
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { RootDir } from "../support/root_dir.ts";

interface Check {
  readonly id: string;
  readonly result: string;
  readonly text: string;
  readonly advice: readonly string[];
}

// With PAM, since the password of root may be locked where the tests run.
const GOOD = "PermitUserRC no\nAcceptEnv GIT_PROTOCOL\nUsePAM yes\n";
const USED = "AuthorizedKeysCommandUser root\nAuthorizedKeysFile none\n";

/** Runs doctor for the account `root`, which every machine has. */
async function judge(
  text: string,
  { stdin }: { stdin?: string } = {},
): Promise<Map<string, Check>> {
  using folder = new RootDir({
    // Nobody is there; the checks of sshd do not depend on it.
    gitlabUrl: "http+unix:///nowhere/gitlab.sock",
    config: "user: root\n",
  });
  const file = `${folder.path}/sshd_config`;
  await Deno.writeTextFile(file, text.replaceAll("ROOT", folder.path));
  const { stdout } = await folder.run("gitlab-shell", {
    args: [
      "doctor",
      "--json",
      "--sshd-config",
      stdin === undefined ? file : "-",
    ],
    ...(stdin !== undefined && { stdin }),
  });
  const { checks } = JSON.parse(stdout) as { checks: Check[] };
  return new Map(checks.map((check) => [check.id, check]));
}

const ROWS: readonly (readonly [
  name: string,
  text: string,
  id: string,
  result: string,
  said: RegExp,
])[] = [
  [
    "an account that may log in",
    GOOD,
    "sshd.account",
    "ok",
    /^root may log in with a key$/,
  ],
  [
    "public keys switched off",
    `${GOOD}PubkeyAuthentication no`,
    "sshd.account",
    "failed",
    /sshd_config:4/,
  ],
  [
    "an account that is not among those allowed",
    `${GOOD}AllowUsers git admin`,
    "sshd.account",
    "failed",
    /allowusers keeps root out \(.*:4\)/,
  ],
  [
    "an account that is denied",
    `${GOOD}DenyUsers ro*`,
    "sshd.account",
    "failed",
    /denyusers keeps root out/,
  ],
  [
    "a group that is denied",
    `${GOOD}DenyGroups root`,
    "sshd.account",
    "failed",
    /denygroups keeps root out/,
  ],
  [
    "a forced command in the place of gitlab-shell",
    `${GOOD}Match User root\nForceCommand /bin/false`,
    "sshd.account",
    "failed",
    /ForceCommand replaces gitlab-shell/,
  ],
  [
    "the user's rc file and version 2 of Git's protocol",
    "UsePAM yes",
    "sshd.account",
    "warning",
    /\.ssh\/rc before gitlab-shell\nGit's protocol version 2/,
  ],
  [
    "no way to learn about keys",
    `${GOOD}AuthorizedKeysFile none`,
    "sshd.config",
    "failed",
    /no way to learn about keys of root/,
  ],
  [
    "conditions on the connection",
    `${GOOD}Match Address 10.0.0.0/8\nPubkeyAuthentication no`,
    "sshd.config",
    "warning",
    /not judged: .*sshd_config:4 Match Address 10\.0\.0\.0\/8/,
  ],
  [
    "keys-and-config.md 9.1: a command in a folder that others may write to",
    `${GOOD}${USED}AuthorizedKeysCommand /tmp/gitlab-shell-authorized-keys-check root %u %k`,
    "sshd.command",
    "failed",
    /sshd will not run \/tmp\//,
  ],
  [
    "keys-and-config.md 9.1: a relative command",
    `${GOOD}${USED}AuthorizedKeysCommand bin/check root %u %k`,
    "sshd.command",
    "failed",
    /is no absolute path/,
  ],
  [
    "keys-and-config.md 9.1: a command without a user",
    `${GOOD}AuthorizedKeysFile none\nAuthorizedKeysCommand /usr/bin/env root %u %k`,
    "sshd.command",
    "failed",
    /sshd does not even start/,
  ],
  [
    "a command of a user that does not exist",
    `${GOOD}AuthorizedKeysCommandUser no-such-user\nAuthorizedKeysCommand /usr/bin/env`,
    "sshd.command",
    "failed",
    /no-such-user is not in/,
  ],
  [
    "a command of somebody else, owned by root",
    `${GOOD}${USED}AuthorizedKeysCommand /usr/bin/env root %u %k`,
    "sshd.command",
    "ok",
    /should end in gitlab-shell-authorized-keys-check root %u %k/,
  ],
  [
    "principals without an authority",
    `${GOOD}AuthorizedPrincipalsCommandUser root\n` +
    "AuthorizedPrincipalsCommand /usr/bin/env %i sshUsers",
    "sshd.principals",
    "failed",
    /no TrustedUserCAKeys/,
  ],
  [
    "a file that is not there",
    `${GOOD}AuthorizedKeysFile ROOT/none`,
    "sshd.file",
    "failed",
    /none is not there/,
  ],
];

for (const [name, text, id, result, said] of ROWS) {
  Deno.test(`doctor on sshd: ${name}`, async () => {
    const check = (await judge(text)).get(id);
    assertEquals(check?.result, result, JSON.stringify(check));
    assertMatch(check?.text ?? "", said);
    const hasAdvice = (check?.advice.length ?? 0) > 0;
    if (result === "warning") assertEquals(hasAdvice, true);
  });
}

Deno.test("doctor takes what sshd -T prints from standard input", async () => {
  const checks = await judge("", {
    stdin:
      "usepam yes\npermituserrc no\nacceptenv GIT_PROTOCOL\npubkeyauthentication yes\n" +
      "authorizedkeysfile none\nauthorizedkeyscommand /usr/bin/env root %u %k\n" +
      "authorizedkeyscommanduser root\nforcecommand none\n" +
      "authorizedprincipalscommand none\n",
  });
  assertEquals(checks.get("sshd.account")?.result, "ok");
  assertEquals(
    checks.get("sshd.config")?.text,
    "keys of root come from a command (standard input:6)",
  );
  assertEquals(checks.get("sshd.command")?.result, "ok");
});

Deno.test({
  name: "doctor names a helper of ours that belongs to another root",
  // sshd runs helpers from folders of root's alone.
  ignore: Deno.uid() !== 0,
  async fn() {
    const folder = await Deno.makeTempDir({ dir: "/var/lib" });
    try {
      const path = `${folder}/gitlab-shell-authorized-keys-check`;
      await Deno.writeTextFile(path, "#!/bin/sh\n", { mode: 0o755 });
      const checks = await judge(
        `${GOOD}${USED}AuthorizedKeysCommand ${path} root %u %k`,
      );
      const check = checks.get("sshd.command");
      assertEquals(check?.result, "warning", JSON.stringify(check));
      assertMatch(check?.text ?? "", /which is not that of \//);
      const wrong = await judge(
        `${GOOD}${USED}AuthorizedKeysCommand ${path} git %u %k`,
      );
      assertEquals(wrong.get("sshd.command")?.result, "failed");
      assertMatch(
        wrong.get("sshd.command")?.advice.join() ?? "",
        /they must be: root %u %k/,
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
