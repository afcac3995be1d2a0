/**
 * Puts a whole folder in the place of another, so that whoever looks finds
 * the old one or the new one and never half of either.
 * @module
 */

/** Other builds of the same folder may be at work at this moment. */
const ATTEMPTS_MAX = 20;

/**
 * Makes `folder` anew.
 * @param folder Absolute path; need not exist.
 * @param fill Fills the empty folder it is given, which is then moved.
 * @throws {unknown} What `fill` failed with; `folder` is then as it was.
 */
export async function replaceFolder(
  folder: string,
  fill: (folder: string) => Promise<void>,
): Promise<void> {
  // The ending is one that git ignores, should the machine stop half way.
  const fresh = `${folder}-${crypto.randomUUID()}.tmp`;
  const stale = `${folder}-${crypto.randomUUID()}.tmp`;
  try {
    await Deno.mkdir(fresh, { recursive: true });
    await fill(fresh);
    await moveInPlace(fresh, folder, stale);
  } finally {
    await removeFolder(fresh);
    await removeFolder(stale);
  }
}

async function moveInPlace(
  fresh: string,
  folder: string,
  stale: string,
): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      await Deno.rename(folder, stale);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    try {
      return await Deno.rename(fresh, folder);
    } catch (error) {
      // Another build has put its folder there since.
      if (attempt === ATTEMPTS_MAX || !isOccupied(error)) throw error;
      await removeFolder(stale);
    }
  }
}

function isOccupied(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    (error.code === "ENOTEMPTY" || error.code === "EEXIST");
}

async function removeFolder(folder: string): Promise<void> {
  try {
    await Deno.remove(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
