/**
 * Streams that Gitaly opens: the first eleven bytes say whether one is a
 * sidechannel or HTTP/2 in the other direction.
 * Source: Gitaly 18.9, sidechannel and backchannel protocols.
 * @module
 */
import { withDeadline } from "./deadline.ts";
import type { SidechannelRegistry } from "./sidechannel_registry.ts";
import type { YamuxStream } from "./yamux_stream.ts";

/** What a stream begins with that carries a pack. */
const SIDECHANNEL_MAGIC = new TextEncoder().encode("sidechannel");
const ID_BYTES = 8;
/** Both sides give the other this long. */
const HANDSHAKE_TIMEOUT_MS = 5_000;

/** Who takes part in the handshake. */
export interface ServerStreamHost {
  readonly registry: SidechannelRegistry;
  /** The connection, as the registry knows it. */
  readonly connection: object;
  readonly timeoutMs?: number;
}

/**
 * Finds out what `stream` is and hands it on. Never rejects: a stream that
 * cannot be used is closed, and nothing else happens.
 */
export async function acceptServerStream(
  stream: YamuxStream,
  host: ServerStreamHost,
): Promise<void> {
  const timeoutMs = host.timeoutMs ?? HANDSHAKE_TIMEOUT_MS;
  try {
    const opening = await withDeadline(readOpening(stream), timeoutMs);
    if (opening === "http2") {
      const { answerBackchannel } = await import("./backchannel.ts");
      await answerBackchannel(stream);
    } else if (
      opening === undefined ||
      !host.registry.handOver(host.connection, opening, stream)
    ) {
      stream.close();
    }
  } catch {
    stream.reset();
  }
}

/** Reads what a stream begins with: a sidechannel's id, or `http2`. */
async function readOpening(
  stream: YamuxStream,
): Promise<bigint | "http2" | undefined> {
  const magic = await readExactly(stream, SIDECHANNEL_MAGIC.length);
  if (magic === undefined) return undefined;
  for (const [at, byte] of SIDECHANNEL_MAGIC.entries()) {
    if (magic.getUint8(at) !== byte) return "http2";
  }
  return (await readExactly(stream, ID_BYTES))?.getBigUint64(0);
}

/** Reads `size` bytes and no more; `undefined` if the stream ends before. */
async function readExactly(
  stream: YamuxStream,
  size: number,
): Promise<DataView<ArrayBuffer> | undefined> {
  const bytes = new Uint8Array(size);
  for (let filled = 0; filled < size;) {
    const chunk = await stream.read();
    if (chunk === null) return undefined;
    const taken = Math.min(chunk.length, size - filled);
    bytes.set(chunk.subarray(0, taken), filled);
    filled += taken;
    stream.unread(chunk.length - taken);
  }
  return new DataView(bytes.buffer);
}
