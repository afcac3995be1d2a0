/**
 * Keeps the debugger of Deno shut.
 *
 * Half a second after its start Deno begins to listen for SIGUSR1, and opens a
 * debugger on 127.0.0.1:9229 when it comes, whatever the program may do: every
 * user of the machine could then run code in it. Nothing switches that off, but
 * a listener that is there before Deno's is called before it, and can end the
 * program, as the signal does by default and does to the Go programs.
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

/** Ends this process when SIGUSR1 comes, as long as it runs. */
export function keepDebuggerShut(): void {
  // A signal is the whole process's: its main thread hears it.
  if (findThreadScope()) return;
  const timer = new IoTimer(() =>
    Deno.addSignalListener("SIGUSR1", () => Deno.exit(EXIT_SIGUSR1))
  );
  timer.start(LISTEN_AFTER_MS);
}
