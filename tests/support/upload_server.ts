/**
 * A raw HTTP server for large uploads, which it hashes and throws away. It may
 * answer before it has read everything, or hang up.
 * @module
 */
import { createHash } from "node:crypto";

/** What one connection does. */
export interface UploadScript {
  /** Bytes of the body to read before the answer; all of it when left out. */
  readonly readBytes?: number;
  /** Status line and headers, without the empty line; hangs up if left out. */
  readonly answer?: string;
  /** Whether the rest of the body is read after the answer. */
  readonly drains?: boolean;
}

/** One upload as it arrived. */
export interface SeenUpload {
  readonly head: string;
  bodyBytes: number;
  /** Of what arrived. */
  sha256: string;
  /** Whether as much came as was announced. */
  isComplete: boolean;
  /** Whether the answer is out, or the connection to be closed without one. */
  isOver: boolean;
}

/** A server that runs. */
export interface UploadServer extends AsyncDisposable {
  /** `http://127.0.0.1:4000` */
  readonly url: string;
  readonly uploads: readonly SeenUpload[];
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 0";
const encoder = new TextEncoder();
/** One character for each byte, so that places are the same. */
const ascii = new TextDecoder("latin1");

/** Starts a server; the last script serves all further connections. */
export function openUploadServer(
  scripts: readonly UploadScript[] = [{ answer: OK }],
): UploadServer {
  const uploads: SeenUpload[] = [];
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const running: Promise<void>[] = [];
  let connections = 0;
  const serving = (async () => {
    for await (const conn of listener) {
      const script = scripts[Math.min(connections++, scripts.length - 1)] ?? {};
      running.push(
        serve(conn, script, uploads).catch(() => {}).finally(() => {
          conn.close();
        }),
      );
    }
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    uploads,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
      await Promise.all(running);
    },
  };
}

async function serve(
  conn: Deno.Conn,
  { readBytes = Infinity, answer, drains = true }: UploadScript,
  uploads: SeenUpload[],
): Promise<void> {
  const buffer = new Uint8Array(256 * 1024);
  let bytes = new Uint8Array(0);
  let end = -1;
  while (end < 0) {
    const size = await conn.read(buffer);
    if (size === null) return;
    const joined = new Uint8Array(bytes.length + size);
    joined.set(bytes);
    joined.set(buffer.subarray(0, size), bytes.length);
    bytes = joined;
    end = ascii.decode(bytes).indexOf("\r\n\r\n");
  }
  const head = ascii.decode(bytes.subarray(0, end + 4));
  const early = bytes.subarray(end + 4);
  const announced = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
  const upload: SeenUpload = {
    head,
    bodyBytes: early.length,
    sha256: "",
    isComplete: false,
    isOver: false,
  };
  uploads.push(upload);
  const hash = createHash("sha256").update(early);
  const readUntil = async (bytes: number) => {
    while (upload.bodyBytes < Math.min(bytes, announced)) {
      const size = await conn.read(buffer);
      if (size === null) return;
      hash.update(buffer.subarray(0, size));
      upload.bodyBytes += size;
    }
  };
  await readUntil(readBytes);
  upload.isComplete = upload.bodyBytes === announced;
  upload.sha256 = hash.copy().digest("hex");
  upload.isOver = answer === undefined;
  if (answer === undefined) return;
  await conn.write(encoder.encode(`${answer}\r\n\r\n`));
  upload.isOver = true;
  if (drains) await readUntil(Infinity);
}
