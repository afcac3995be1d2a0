/**
 * One attempt of a push, an archive, or a fetch from an old server: standard
 * input and the two outputs travel in the messages of one call.
 * Source: Gitaly 18.9, client streams; texts are its own.
 * @module
 */
import { errorText, GitTransportError, GRPC_CODE } from "../core/errors.ts";
import type { ByteReader, StandardStreams } from "../core/io.ts";
import { type CallEnd, makeStatus } from "./call_end.ts";
import {
  SSH_RECEIVE_PACK,
  SSH_UPLOAD_ARCHIVE,
  SSH_UPLOAD_PACK,
} from "./gen/ssh.ts";
import type { GrpcCall, GrpcStatus } from "./grpc_call.ts";
import type { PackRequest } from "./pack_request.ts";
import { encodeMessage } from "./protobuf/codec.ts";
import { decodePackOutput, StdinEncoder } from "./protobuf/pack_messages.ts";
import type { CallAttempt } from "./sidechannel_call.ts";

/** Most of standard input that one message carries. */
const STDIN_BYTES_MAX = 131_072;

/**
 * Runs the call to its end.
 * @returns The end; never rejects.
 */
export async function runStreamCall(attempt: CallAttempt): Promise<CallEnd> {
  const { connection, request, metadata, signal } = attempt;
  const { path, message } = openingOf(request);
  const call = connection.grpc.startCall({
    path,
    metadata,
    isUnary: false,
    signal,
  });
  await call.send(message);
  const sender = new InputSender(call);
  void sender.run(attempt.stdin);
  const receiver = new OutputReceiver(call, attempt.onBegun);
  await receiver.run(attempt.outputs);
  const status = await call.status;
  sender.stop();
  const { writeFailure, brokenStatus } = receiver;
  return {
    status: brokenStatus ?? (writeFailure === undefined
      ? status
      // We cancelled the call ourselves; what the user is told is why.
      : makeStatus(GRPC_CODE.ok, "")),
    failure: writeFailure ?? sender.failure,
    exitStatus: receiver.exitStatus,
    packfileStatistics: undefined,
    hasBegun: receiver.hasOutput,
  };
}

/** The call's path and its first message, which has no `stdin`. */
function openingOf(
  request: PackRequest,
): { path: string; message: Uint8Array } {
  switch (request.service) {
    case "upload-pack":
      return {
        path: SSH_UPLOAD_PACK.path,
        message: encodeMessage(SSH_UPLOAD_PACK.request, {
          repository: request.repository,
          gitConfigOptions: request.gitConfigOptions,
          gitProtocol: request.gitProtocol,
        }),
      };
    case "receive-pack":
      return {
        path: SSH_RECEIVE_PACK.path,
        message: encodeMessage(SSH_RECEIVE_PACK.request, {
          repository: request.repository,
          gitConfigOptions: request.gitConfigOptions,
          gitProtocol: request.gitProtocol,
          glId: request.glId,
          glRepository: request.glRepository,
          glUsername: request.glUsername,
        }),
      };
    case "upload-archive":
      return {
        path: SSH_UPLOAD_ARCHIVE.path,
        message: encodeMessage(SSH_UPLOAD_ARCHIVE.request, {
          repository: request.repository,
        }),
      };
  }
}

/** Sends standard input until it ends or the call does. */
class InputSender {
  /** What reading failed with. */
  failure: Error | undefined;
  readonly #call: GrpcCall;
  #isStopped = false;

  constructor(call: GrpcCall) {
    this.#call = call;
  }

  async run(stdin: ByteReader): Promise<void> {
    const encoder = new StdinEncoder();
    try {
      for (;;) {
        const chunk = await stdin.read();
        if (chunk === null || this.#isStopped) break;
        for (let at = 0; at < chunk.length; at += STDIN_BYTES_MAX) {
          const piece = chunk.subarray(at, at + STDIN_BYTES_MAX);
          await this.#call.send(encoder.encode(piece));
        }
      }
    } catch (cause) {
      this.failure = new GitTransportError(
        `stdin send error: ${errorText(cause)}`,
        { cause },
      );
    }
    await this.#call.closeSend();
  }

  /** The call has ended; a chunk that is being waited for is dropped. */
  stop(): void {
    this.#isStopped = true;
  }
}

/** Writes what the server sends, in its order. */
class OutputReceiver {
  exitStatus = 0;
  hasOutput = false;
  /** What writing failed with. */
  writeFailure: Error | undefined;
  /** Set if the server sent what is no message. */
  brokenStatus: GrpcStatus | undefined;
  readonly #call: GrpcCall;
  readonly #onBegun: (() => void) | undefined;

  constructor(call: GrpcCall, onBegun: (() => void) | undefined) {
    this.#call = call;
    this.#onBegun = onBegun;
  }

  async run(outputs: Omit<StandardStreams, "stdin">): Promise<void> {
    for (;;) {
      const message = await this.#call.receive();
      if (message === null) return;
      if (!this.hasOutput) this.#onBegun?.();
      this.hasOutput = true;
      if (!await this.#handle(message, outputs)) {
        this.#call.cancel();
        return;
      }
    }
  }

  /** Returns whether to go on. */
  async #handle(
    message: Uint8Array,
    { stdout, stderr }: Omit<StandardStreams, "stdin">,
  ): Promise<boolean> {
    let output: ReturnType<typeof decodePackOutput>;
    try {
      output = decodePackOutput(message);
    } catch (error) {
      this.brokenStatus = makeStatus(
        GRPC_CODE.internal,
        `grpc: failed to unmarshal the received message: ${errorText(error)}`,
      );
      return false;
    }
    if (output.exitStatus !== undefined) {
      this.exitStatus = output.exitStatus.value;
    }
    try {
      if (output.stderr.length > 0) await stderr.write(output.stderr);
      if (output.stdout.length > 0) await stdout.write(output.stdout);
      return true;
    } catch (cause) {
      this.writeFailure = new GitTransportError(errorText(cause), { cause });
      return false;
    }
  }
}
