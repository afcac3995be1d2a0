/**
 * Asks clients for signs of life, and gives up on those that show none.
 * Row F39: ssh2 asks only after silence and counts badly; the reference asks
 * always and never gives up, so that a dead client keeps its Gitaly stream.
 * Source: GitLab Shell 14.56.1, sshd connection; OpenSSH, ClientAliveCountMax.
 * @module
 */
import type { Logger } from "../core/log.ts";
import { encodeKeepalive } from "./ssh_messages.ts";
import type { SshTransport } from "./transport.ts";

/** Intervals without an answer or any other progress before we give up. */
export const KEEPALIVE_MISSED_MAX = 3;

/** The keepalives of one connection. */
export class Keepalive {
  readonly #transport: Pick<
    SshTransport,
    "send" | "fail" | "isOver" | "isRekeying" | "socket"
  >;
  readonly #log: Logger;
  #timer: ReturnType<typeof setInterval> | undefined;
  #isWaiting = false;
  #missed = 0;
  #progressBytes = 0;

  constructor(
    transport: Pick<
      SshTransport,
      "send" | "fail" | "isOver" | "isRekeying" | "socket"
    >,
    log: Logger,
  ) {
    this.#transport = transport;
    this.#log = log;
  }

  /** @param intervalMs Nothing is sent if it is not positive. */
  start(intervalMs: number): void {
    if (intervalMs <= 0) return;
    this.#timer = setInterval(() => this.#tick(), intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The client answered, in whichever way. */
  receiveReply(): void {
    this.#isWaiting = false;
    this.#missed = 0;
  }

  #tick(): void {
    const { socket, isOver, isRekeying } = this.#transport;
    if (isOver) return this.stop();
    // A slow line may carry megabytes before it carries the question, so
    // bytes that move in either direction count as an answer.
    const hasMoved = socket.progressBytes !== this.#progressBytes;
    this.#progressBytes = socket.progressBytes;
    if (!this.#isWaiting) {
      if (isRekeying) return;
      this.#isWaiting = true;
      this.#log.debug(
        "connection: sendKeepAliveMsg: send keepalive message to a client",
      );
      return this.#transport.send(encodeKeepalive());
    }
    this.#missed = hasMoved ? 0 : this.#missed + 1;
    if (this.#missed < KEEPALIVE_MISSED_MAX) return;
    this.stop();
    this.#log.error("Error occurred while sending request :no reply");
    this.#transport.fail(new Error("ssh: client does not answer"));
  }
}
