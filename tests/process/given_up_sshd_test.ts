/**
 * What code that takes gitlab-sshd over can still do when it serves: it has
 * given up what a server can do without, in every thread.
 * @module
 */
import { makeSshKeys } from "../../src/cli/ssh_front_door.ts";
import { assertGone, hookCode } from "../support/given_up_hook.ts";
import { configOf, RunningSshd } from "../support/sshd_process.ts";
import { copyTampered, IS_PORTABLE } from "../support/tampered_dist.ts";
import { makeTempDir } from "../support/temp_dir.ts";

for (const workers of [1, 2]) {
  Deno.test({
    name:
      `gitlab-sshd with ${workers} workers gives up the environment when it serves`,
    ignore: !IS_PORTABLE,
    async fn() {
      using dir = makeTempDir({ "place/secret": "", "place/log": "" });
      using elsewhere = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      await copyTampered(`${dir.path}/dist`, {
        code: hookCode(`${dir.path}/place`, elsewhere.addr.port),
      });
      const { hostKeyFile } = await makeSshKeys(dir.path);
      const config = configOf({
        hostKey: hostKeyFile,
        sshd: [`workers: ${workers}`],
      });
      const path = `${dir.path}/dist/gitlab-sshd`;
      const env = { TZ: "UTC" };
      await using server = await RunningSshd.start(config, env, { path });
      using _client = await Deno.connect({ port: server.port });
      const { accepted } = await server.logged("given up");
      // It goes on dialling, and reads its files again when it is told to.
      assertGone(
        "accepted",
        accepted as Readonly<Record<string, string>>,
        ["env"],
      );
    },
  });
}
