/**
 * `batch`: what is to be done about each of many objects.
 * Source: Git LFS, docs/proposals/ssh_adapter.md; GitLab Shell 14.56.1.
 * @module
 */
import type { LfsBatchObject, LfsObject } from "../../api/lfs_batch.ts";
import { quoteGo } from "../../core/go_text.ts";
import { parseArguments, parseInt64, splitArgument } from "./arguments.ts";
import type { Reply } from "./packet_writer.ts";
import { parseError, TransferError } from "./transfer_error.ts";
import { readTexts, type TransferSession } from "./transfer_session.ts";

const HASH_ALGORITHM = "sha256";

/** Runs the command. */
export async function runBatch(
  _words: readonly string[],
  session: TransferSession,
): Promise<Reply> {
  const args = parseArguments(await readTexts(session, "delim"));
  const lines = await readTexts(session, "flush");
  const objects = lines.map(parseObjectLine);
  const hashAlgo = args.get("hash-algo") ?? "";
  if (hashAlgo !== "" && hashAlgo !== HASH_ALGORITHM) {
    throw new TransferError(
      405,
      `error: not allowed: unsupported hash algorithm: ${hashAlgo}`,
    );
  }
  const found = await session.lfs.batch({
    operation: session.operation,
    objects,
    refname: args.get("refname") ?? "",
    hashAlgo,
  });
  const replies: string[] = [];
  for (const object of found) {
    replies.push(await formatObjectLine(object, session));
  }
  return { status: 200, lines: replies };
}

/**
 * Reads `<oid> <size> [key=value …]`.
 * @throws {TransferError} If it is not that; the oid may be anything.
 */
export function parseObjectLine(line: string): LfsObject {
  if (line === "") throw new TransferError(400, "error: invalid packet");
  const [oid = "", sizeText = "", ...extra] = line.split(" ");
  if (sizeText === "") throw new TransferError(400, "error: parse error");
  const size = parseInt64(sizeText);
  if (size === undefined) {
    throw parseError(`invalid integer, got: ${quoteGo(sizeText)}`);
  }
  for (const text of extra) splitArgument(text);
  return { oid, size };
}

async function formatObjectLine(
  { oid, size, action }: LfsBatchObject,
  { operation, tokens }: TransferSession,
): Promise<string> {
  if (!action) return `${oid} ${size} noop`;
  const proof = await tokens.sign({ operation, oid }, action);
  return `${oid} ${size} ${operation} ${proof}`;
}
