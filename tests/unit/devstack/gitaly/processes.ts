/**
 * Looks at other processes, the way only Linux lets one.
 * @module
 */

const PAUSE_MS = 10;
const TRIES_MAX = 500;

/** Process numbers of the children that `pid` has now. */
export async function childrenOf(pid: number): Promise<number[]> {
  const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`);
  return text.split(" ").filter((word) => word !== "").map(Number);
}

/**
 * Waits until a process that is not our child has ended. Nobody tells us of
 * that, so it is looked for again and again.
 * @throws {Error} If it is still there after five seconds.
 */
export async function untilGone(pid: number): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const status = await Deno.readTextFile(`/proc/${pid}/stat`)
      .catch(() => undefined);
    // A zombie has ended; it waits for whoever inherited it.
    if (status === undefined || /\) Z /.test(status)) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  throw new Error(`Process ${pid} is still there`);
}
