/**
 * Deployment with certificates: a real sshd asks the principals helper. Cases
 * are numbered as in the specification of keys and configuration.
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { answerAsGitlab } from "../support/gitlab_answers.ts";
import { KeysSshd, NO_KEYS_SSHD } from "../support/keys_sshd.ts";
import { openScriptedApi } from "../support/scripted_api.ts";

Deno.test({
  name: `sshd lets in by certificates${NO_KEYS_SSHD}`,
  ignore: NO_KEYS_SSHD !== "",
  async fn(test) {
    await using api = openScriptedApi([answerAsGitlab(new Map())]);
    await using stand = await KeysSshd.install(api.url);
    const { stdout: snippet } = await stand.keys(
      "sshd-config",
      "certificates",
      `--ca-file=${stand.client}/ca.pub`,
    );
    await stand.start(snippet);
    const refused = async () => {
      const { exitStatus, stdout, stderr } = await stand.login("user");
      assertEquals([exitStatus, stdout], [255, ""]);
      assertMatch(stderr, /Permission denied \(publickey\)/);
    };

    await test.step("nobody without a certificate", refused);
    await test.step("keys-and-config.md case 148: the key identity is the user", async () => {
      await stand.certify("bob", "sshUsers");
      assertEquals(await stand.login("user"), {
        stdout: "Welcome to GitLab, @bob!\n",
        stderr: "",
        exitStatus: 0,
      });
    });
    await test.step("keys-and-config.md case 149: an identity that would leave the quotes", async () => {
      await stand.certify('a b"; x', "sshUsers");
      await refused();
      assertMatch(stand.log(), /failed, status 1/);
    });
    for (
      const identity of [
        "a\nssh-rsa AAAA",
        "bob'",
        "$(id)",
        "b#b",
        "../bob/",
        "",
      ]
    ) {
      await test.step(`the identity ${JSON.stringify(identity)} lets nobody in`, async () => {
        await stand.certify(identity, "sshUsers");
        await refused();
      });
    }
    await test.step("another principal lets nobody in", async () => {
      await stand.certify("bob", "others");
      await refused();
    });
    await test.step("the authority opens no other account", async () => {
      await stand.certify("bob", "sshUsers,daemon");
      const { exitStatus } = await stand.login("user", { user: "daemon" });
      assertEquals(exitStatus, 255);
      assertEquals((await stand.login("user")).exitStatus, 0);
    });
  },
});
