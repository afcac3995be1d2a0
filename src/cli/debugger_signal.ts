/**
 * Keeps the debugger of Deno shut.
 *
 * Half a second after its start Deno begins to listen for SIGUSR1, and opens a
 * debugger on 127.0.0.1:9229 when it comes, whatever the program may do: every
 * user of the machine could then run code in it. Nothing switches that off, but
 * a listener that is there before Deno's can end the program, as the signal does
 * by default and does to the Go programs. Both are woken in one turn of the event
 * loop, in which Deno's may still open the port, or say that it cannot; whoever
 * connects would be served in the next turn, and there is none.
 * Source: Deno pull request 35738; measured on Deno 2.9.6.
 * @module
 */
import { EXIT_SIGUSR1 } from "../core/exit_status.ts";
import { IoTimer } from "../core/io_timer.ts";
import { findThreadScope } from "./worker_thread.ts";

/**
 * Until then the signal has its default action. To listen costs 0.5 ms, most of
 * it for a thread, which a lookup that is answered at once is spared; the others
 * are waiting by then. A program that the system leaves standing for half a
 * second before that may find Deno's listener there first, and have the debugger
 * open for the moment until it ends.
 */
const LISTEN_AFTER_MS = 20;

/** When Deno itself listens: until then it is worth while to try again. */
const DENO_LISTENS_AFTER_MS = 500;
/** What Deno's signal handling takes: the two ends of a socket pair. */
const DESCRIPTORS = 2;
/** A file that every user may open. */
const SPARE_FILE = "/dev/null";

/** Ends this process when SIGUSR1 comes, as long as it runs. */
export function keepDebuggerShut(): void {
  // A signal is the whole process's: its main thread hears it.
  if (findThreadScope()) return;
  let spare = takeDescriptors();
  let waitedMs = 0;
  const timer = new IoTimer(() => {
    waitedMs += LISTEN_AFTER_MS;
    spare ??= takeDescriptors();
    if (spare) {
      closeAll(spare);
      Deno.addSignalListener("SIGUSR1", () => Deno.exit(EXIT_SIGUSR1));
    } else if (waitedMs < DENO_LISTENS_AFTER_MS) {
      timer.start(LISTEN_AFTER_MS);
    }
  });
  timer.start(LISTEN_AFTER_MS);
}

/**
 * Keeps descriptors for the listener, as Deno panics where it finds none. They
 * are best taken at the start: later a program may have no right to open a file.
 * @returns `undefined` when there are too few just now.
 */
function takeDescriptors(): Deno.FsFile[] | undefined {
  const taken: Deno.FsFile[] = [];
  try {
    while (taken.length < DESCRIPTORS) taken.push(Deno.openSync(SPARE_FILE));
    return taken;
  } catch {
    closeAll(taken);
    return undefined;
  }
}

function closeAll(files: readonly Deno.FsFile[]): void {
  for (const file of files) file.close();
}
