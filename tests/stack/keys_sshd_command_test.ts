/**
 * Deployment with a command: a real sshd asks the lookup helper. Cases are
 * numbered as in the specification of keys and configuration.
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { answerAsGitlab } from "../support/gitlab_answers.ts";
import { KeysSshd, NO_KEYS_SSHD } from "../support/keys_sshd.ts";
import { openScriptedApi, type ScriptedApi } from "../support/scripted_api.ts";
import type { ProgramOutcome } from "../support/dist.ts";

function assertRefused({ exitStatus, stdout, stderr }: ProgramOutcome): void {
  assertEquals([exitStatus, stdout], [255, ""]);
  assertMatch(stderr, /Permission denied \(publickey\)/);
}

const lookups = (api: ScriptedApi) =>
  api.attempts.filter(({ target }) => target.includes("/authorized_keys?"))
    .length;

interface World extends AsyncDisposable {
  readonly stand: KeysSshd;
  readonly api: ScriptedApi;
  readonly snippet: string;
}

async function openWorld(): Promise<World> {
  await using parts = new AsyncDisposableStack();
  const keysById = new Map<number, string>();
  const api = parts.use(openScriptedApi([answerAsGitlab(keysById)]));
  const stand = parts.use(await KeysSshd.install(api.url));
  keysById.set(4711, stand.publicKey("user"));
  const { stdout: snippet } = await stand.keys("sshd-config", "command");
  const owned = parts.move();
  return {
    stand,
    api,
    snippet,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

Deno.test({
  name: `sshd lets in by the lookup helper${NO_KEYS_SSHD}`,
  ignore: NO_KEYS_SSHD !== "",
  async fn(test) {
    await using world = await openWorld();
    const { stand, api, snippet } = world;
    await stand.start(snippet);
    await test.step("keys-and-config.md case 145: a known key runs the forced command, the helper ran twice", async () => {
      assertEquals(await stand.login("user"), {
        stdout: "Welcome to GitLab, @owner-of-4711!\n",
        stderr: "",
        exitStatus: 0,
      });
      assertEquals(lookups(api), 2);
    });
    await test.step("keys-and-config.md case 146: an unknown key is refused, the helper did not fail", async () => {
      assertRefused(await stand.login("other"));
      assertEquals(lookups(api), 3);
      assert(!stand.log().includes("failed, status"), stand.log());
    });
    await test.step("the forced command stands whatever the client asks for", async () => {
      const { stdout, stderr, exitStatus } = await stand.login("user", {
        options: ["-o", "RemoteCommand=sh -c id"],
      });
      assertEquals(stdout, "");
      assertMatch(stderr, /Disallowed command/);
      assertEquals(exitStatus, 1);
    });
  },
});

for (
  const [name, end] of [["exits 1", "exit 1"], ["is killed", "kill -9 $$"]]
) {
  Deno.test({
    name:
      `keys-and-config.md case 147: a helper that ${name} lets nobody in${NO_KEYS_SSHD}`,
    ignore: NO_KEYS_SSHD !== "",
    async fn() {
      await using world = await openWorld();
      const { stand, snippet } = world;
      const helper = `${stand.root}/bin/gitlab-shell-authorized-keys-check`;
      const broken = `${stand.root}/bin/broken`;
      await Deno.writeTextFile(
        broken,
        `#!/bin/sh\n'${helper}' "$@"\n${end}\n`,
        { mode: 0o755 },
      );
      await stand.start(snippet.replace(helper, broken));
      assertRefused(await stand.login("user"));
      assertMatch(stand.log(), /failed, status 1|exited on signal 9/);
    },
  });
}

Deno.test({
  name:
    `keys-and-config.md case 150: another account than the expected one is refused${NO_KEYS_SSHD}`,
  ignore: NO_KEYS_SSHD !== "",
  async fn() {
    await using world = await openWorld();
    const { stand, api, snippet } = world;
    // For every account, as an administrator may have written it.
    await stand.start(snippet.replaceAll(/^Match.*\n/gm, ""));
    assertRefused(await stand.login("user", { user: "daemon" }));
    assertEquals(lookups(api), 0);
    const log = await Deno.readTextFile(`${stand.root}/gitlab-shell.log`);
    const { msg, expected_user, actual_user } = JSON.parse(
      log.split("\n")[0] ?? "",
    );
    assertEquals(
      [msg, expected_user, actual_user],
      ["authorized_keys: user mismatch, denying access", "root", "daemon"],
    );
  },
});
