/**
 * git-lfs-transfer: LFS over SSH alone. What the client asks in packets is
 * asked of GitLab's LFS API over HTTP; neither the repository nor Gitaly is
 * touched.
 * Source: GitLab Shell 14.56.1, lfstransfer; Git LFS,
 * docs/proposals/ssh_adapter.md.
 * @module
 */
import type { LfsOperation } from "../../api/lfs_batch.ts";
import { LfsClient } from "../../api/lfs_client.ts";
import { WebClient } from "../../api/web_client.ts";
import { DisallowedCommandError } from "../../core/errors.ts";
import { checkAccess } from "../access_check.ts";
import type {
  CommandContext,
  CommandRequest,
  SessionData,
} from "../command.ts";
import { sessionDataOf } from "../session_data.ts";
import { serveCommands } from "./command_loop.ts";
import { DataWriter } from "./data_writer.ts";
import { openLfsDoor } from "./lfs_door.ts";
import { loadHash } from "./object_hash.ts";
import { ObjectTokens } from "./object_token.ts";
import { PacketReader } from "./packet_reader.ts";
import { PacketWriter } from "./packet_writer.ts";
import { ReadAhead } from "./read_ahead.ts";
import { UploadMemory } from "./upload_memory.ts";

/** A Map, so that `constructor` is as unknown as any other word. */
const ACTIONS: ReadonlyMap<
  string,
  { operation: LfsOperation; action: "git-upload-pack" | "git-receive-pack" }
> = new Map([
  ["download", { operation: "download", action: "git-upload-pack" }],
  ["upload", { operation: "upload", action: "git-receive-pack" }],
]);
const WORDS = 3;

/**
 * Runs a session to its end. Nothing is written before GitLab has said yes
 * twice, so that a client that is refused can go over to HTTP.
 * @throws {DisallowedCommandError} If the words are not what they must be.
 * @throws {ApiError | Error} GitLab's refusal.
 * @throws {PacketFault} If the client does not speak in packets.
 */
export async function run(
  request: CommandRequest,
  context: CommandContext,
): Promise<SessionData> {
  const [, project = "", word = ""] = request.words;
  const chosen = ACTIONS.get(word);
  if (request.words.length !== WORDS || !chosen) {
    throw new DisallowedCommandError();
  }
  const { operation, action } = chosen;
  // Nobody notices while GitLab thinks.
  const check = { action, project, onSent: loadHash };
  const access = await checkAccess(check, request, context);
  const { identity } = request;
  const question = { operation, project, identity, access };
  const door = await openLfsDoor(question, context);
  const { api, clock, signal } = context;
  const transport = await api.webTransport();
  context.log.info("processing action", { action });
  await serveCommands({
    operation,
    reader: new PacketReader(new ReadAhead(context.io.stdin)),
    writer: new PacketWriter(context.io.stdout, context.log),
    data: new DataWriter(context.io.stdout),
    lfs: new LfsClient(new WebClient({ transport, clock, signal }), door),
    tokens: new ObjectTokens(context.config.secret),
    memory: new UploadMemory(),
    log: context.log,
  });
  context.log.info("done processing commands", { action });
  return sessionDataOf(access);
}
