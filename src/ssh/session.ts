/**
 * One session: the requests on its channel, and the one command it may run.
 * Rows F32 to F36: ssh2 gives no reply once a command runs, ends the
 * connection over a malformed request and loses an `exec` after EOF.
 * Source: RFC 4254, section 6; GitLab Shell 14.56.1, sshd session.
 * @module
 */
import type { SessionData } from "../command/command.ts";
import { errorText, ProtocolError } from "../core/errors.ts";
import { EXIT_FAILURE } from "../core/exit_status.ts";
import type { Clock } from "../core/host.ts";
import type { Logger } from "../core/log.ts";
import type { SshChannel } from "./channel.ts";
import type {
  SessionHandler,
  SessionOutcome,
  SessionStart,
  SessionSurroundings,
} from "./session_handler.ts";
import { shorten } from "./shown_text.ts";
import type { ChannelRequest } from "./ssh_messages.ts";
import { SshReader } from "./wire.ts";

/** The one variable that a client may set. */
const GIT_PROTOCOL = "GIT_PROTOCOL";

/** How long a command may take to stop once it is told. */
const STOP_TIMEOUT_MS = 5_000;
const ABANDONED: SessionOutcome = {
  exitStatus: EXIT_FAILURE,
  fault: "command does not stop",
};

/** What the sessions of a connection have in common. */
export interface SessionServices {
  readonly handle: SessionHandler;
  readonly clock: Clock;
  readonly start: Pick<SessionStart, "login" | "remoteAddress">;
  readonly around: Pick<SessionSurroundings, "api" | "log" | "correlationId">;
  readonly limits: SessionLimits;
  /** Aborts when commands have to stop now. */
  readonly signal: AbortSignal;
}

/** How long things may take, in milliseconds. */
export interface SessionLimits {
  /** A channel without a command. */
  readonly idleChannelMs: number;
  /** A command whose client is gone, to end in its own way. */
  readonly clientGoneMs: number;
  /** Output that a client, which is there, does not take. */
  readonly stalledMs: number;
}

/** What a session leaves for the access record. */
export interface SessionSummary {
  readonly data: SessionData | undefined;
  readonly writtenBytes: number;
  readonly durationMs: number;
  /** Absent where no command ran. */
  readonly establishedMs: number | undefined;
  /** Whether it failed through a fault of ours. */
  readonly isFault: boolean;
}

/** The session on one channel. */
export class Session {
  readonly channel: SshChannel;
  /** Settles when the session holds its place no longer; never rejects. */
  readonly ended: Promise<SessionSummary>;
  readonly #services: SessionServices;
  readonly #log: Logger;
  readonly #openedMs: number;
  readonly #end: (summary: SessionSummary) => void;
  readonly #abort = new AbortController();
  #gitProtocol = "";
  /** By a bug or a malformed request: both count as errors. */
  #hasFailed = false;
  #state: "waiting" | "running" | "over" = "waiting";
  #timer: ReturnType<typeof setTimeout>;
  readonly #abandoned = Promise.withResolvers<SessionOutcome>();

