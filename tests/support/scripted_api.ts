/**
 * A raw HTTP/1.1 server that answers by script and keeps what it saw: header
 * lines as they came, one connection per attempt told from two. It shares no
 * code with the client, so that both cannot agree on a mistake.
 * @module
 */

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** One request as it arrived. */
export interface SeenAttempt {
  /** Monotonic clock, milliseconds. */
  readonly atMs: number;
  /** Number of the connection, from 0. */
  readonly connection: number;
  readonly method: string;
  /** Path and query, raw. */
  readonly target: string;
  /** Lines after the request line, raw and in order, repeats included. */
  readonly headerLines: readonly string[];
  readonly body: string;
}

/** What an answer may do to the connection. */
export interface ScriptedPeer {
  /** Sends as it is. @returns Whether the client was still there. */
  send(data: string | Uint8Array): Promise<boolean>;
  /** Waits until the client hangs up. */
  untilClientLeaves(): Promise<void>;
}

/** One scripted answer. The connection is closed when it returns. */
export type ScriptedAnswer = (
  peer: ScriptedPeer,
  attempt: SeenAttempt,
) => Promise<void>;

/** How the server listens. */
export type ScriptedListen =
  | { readonly kind: "tcp" }
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tls"; readonly cert: string; readonly key: string };

/** A server that is up. */
export interface ScriptedApi extends AsyncDisposable {
  /** For `gitlab_url`: `http://127.0.0.1:…`, `https://localhost:…`, `http+unix://…`. */
  readonly url: string;
  /** Every request, in order. */
  readonly attempts: readonly SeenAttempt[];
  /** One of them. @throws {RangeError} If there were not so many. */
  seen(index: number): SeenAttempt;
  /** Connections accepted, those that never sent a request included. */
  readonly connections: number;
}

/** A whole response with a JSON body. */
export function json(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): ScriptedAnswer {
  return whole(status, JSON.stringify(body), headers);
}

/** A whole response with any body and its length. */
export function whole(
  status: number,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): ScriptedAnswer {
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  const lines = Object.entries(headers).map(([name, value]) =>
    `${name}: ${value}\r\n`
  );
  return async (peer) => {
    await peer.send(
      `HTTP/1.1 ${status} Scripted\r\nContent-Length: ${bytes.length}\r\n` +
        `${lines.join("")}\r\n`,
    );
    await peer.send(bytes);
  };
}

/** Bytes sent as they are, then the end. */
export function raw(...data: (string | Uint8Array)[]): ScriptedAnswer {
  return async (peer) => {
    for (const piece of data) await peer.send(piece);
  };
}

/** Sends this much, and nothing more until the client hangs up. */
export function stall(...data: string[]): ScriptedAnswer {
  return async (peer) => {
    for (const piece of data) await peer.send(piece);
    await peer.untilClientLeaves();
  };
}

/**
 * Starts a server.
 * @param answers One per request; the last one answers all that follow.
 */
export function openScriptedApi(
  answers: readonly ScriptedAnswer[],
  listen: ScriptedListen = { kind: "tcp" },
): ScriptedApi {
  const attempts: SeenAttempt[] = [];
  const open = new Set<Deno.Conn>();
  let connections = 0;
  const listener = startListener(listen);
  const serving = (async () => {
    const running: Promise<void>[] = [];
    while (true) {
      const conn = await listener.accept().catch(() => undefined);
      if (!conn) break;
      open.add(conn);
      running.push(
        serve(conn, connections++).finally(() => {
          open.delete(conn);
          closeQuietly(conn);
        }),
      );
    }
    await Promise.all(running);
  })();

  async function serve(conn: Deno.Conn, connection: number): Promise<void> {
    const attempt = await readRequest(conn, connection).catch(() => undefined);
    if (!attempt) return;
    const answer = answers[Math.min(attempts.length, answers.length - 1)];
    attempts.push(attempt);
    await answer?.(peerOf(conn), attempt);
  }

  return {
    url: urlOf(listen, listener),
    attempts,
    seen(index) {
      const attempt = attempts[index];
      if (!attempt) throw new RangeError(`No request ${index} came`);
      return attempt;
    },
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const conn of open) closeQuietly(conn);
      await serving;
    },
  };
}

/** Values of every header line with this name, in order. */
export function headerValues(attempt: SeenAttempt, name: string): string[] {
  const prefix = `${name.toLowerCase()}:`;
  return attempt.headerLines
    .filter((line) => line.toLowerCase().startsWith(prefix))
    .map((line) => line.slice(prefix.length).trim());
}

function startListener(
  listen: ScriptedListen,
): Deno.Listener<Deno.Conn> {
  if (listen.kind === "unix") {
    return Deno.listen({ transport: "unix", path: listen.path });
  }
  const address = { hostname: "127.0.0.1", port: 0 };
  if (listen.kind === "tcp") return Deno.listen(address);
  const { cert, key } = listen;
  return Deno.listenTls({ ...address, cert, key });
}

function urlOf(
  listen: ScriptedListen,
  { addr }: Deno.Listener<Deno.Conn>,
): string {
  if (listen.kind === "unix") return `http+unix://${listen.path}`;
  const { port } = addr as Deno.NetAddr;
  return listen.kind === "tls"
    ? `https://localhost:${port}`
    : `http://127.0.0.1:${port}`;
}

async function readRequest(
  conn: Deno.Conn,
  connection: number,
): Promise<SeenAttempt | undefined> {
  const buffer = new Uint8Array(16 * 1024);
  let text = "";
  let head: RegExpExecArray | null = null;
  // Header bytes are ASCII here, and bodies whole in one read or appended.
  let bytes: number[] = [];
  while (true) {
    const size = await conn.read(buffer);
    if (size === null) return undefined;
    bytes = bytes.concat(...buffer.subarray(0, size));
    text = decoder.decode(new Uint8Array(bytes));
    head ??= /^(\S+) (\S+) HTTP\/1\.1\r\n((?:[^\r\n]+\r\n)*)\r\n/.exec(text);
    if (!head) continue;
    const [whole, method = "", target = "", lines = ""] = head;
    const headerLines = lines.split("\r\n").filter((line) => line !== "");
    const length = Number(
      /^content-length: (\d+)\r$/im.exec(lines)?.[1] ?? 0,
    );
    const body = bytes.slice(encoder.encode(whole).length);
    if (body.length < length) continue;
    return {
      atMs: performance.now(),
      connection,
      method,
      target,
      headerLines,
      body: decoder.decode(new Uint8Array(body)),
    };
  }
}

function peerOf(conn: Deno.Conn): ScriptedPeer {
  return {
    async send(data) {
      let rest = typeof data === "string" ? encoder.encode(data) : data;
      try {
        while (rest.length > 0) rest = rest.subarray(await conn.write(rest));
        return true;
      } catch {
        // The client has had enough, which is what some tests are about.
        return false;
      }
    },
    async untilClientLeaves() {
      const buffer = new Uint8Array(1024);
      while (await conn.read(buffer).catch(() => null) !== null);
    },
  };
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // Closed by the test's end, or by its own answer.
  }
}
