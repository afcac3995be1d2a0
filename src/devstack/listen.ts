/**
 * Listening sockets of the three kinds that both stand-ins know.
 * @module
 */

const ACCEPT_PAUSE_MS = 10;

/** Where to listen. */
export type ListenAddress =
  | { readonly transport: "unix"; readonly path: string }
  /** Port 0 takes any free one. */
  | {
    readonly transport: "tcp";
    readonly hostname: string;
    readonly port: number;
  }
  | {
    readonly transport: "tls";
    readonly hostname: string;
    readonly port: number;
    /** PEM. */
    readonly cert: string;
    readonly key: string;
    /** Protocols to choose from; says nothing about ALPN if absent. */
    readonly alpnProtocols?: string[];
  };

/** A socket that listens, and what remains to be said about it. */
export interface OpenListener {
  readonly listener: Deno.Listener;
  /** `127.0.0.1:4000`, or the path of a unix socket. */
  readonly boundTo: string;
  /** Stops listening and removes a unix socket's file. Idempotent. */
  close(): void;
}

/**
 * Opens a listening socket.
 * @throws {Deno.errors.AddrInUse} If the address is taken.
 */
export function openListener(address: ListenAddress): OpenListener {
  const listener = listenOrExplain(address);
  let isClosed = false;
  return {
    listener,
    boundTo: describe(address, listener.addr),
    close() {
      if (isClosed) return;
      isClosed = true;
      listener.close();
      if (address.transport === "unix") removeFile(address.path);
    },
  };
}

/** Whether `accept` failed because its listener was closed. */
export function isListenerClosed(error: unknown): boolean {
  return error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.Interrupted;
}

/** Waits a moment after `accept` failed, so that a lasting fault makes no busy loop. */
export function pauseAccepting(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
}

/**
 * Removes the file of a unix socket that nobody listens on any more: a server
 * that was killed leaves it behind.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  try {
    const conn = await Deno.connect({ transport: "unix", path });
    conn.close();
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) removeFile(path);
    else if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function listenOrExplain(address: ListenAddress): Deno.Listener {
  try {
    return listen(address);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AddrInUse)) throw cause;
    const where = address.transport === "unix"
      ? address.path
      : `${address.hostname}:${address.port}`;
    const message = `Cannot listen on ${where}: the address is in use`;
    throw new Deno.errors.AddrInUse(message, { cause });
  }
}

function listen(address: ListenAddress): Deno.Listener {
  switch (address.transport) {
    case "unix":
      return Deno.listen({ transport: "unix", path: address.path });
    case "tcp": {
      const { hostname, port } = address;
      return Deno.listen({ hostname, port });
    }
    case "tls": {
      const { transport: _, ...options } = address;
      return Deno.listenTls(options);
    }
  }
}

function describe(address: ListenAddress, bound: Deno.Addr): string {
  if (address.transport === "unix") return address.path;
  const { hostname } = address;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return `${host}:${(bound as Deno.NetAddr).port}`;
}

function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
