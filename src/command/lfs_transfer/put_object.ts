/**
 * `put-object`: one object, from the client to GitLab, which never gets it
 * complete unless its size and its hash are right.
 * @module
 */
import type { Hash } from "node:crypto";
import { isSuccess } from "../../api/lfs_client.ts";
import { type Arguments, parseArguments, parseInt64 } from "./arguments.ts";
import { startHash } from "./object_hash.ts";
import { PacketFault } from "./packet_reader.ts";
import type { Reply } from "./packet_writer.ts";
import { internalError, TransferError } from "./transfer_error.ts";
import { readTexts, type TransferSession } from "./transfer_session.ts";
import { openUploadSink, type UploadSink } from "./upload_sink.ts";

/** An object that is on its way. */
interface Arrival {
  readonly oid: string;
  readonly size: bigint;
  readonly hash: Hash;
  readonly sink: UploadSink;
}

/** Runs the command. What fails before its data has been read skips it. */
export async function runPutObject(
  [, oid]: readonly string[],
  session: TransferSession,
): Promise<Reply> {
  if (oid === undefined) throw new TransferError(400, "bad request");
  const list = await readTexts(session, "delim");
  let arrival: Arrival;
  try {
    const args = parseArguments(list);
    const size = parseSize(args);
    const use = { operation: "upload", oid } as const;
    const action = await session.tokens.check(args, use);
    const hash = await startHash();
    const sink = openUploadSink({ oid, size, action, hash }, session);
    arrival = { oid, size, hash, sink };
  } catch (error) {
    if (error instanceof TransferError) await session.reader.skipData();
    throw error;
  }
  using sink = arrival.sink;
  await receive(arrival, session);
  const status = await sink.finish();
  if (isSuccess(status)) return { status: 200 };
  if (status === 404) throw new TransferError(404, "error: not found");
  throw internalError(new Error(`Upload was answered ${status}`));
}

/** @throws {TransferError} If the size is missing, or no integer. */
function parseSize(args: Arguments): bigint {
  const size = parseInt64(args.get("size") ?? "");
  if (size === undefined) throw internalError();
  return size;
}

/**
 * Reads the data, passes on what was announced, and judges the whole.
 * @throws {TransferError} If size or hash are wrong, or a packet is none.
 */
async function receive(
  { oid, size, hash, sink }: Arrival,
  { reader }: TransferSession,
): Promise<void> {
  let count = 0;
  try {
    for (let piece; (piece = await reader.readData()) !== null;) {
      const room = Math.max(0, Number(size) - count);
      count += piece.length;
      if (room > 0) await sink.write(piece.subarray(0, room));
      if (piece.length <= room) continue;
      sink.hashAll();
      hash.update(piece.subarray(room));
    }
  } catch (error) {
    throw error instanceof PacketFault ? internalError(error) : error;
  }
  sink.hashAll();
  const digest = hash.digest("hex");
  const corrupt = (text: string) =>
    new TransferError(400, `error: corrupt data: ${text}`);
  if (digest !== oid) {
    throw corrupt(`invalid object ID, expected ${oid}, got ${digest}`);
  }
  if (BigInt(count) !== size) {
    throw corrupt(`invalid object size, expected ${size}, got ${count}`);
  }
}
