/**
 * What the log says of one connection, from the first record to the last.
 * Source: GitLab Shell 14.56.1, sshd; its `meta` is always empty and its bytes
 * are those of one session, neither of which was meant (sshd.md, Q10).
 * @module
 */
import type { Clock } from "../core/host.ts";
import type { LogFields, Logger } from "../core/log.ts";
import type { SessionSummary } from "./session.ts";

/** How a connection ends that nobody gave a reason for. */
const PLAIN_END = "EOF";

/** The records of one connection. */
export class ConnectionRecord {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #startedMs: number;
  #endText = PLAIN_END;
  #loginMs: number | undefined;
  #writtenBytes = 0;
  #data: SessionSummary["data"];

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
    log.info("server: handleConn: start");
  }

  /** Keeps the reason of the end; the first one is the cause of the others. */
  noteEnd(text: string): void {
    if (this.#endText === PLAIN_END) this.#endText = text;
  }

  /** Somebody has logged in: what came before was key exchange and proof. */
  noteLogin(): void {
    this.#loginMs = this.#clock.monotonicMs();
  }

  /** Adds what a session did. */
  addSession(summary: SessionSummary): void {
    this.#writtenBytes += summary.writtenBytes;
    this.#data = summary.data ?? this.#data;
  }

  /** Writes the last records of a connection that somebody logged in on. */
  finishOpen(): void {
    this.#log.info("server: handleConn: done", {
      error_message: this.#endText,
    });
    this.#finish();
  }

  /**
   * Writes the last records of a connection without a login.
   * @param attempts Why each attempt failed; empty if there was none.
   * @param fields What else an operator should know.
   */
  finishUnopened(attempts: string, fields: LogFields = {}): void {
    const hasAttempts = this.#endText === PLAIN_END && attempts !== "";
    const error_message = hasAttempts ? attempts : this.#endText;
    // Port scans and clients of another age are nobody's business.
    const isQuiet = error_message === PLAIN_END ||
      error_message.includes("no common algorithm for host key");
    this.#log[isQuiet ? "debug" : "warn"](
      "connection: initServerConn: failed to initialize SSH connection",
      { error_message, ...fields },
    );
    this.#finish();
  }

  #finish(): void {
    this.#log.info("access: finish", {
      duration_s: (this.#clock.monotonicMs() - this.#startedMs) / 1000,
      ...(this.#loginMs !== undefined && {
        auth_duration_s: (this.#loginMs - this.#startedMs) / 1000,
      }),
      written_bytes: this.#writtenBytes,
      meta: metaOf(this.#data),
    });
  }
}

/** Members that say nothing are left out. */
function metaOf(
  data: SessionSummary["data"],
): Record<string, string | number> {
  return {
    ...(data?.project && { project: data.project }),
    ...(data?.rootNamespace && { root_namespace: data.rootNamespace }),
    ...(data?.projectId && { project_id: data.projectId }),
    ...(data?.rootNamespaceId && { root_namespace_id: data.rootNamespaceId }),
  };
}
