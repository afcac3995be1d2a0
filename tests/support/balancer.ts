/**
 * A TCP balancer: passes connections on, and says first whose they are.
 */

/** A balancer that listens. */
export interface Balancer extends AsyncDisposable {
  readonly port: number;
}

/**
 * Starts a balancer on a free port of 127.0.0.1.
 * @param target Port of the server behind it.
 * @param pieces What it sends before the client's bytes, piece by piece.
 */
export function startBalancer(
  target: number,
  ...pieces: Uint8Array[]
): Balancer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const running = new Set<Promise<void>>();
  const open = new Set<Deno.Conn>();
  const accepting = (async () => {
    for await (const client of listener) {
      open.add(client);
      const serving = serve(client, target, { pieces, open })
        .finally(() => running.delete(serving));
      running.add(serving);
    }
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const conn of open) close(conn);
      await accepting.catch(() => {});
      await Promise.all(running);
    },
  };
}

async function serve(
  client: Deno.TcpConn,
  target: number,
  { pieces, open }: { pieces: Uint8Array[]; open: Set<Deno.Conn> },
): Promise<void> {
  try {
    const server = await Deno.connect({ hostname: "127.0.0.1", port: target });
    server.setNoDelay(true);
    open.add(server);
    for (const [at, piece] of pieces.entries()) {
      // Long enough to arrive as two, short enough for every timeout.
      if (at > 0) await new Promise((done) => setTimeout(done, 40));
      await writeAll(server, piece);
    }
    await Promise.allSettled([copy(client, server), copy(server, client)]);
    close(server);
  } catch {
    // The server has closed already.
  }
  close(client);
}

async function copy(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const target = new Uint8Array(65_536);
  try {
    for (;;) {
      const count = await from.read(target);
      if (count === null) break;
      await writeAll(to, target.subarray(0, count));
    }
    await to.closeWrite();
  } catch {
    // One end is gone: neither is of use to the other.
    close(from);
    close(to);
  }
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) {
    rest = rest.subarray(await conn.write(rest));
  }
}

function close(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // Closed already.
  }
}
