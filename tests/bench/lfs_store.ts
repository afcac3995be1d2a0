/**
 * A stack with an LFS store in a process of its own, so that a measurement of
 * our programs is not one of the stand-in. Prints one line of JSON, and runs
 * until it is killed: `lfs_store.ts FOLDER`.
 * @module
 */
import { startDevstack } from "../../src/devstack/stack.ts";

if (import.meta.main) {
  const [folder = ""] = Deno.args;
  const stack = await startDevstack({
    folder,
    api: { rateLimit: 0 },
    configLines: ["lfs:", "  pure_ssh_protocol: true"],
  });
  console.log(JSON.stringify({ rootPath: stack.shellRoot.path }));
}
