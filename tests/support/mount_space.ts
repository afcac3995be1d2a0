/**
 * Small file systems for one shell script, in a mount namespace of its own, so
 * that nothing stays mounted whatever becomes of the script.
 * @module
 */

/** How a script gets into such a namespace; `undefined` where it cannot. */
export const MOUNT_SPACE: readonly string[] | undefined = [
  ["unshare", "--mount"],
  ["unshare", "--map-root-user", "--mount"],
].find(([command = "", ...args]) => {
  try {
    const mount = "mount -t tmpfs none /mnt";
    const { success } = new Deno.Command(command, {
      args: [...args, "sh", "-c", mount],
      stdout: "null",
      stderr: "null",
    }).outputSync();
    return success;
  } catch {
    return false;
  }
});

/** Said of tests that need one where there is none. */
export const NO_MOUNT_SPACE = MOUNT_SPACE
  ? ""
  : " (left out: may not mount anything here)";
