/**
 * The three calls whose data travels in gRPC messages: receive-pack,
 * upload-archive, and the upload-pack of older servers.
 * Source: Gitaly, internal/gitaly/service/ssh.
 * @module
 */
import { quoteGo } from "../../core/go_text.ts";
import type { ByteReader } from "../../core/io.ts";
import {
  type CallContext,
  enterLimit,
  observeRun,
  prepareGit,
} from "./call_context.ts";
import type { GitService } from "./git_command.ts";
import type { GitSpawn } from "./git_process.ts";
import {
  describeFailure,
  type GitOutcome,
  type GitRun,
  isHangUp,
  runGit,
} from "./git_run.ts";
import type { PackExchange, PackRequestMessage } from "./messages.ts";
import type { OutputSink } from "./output_sink.ts";
import { CODE, StatusError } from "./status.ts";
import { uploadPackError } from "./upload_pack_call.ts";

/** What tells one of the three calls from the others. */
interface StreamKind {
  readonly service: GitService;
  /** Checks the first message; in Gitaly's order. */
  prepare(
    context: CallContext,
    request: PackRequestMessage,
  ): Promise<GitSpawn>;
  negotiation(context: CallContext): GitRun["negotiation"];
  /** Messages and error with which the call ends. */
  end(outcome: GitOutcome): StreamEnd;
}

interface StreamEnd {
  /** Sent before the status, if it is there. */
  readonly exitStatus?: number;
  readonly error?: StatusError | undefined;
}

/** Largest `stdout` or `stderr` of one message. */
const PAYLOAD_BYTES_MAX = 65_536;

const RECEIVE_PACK: StreamKind = {
  service: "receive-pack",
  prepare(context, request) {
    if (!request.glId) throw invalid("empty GlId");
    refuseStdin(request, "non-empty data in first request");
    return prepareGit(context, "receive-pack", request);
  },
  negotiation: () => undefined,
  end(outcome) {
    const exitStatus = outcome.exit.code;
    if (exitStatus === 0) return {};
    const error = isHangUp(outcome)
      ? new StatusError(CODE.canceled, "user canceled the push")
      : new StatusError(CODE.internal, describeFailure(outcome));
    return { exitStatus, error };
  },
};

const UPLOAD_ARCHIVE: StreamKind = {
  service: "upload-archive",
  async prepare(context, request) {
    const spawn = await prepareGit(context, "upload-archive", request);
    refuseStdin(request, "non-empty stdin in first request");
    return spawn;
  },
  negotiation: ({ core }) => ({
    timeoutMs: core.timeouts.uploadArchiveNegotiationMs,
    endsWith: "flush",
  }),
  end(outcome) {
    const exitStatus = outcome.exit.code;
    const failure = (code: number, text: string) =>
      new StatusError(code, `running upload-archive: ${text}`);
    if (outcome.isTimedOut) {
      const text = "waiting for negotiation: context canceled";
      return { error: failure(CODE.deadlineExceeded, text) };
    }
    if (exitStatus === 0) return { exitStatus };
    if (isHangUp(outcome)) {
      return { error: failure(CODE.canceled, "user canceled the request") };
    }
    const stderr = quoteGo(outcome.stderr);
    const text = `send: ${describeFailure(outcome)}, stderr: ${stderr}`;
    return { exitStatus, error: new StatusError(CODE.internal, text) };
  },
};

const UPLOAD_PACK: StreamKind = {
  service: "upload-pack",
  async prepare(context, request) {
    const spawn = await prepareGit(context, "upload-pack", request);
    refuseStdin(request, "non-empty stdin in first request");
    return spawn;
  },
  negotiation: ({ core }) => ({
    timeoutMs: core.timeouts.uploadPackNegotiationMs,
    endsWith: "done",
  }),
  end(outcome) {
    const error = uploadPackError(outcome);
    return error ? { exitStatus: outcome.exit.code, error } : {};
  },
};

/** The calls by the names of their methods. */
export const STREAM_KINDS: ReadonlyMap<string, StreamKind> = new Map([
  ["SSHReceivePack", RECEIVE_PACK],
  ["SSHUploadArchive", UPLOAD_ARCHIVE],
  ["SSHUploadPack", UPLOAD_PACK],
]);

/** Runs one call. @throws {StatusError} What the call ends with. */
export async function servePackStream(
  kind: StreamKind,
  exchange: PackExchange,
  context: CallContext,
): Promise<void> {
  const request = await exchange.receive();
  if (!request) {
    throw new StatusError(CODE.internal, "receive first request: EOF");
  }
  context.record.request = request;
  context.core.calls.changed();
  const leave = await enterLimit(context, request);
  try {
    const spawn = await kind.prepare(context, request);
    const outcome = await runGit({
      spawn,
      stdin: stdinOf(exchange),
      output: {
        stdout: sink((stdout) => exchange.send({ stdout })),
        stderr: sink((stderr) => exchange.send({ stderr })),
        stop: () => exchange.stop(),
      },
      negotiation: kind.negotiation(context),
      signal: context.signal,
      ...observeRun(context),
    });
    context.record.statistics = outcome.statistics;
    const { exitStatus, error } = kind.end(outcome);
    if (exitStatus !== undefined) {
      await exchange.send({ exitStatus: { value: exitStatus } });
    }
    if (error && !(exitStatus && context.core.era.endsFailedGitWithOk)) {
      throw error;
    }
  } finally {
    leave();
  }
}

function stdinOf(exchange: PackExchange): ByteReader {
  return {
    async read() {
      for (;;) {
        const message = await exchange.receive();
        if (message === null) return null;
        const { stdin } = message;
        if (stdin && stdin.length > 0) return stdin;
      }
    },
  };
}

// Encoding a message copies the piece, so its memory may be used again.
function sink(send: (piece: Uint8Array) => Promise<void>): OutputSink {
  return {
    headroomBytes: 0,
    payloadBytesMax: PAYLOAD_BYTES_MAX,
    write: (buffer) => send(buffer),
  };
}

function refuseStdin({ stdin }: PackRequestMessage, message: string): void {
  if (stdin && stdin.length > 0) throw invalid(message);
}

function invalid(message: string): StatusError {
  return new StatusError(CODE.invalidArgument, message);
}
