/**
 * One attempt of a fetch: a unary call whose pack travels in a sidechannel.
 * Source: Gitaly 18.9, sidechannel client; texts are its own.
 * @module
 */
import { GitTransportError } from "../core/errors.ts";
import type { ByteReader, StandardStreams } from "../core/io.ts";
import type { CallEnd } from "./call_end.ts";
import { withGrace } from "./deadline.ts";
import {
  SSH_UPLOAD_PACK_WITH_SIDECHANNEL,
  type SshUploadPackWithSidechannelResponse,
} from "./gen/ssh.ts";
import type { GitalyConnection } from "./gitaly_connection.ts";
import type { GrpcCall, GrpcMetadata } from "./grpc_call.ts";
import type { PackRequest } from "./pack_request.ts";
import { decodeMessage, encodeMessage } from "./protobuf/codec.ts";
import { runExchange } from "./sidechannel.ts";
import type { SidechannelSeat } from "./sidechannel_registry.ts";
import type { YamuxStream } from "./yamux_stream.ts";

/** How long a server may take to end the sidechannel of a cancelled call. */
const CANCEL_TIMEOUT_MS = 5_000;

/** What an attempt needs, whichever way the pack travels. */
export interface CallAttempt {
  readonly connection: GitalyConnection;
  readonly request: PackRequest;
  readonly metadata: GrpcMetadata;
  readonly stdin: ByteReader;
  readonly outputs: Omit<StandardStreams, "stdin">;
  readonly signal: AbortSignal;
  /** Called once when the server has begun, before anything is pumped. */
  readonly onBegun?: (() => void) | undefined;
}

/**
 * Runs the call to its end. Standard input is not read before the server has
 * opened the sidechannel and `ok` was sent.
 * @returns The end; never rejects.
 */
export async function runSidechannelCall(
  attempt: CallAttempt,
  seat: SidechannelSeat,
): Promise<CallEnd> {
  const { connection, signal } = attempt;
  const sidechannel = new Sidechannel(attempt);
  seat.expect(connection, (stream) => sidechannel.begin(stream));
  try {
    const call = connection.grpc.startCall({
      path: SSH_UPLOAD_PACK_WITH_SIDECHANNEL.path,
      metadata: [...attempt.metadata, ["gitaly-sidechannel-id", seat.id]],
      isUnary: true,
      signal,
    });
    const response = await callUnary(call, attempt.request);
    const status = await call.status;
    const failure = await sidechannel.end(signal);
    return {
      status,
      failure: seat.isTaken ? failure : new GitTransportError(
        "sidechannel: callback de-registered without having run",
      ),
      exitStatus: 0,
      packfileStatistics: response?.packfileNegotiationStatistics,
      hasBegun: seat.isTaken,
    };
  } finally {
    seat.leave();
  }
}

async function callUnary(
  call: GrpcCall,
  { repository, gitConfigOptions, gitProtocol }: PackRequest,
): Promise<SshUploadPackWithSidechannelResponse | undefined> {
  const { request, response } = SSH_UPLOAD_PACK_WITH_SIDECHANNEL;
  const message = { repository, gitConfigOptions, gitProtocol };
  await call.send(encodeMessage(request, message));
  await call.closeSend();
  let decoded: SshUploadPackWithSidechannelResponse | undefined;
  for (;;) {
    const bytes = await call.receive();
    if (bytes === null) return decoded;
    try {
      decoded = decodeMessage(response, bytes);
    } catch {
      // Figures for the log alone: a fetch does not fail for them.
      decoded = undefined;
    }
  }
}

/** The exchange of one call, which may never come. */
class Sidechannel {
  readonly #io: StandardStreams;
  readonly #onBegun: (() => void) | undefined;
  #stream: YamuxStream | undefined;
  #exchange: Promise<Error | undefined> = Promise.resolve(undefined);

  constructor({ stdin, outputs, onBegun }: CallAttempt) {
    this.#io = { stdin, ...outputs };
    this.#onBegun = onBegun;
  }

  begin(stream: YamuxStream): void {
    this.#stream = stream;
    this.#exchange = runExchange(stream, this.#io, this.#onBegun).then(
      () => undefined,
      (error) => error,
    );
  }

  /**
   * Waits until all output is written, for the call ends earlier than that.
   * @returns What failed, if anything did.
   */
  async end(signal: AbortSignal): Promise<Error | undefined> {
    const graceMs = CANCEL_TIMEOUT_MS;
    try {
      return await withGrace(this.#exchange, { signal, graceMs });
    } catch (error) {
      this.#stream?.close();
      return error as Error;
    }
  }
}