  constructor(channel: SshChannel, services: SessionServices) {
    this.channel = channel;
    this.#services = services;
    this.#log = services.around.log;
    this.#openedMs = services.clock.monotonicMs();
    const { promise, resolve } = Promise.withResolvers<SessionSummary>();
    this.ended = promise;
    this.#end = resolve;
    this.#timer = setTimeout(
      () => this.#close(),
      services.limits.idleChannelMs,
    );
    this.#log.debug("session: handle: entering request loop");
  }

  /** Answers a request; only the first `exec` or `shell` does anything. */
  receiveRequest(request: ChannelRequest): void {
    this.#log.debug("session: handle: request received", {
      bytesize: request.body.length,
      type: shorten(request.type),
      want_reply: request.wantReply,
    });
    try {
      const isGranted = this.#state === "waiting" && this.#grant(request);
      this.#log.debug("session: handle: request processed", {
        should_continue: this.#state === "waiting",
      });
      // A command's own success reply went out before it was started.
      if (isGranted || !request.wantReply) return;
      this.channel.replyFailure();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#refuseMalformed(request.type, error);
    }
  }

  /** The client closed the channel or is gone: the command is told. */
  loseClient(): void {
    if (this.#state === "waiting") this.#close();
    if (this.#state !== "running" || this.#abort.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.cancel(new Error("context canceled")),
      this.#services.limits.clientGoneMs,
    );
  }

  /** Stops the command at once, if one runs. Idempotent. */
  cancel(reason: unknown): void {
    if (this.#state === "waiting") this.#close();
    if (this.#state !== "running" || this.#abort.signal.aborted) return;
    this.#abort.abort(reason);
    clearTimeout(this.#timer);
    // A command that does not even stop when told must not hold a connection
    // that is over, nor a shutdown.
    this.#timer = setTimeout(
      () => this.#abandoned.resolve(ABANDONED),
      STOP_TIMEOUT_MS,
    );
  }

  /**
   * @returns Whether the request is granted; the reply is then sent.
   * @throws {ProtocolError} If it is malformed.
   */
  #grant({ type, wantReply, body }: ChannelRequest): boolean {
    const reader = new SshReader(body);
    if (type === "env") return this.#setVariable(reader, wantReply);
    if (type !== "exec" && type !== "shell") return false;
    const command = type === "exec" ? reader.readText() : "";
    if (type === "exec") reader.expectEnd();
    if (wantReply) this.channel.replySuccess();
    this.#run(command).catch((error) => this.#panic(error));
    return true;
  }

  #setVariable(reader: SshReader, wantReply: boolean): boolean {
    const name = reader.readText();
    const value = reader.readText();
    reader.expectEnd();
    const accepted = name === GIT_PROTOCOL;
    if (accepted) this.#gitProtocol = value;
    if (accepted && wantReply) this.channel.replySuccess();
    this.#log.debug("session: handleEnv: processed", {
      accepted,
      env_request: shorten(name),
    });
    return accepted;
  }

  #refuseMalformed(type: string, error: ProtocolError): void {
    this.#hasFailed = true;
    const error_message = errorText(error);
    if (type === "env") {
      this.#log.error("session: handleEnv: failed to unmarshal request", {
        error_message,
      });
    }
    this.#log.warn("connection: session error", { error_message });
    this.#close();
  }

  async #run(command: string): Promise<void> {
    this.#state = "running";
    clearTimeout(this.#timer);
    const { signal } = this.#services;
    const stop = () => this.cancel(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    const outcome = await Promise.race([
      this.#handle(command),
      this.#abandoned.promise,
    ]);
    signal.removeEventListener("abort", stop);
    clearTimeout(this.#timer);
    this.#state = "over";
    this.#log.debug("session: handle: exiting request loop");
    if (!this.channel.isClosedByClient) {
      this.#log.info("session: exit: exiting", {
        exit_status: outcome.exitStatus,
      });
    }
    this.channel.finish(outcome.exitStatus);
    this.#report(outcome);
  }

  async #handle(command: string): Promise<SessionOutcome> {
    const { handle, start, around } = this.#services;
    try {
      return await handle(
        {
          ...start,
          command,
          gitProtocol: this.#gitProtocol,
          openedMs: this.#openedMs,
        },
        { ...around, io: this.channel.io, signal: this.#abort.signal },
      );
    } catch (error) {
      // The reference leaves such a channel open, and its client waiting.
      this.#panic(error);
      return { exitStatus: EXIT_FAILURE };
    }
  }

  /** A bug of ours costs its own session. */
  #panic(error: unknown): void {
    this.#hasFailed = true;
    const recovered_error = errorText(error);
    this.#log.error("panic handling session", { recovered_error });
  }

  /** Ends a session that never ran a command. */
  #close(): void {
    if (this.#state !== "waiting") return;
    clearTimeout(this.#timer);
    this.#state = "over";
    this.#log.debug("session: handle: exiting request loop");
    this.channel.finish(undefined);
    this.#report(undefined);
  }

  #report(outcome: SessionOutcome | undefined): void {
    const { writtenBytes } = this.channel;
    if (outcome?.fault !== undefined) {
      this.#log.warn("connection: session error", {
        error_message: outcome.fault,
      });
    }
    const durationMs = this.#services.clock.monotonicMs() - this.#openedMs;
    this.#log.info("connection: handleRequests: done", {
      duration_s: durationMs / 1000,
      ...outcome?.phases,
      written_bytes: writtenBytes,
    });
    this.#end({
      data: outcome?.data,
      writtenBytes,
      durationMs,
      establishedMs: outcome?.establishedMs,
      isFault: this.#hasFailed || outcome?.fault !== undefined,
    });
  }
}
