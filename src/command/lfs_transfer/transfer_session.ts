/**
 * What the commands of one session share, and how each of them is shaped.
 * @module
 */
import type { LfsOperation } from "../../api/lfs_batch.ts";
import type { LfsClient } from "../../api/lfs_client.ts";
import type { Logger } from "../../core/log.ts";
import { type Arguments, parseArguments } from "./arguments.ts";
import type { DataWriter } from "./data_writer.ts";
import type { ObjectTokens } from "./object_token.ts";
import { PacketFault, type PacketReader } from "./packet_reader.ts";
import type { PacketWriter, Reply } from "./packet_writer.ts";
import { parseError } from "./transfer_error.ts";
import type { UploadMemory } from "./upload_memory.ts";

/** One session. */
export interface TransferSession {
  readonly operation: LfsOperation;
  readonly reader: PacketReader;
  readonly writer: PacketWriter;
  /** Of the data of objects, between what `writer` writes. */
  readonly data: DataWriter;
  readonly lfs: LfsClient;
  readonly tokens: ObjectTokens;
  readonly memory: UploadMemory;
  readonly log: Logger;
}

/**
 * Runs one command.
 * @param words The command line; the first word is the command.
 * @returns The reply; `undefined` if it was written already.
 * @throws {TransferError} What the client is told instead.
 * @throws {WebFailure | ProtocolError} GitLab's side failed.
 */
export type RunTransferCommand = (
  words: readonly string[],
  session: TransferSession,
) => Promise<Reply | undefined>;

/**
 * Reads a list of packets.
 * @throws {TransferError} If it cannot be read to its end.
 */
export async function readTexts(
  { reader }: TransferSession,
  end: "flush" | "delim",
): Promise<string[]> {
  try {
    return await reader.readList(end);
  } catch (error) {
    throw error instanceof PacketFault ? parseError(error.message) : error;
  }
}

/**
 * Reads arguments up to the flush packet.
 * @throws {TransferError} If one of them is none.
 */
export async function readArguments(
  session: TransferSession,
): Promise<Arguments> {
  return parseArguments(await readTexts(session, "flush"));
}
