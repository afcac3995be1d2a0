/**
 * The listening socket and its accept loop.
 * @module
 */
import { errorText } from "../core/errors.ts";
import type { Clock } from "../core/host.ts";
import type { Logger } from "../core/log.ts";
import { formatListenAddress, type ListenAddress } from "./listen_address.ts";

/** Pause after a failed accept, doubled up to the maximum while they fail. */
const BACKOFF_MS_MIN = 5;
const BACKOFF_MS_MAX = 1_000;

/**
 * Binds the address.
 * @param options `reusePort` lets other threads have the same port.
 * @throws {Error} `listen tcp <address>: …`, in Go's words where it has them.
 */
export function openListener(
  address: ListenAddress,
  { reusePort = false }: { reusePort?: boolean } = {},
): Deno.TcpListener {
  const { hostname, port } = address;
  try {
    return Deno.listen({ hostname: hostname || "::", port, reusePort });
  } catch (error) {
    const isBusy = error instanceof Deno.errors.AddrInUse;
    if (hostname === "" && !isBusy) {
      // A host without IPv6.
      return openListener({ hostname: "0.0.0.0", port }, { reusePort });
    }
    const reason = isBusy ? "bind: address already in use" : errorText(error);
    throw new Error(
      `listen tcp ${formatListenAddress(address)}: ${reason}`,
      { cause: error },
    );
  }
}

/**
 * Hands out connections until the listener is closed. When accepting fails,
 * out of descriptors for instance, it waits a little longer each time: the
 * reference tries again at once and fills the log.
 */
export async function acceptAll(
  listener: Deno.TcpListener,
  onConnection: (connection: Deno.TcpConn) => void,
  { log, clock, signal }: { log: Logger; clock: Clock; signal: AbortSignal },
): Promise<void> {
  let backoffMs = BACKOFF_MS_MIN;
  while (!signal.aborted) {
    let connection: Deno.TcpConn;
    try {
      connection = await listener.accept();
      backoffMs = BACKOFF_MS_MIN;
    } catch (error) {
      if (signal.aborted) return;
      log.warn("Failed to accept connection", {
        error_message: errorText(error),
      });
      await clock.sleep(backoffMs, signal).catch(() => {});
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MS_MAX);
      continue;
    }
    onConnection(connection);
  }
}
