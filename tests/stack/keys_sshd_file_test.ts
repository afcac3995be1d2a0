/**
 * Deployment with a file: a real sshd reads what gitlab-keys writes.
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { answerAsGitlab } from "../support/gitlab_answers.ts";
import { KeysSshd, NO_KEYS_SSHD } from "../support/keys_sshd.ts";
import { openScriptedApi } from "../support/scripted_api.ts";

const welcome = (id: number) => ({
  stdout: `Welcome to GitLab, @owner-of-${id}!\n`,
  stderr: "",
  exitStatus: 0,
});

Deno.test({
  name: `sshd lets in by the file that gitlab-keys keeps${NO_KEYS_SSHD}`,
  ignore: NO_KEYS_SSHD !== "",
  async fn(test) {
    await using api = openScriptedApi([answerAsGitlab(new Map())]);
    await using stand = await KeysSshd.install(api.url);
    const { stdout: snippet } = await stand.keys("sshd-config", "file");
    await stand.start(snippet);
    const refused = async () => {
      const { exitStatus, stderr } = await stand.login("user");
      assertEquals(exitStatus, 255);
      assertMatch(stderr, /Permission denied \(publickey\)/);
    };
    const key = stand.publicKey("user");

    await test.step("nobody without a file", refused);
    await test.step("the owner of a key that was added", async () => {
      await stand.keys("add-key", "key-41", stand.publicKey("other"));
      await stand.keys("add-key", "key-42", key);
      assertEquals(await stand.login("user"), welcome(42));
      assertEquals(await stand.login("other"), welcome(41));
    });
    await test.step("nobody by a line that was removed", async () => {
      await stand.keys("rm-key", "key-42");
      await refused();
      assertEquals(await stand.login("other"), welcome(41));
    });
    await test.step("by the new file of a rebuild", async () => {
      const list = `${stand.client}/list`;
      await Deno.writeTextFile(list, `key-43\t${key}\n`);
      assertEquals((await stand.keys("rebuild", list)).exitStatus, 0);
      assertEquals(await stand.login("user"), welcome(43));
    });
    await test.step("past junk, torn lines and CRLF around it", async () => {
      const line = Deno.readTextFileSync(stand.authFile).split("\n")[1] ?? "";
      Deno.writeFileSync(
        stand.authFile,
        new Uint8Array([
          ...[0xff, 0x00, 0x22, 0x0a],
          ...new TextEncoder().encode(
            `${line.slice(0, -20)}\n${"#".repeat(300)}\n${line}\r\n` +
              line.slice(0, 60),
          ),
        ]),
      );
      assertEquals(await stand.login("user"), welcome(43));
      assertEquals(
        (await stand.keys("add-key", "key-44", stand.publicKey("other")))
          .exitStatus,
        0,
      );
      assertEquals(await stand.login("other"), welcome(44));
    });
  },
});
