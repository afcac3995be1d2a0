/**
 * What one connection adds to the metrics, and how it counts for the service
 * level: a fault of ours during login counts unless a later key is found.
 * Source: GitLab Shell 14.56.1, sshd connection.
 * @module
 */
import type { LoginDecision } from "./login.ts";
import type { Blame } from "./login.ts";
import type { ServerMetrics } from "./server_metrics.ts";
import type { SessionSummary } from "./session.ts";
import type { Ssh2Negotiated } from "./ssh2_types.ts";

/** Counts for one connection. */
export class ConnectionMetrics {
  readonly #metrics: ServerMetrics;
  #hasTried = false;
  #hasLookupFault = false;
  #hasSessionFault = false;

  constructor(metrics: ServerMetrics) {
    this.#metrics = metrics;
  }

  noteKeys({ kex, serverHostKey, cs }: Ssh2Negotiated): void {
    this.#metrics.handshakes.add(1, [cs.cipher, serverHostKey, kex]);
  }

  /** A key was decided on, be it offered or proven. */
  noteDecision(decision: LoginDecision, elapsedMs: number): void {
    this.#hasTried = true;
    this.#hasLookupFault = "refusal" in decision && decision.blame === "server";
    this.#metrics.lookupDuration.observe(elapsedMs / 1000);
  }

  noteRefusal(blame: Blame): void {
    this.#metrics.refusedLogins.add(1, [blame]);
  }

  openSession(): void {
    this.#metrics.sessions.add();
  }

  limitSession(): void {
    this.#metrics.limitedSessions.add();
  }

  endSession({ durationMs, establishedMs, isFault }: SessionSummary): void {
    this.#metrics.sessionDuration.observe(durationMs / 1000);
    if (establishedMs !== undefined) {
      this.#metrics.establishedDuration.observe(establishedMs / 1000);
    }
    if (!isFault) return;
    this.#hasSessionFault = true;
    this.#metrics.sessionErrors.add();
  }

  /** The connection is over. */
  end({ receivedBytes, sentBytes }: {
    receivedBytes: number;
    sentBytes: number;
  }): void {
    this.#metrics.receivedBytes.add(receivedBytes);
    this.#metrics.sentBytes.add(sentBytes);
    if (!this.#hasTried) return;
    this.#metrics.connections.add();
    if (this.#hasLookupFault || this.#hasSessionFault) {
      this.#metrics.connectionErrors.add();
    }
  }
}
