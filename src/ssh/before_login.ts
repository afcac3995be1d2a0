/**
 * What is kept of a connection until somebody has logged in on it: its place
 * at the gate, its time limits, the refused attempts, and what is to be said
 * and held against the client if it ends before.
 * @module
 */
import type { LogFields, Logger } from "../core/log.ts";
import type { ConnectionRecord } from "./connection_record.ts";
import type { ConnectionLimits } from "./connection_services.ts";
import { LoginRefusals, type RefusedAttempt } from "./login_refusals.ts";
import { StrayProxyHeaderError } from "./patch/client_ident.ts";
import type { Offence } from "./penalties.ts";
import type { Arrival } from "./reception.ts";

/** What it works with. */
export interface BeforeLoginOptions {
  readonly arrival: Omit<Arrival, "stream">;
  readonly limits: Pick<ConnectionLimits, "identMs" | "loginGraceMs">;
  /** Called when one of the limits is reached. */
  readonly onTimeOut: () => void;
}

/** One connection's way to its login. */
export class BeforeLogin {
  readonly #arrival: Omit<Arrival, "stream">;
  readonly #refusals = new LoginRefusals();
  readonly #identTimer: ReturnType<typeof setTimeout>;
  readonly #graceTimer: ReturnType<typeof setTimeout> | undefined;
  #hasTimedOut = false;
  #isSentAway = false;
  #endFields: LogFields = {};

  /** Starts the clocks. */
  constructor({ arrival, limits, onTimeOut }: BeforeLoginOptions) {
    this.#arrival = arrival;
    const timeOut = () => {
      this.#hasTimedOut = true;
      onTimeOut();
    };
    this.#identTimer = setTimeout(timeOut, limits.identMs);
    if (limits.loginGraceMs > 0) {
      this.#graceTimer = setTimeout(timeOut, limits.loginGraceMs);
    }
  }

  /** The client has identified itself. */
  noteIdent(): void {
    clearTimeout(this.#identTimer);
  }

  /** Somebody has logged in: the place is for others now. */
  noteLogin(): void {
    this.stop();
    this.#arrival.ticket.leave();
  }

  /** Stops the clocks. */
  stop(): void {
    clearTimeout(this.#identTimer);
    clearTimeout(this.#graceTimer);
  }

  /** Whom we send away is not to blame for having gone. */
  sendAway(): void {
    this.#isSentAway = true;
  }

  /** @returns Whether GitLab could not be asked, for the first time. */
  addRefusal(attempt: RefusedAttempt): boolean {
    return this.#refusals.add(attempt);
  }

  /** Keeps what an operator can do about the reason of the end. */
  noteEnd(error: unknown): void {
    if (error instanceof StrayProxyHeaderError) {
      this.#endFields = { advice: this.proxyAdvice };
    }
  }

  /** What an operator can do about a PROXY header that is not expected. */
  get proxyAdvice(): string {
    return this.#arrival.forwardedFor === ""
      ? "sshd.proxy_protocol is false, but the balancer sends the PROXY " +
        "protocol: set it to true, or switch the balancer's off"
      : "sshd.proxy_protocol is true and one PROXY header has been read: " +
        "let one balancer alone send it";
  }

  /**
   * The connection is over, and nobody has logged in.
   * @param failureText Why each attempt failed; `undefined` if there was none.
   */
  finish(
    log: Logger,
    record: ConnectionRecord,
    failureText: string | undefined,
  ): void {
    const { ticket } = this.#arrival;
    ticket.leave();
    const offence = this.#isSentAway
      ? undefined
      : this.#offence(failureText !== undefined);
    if (offence !== undefined) ticket.punish(offence);
    this.#refusals.report(log);
    record.finishUnopened(failureText ?? "", this.#endFields);
  }

  /** What the client did wrong. */
  #offence(hasTried: boolean): Offence | undefined {
    if (this.#hasTimedOut) return "grace-exceeded";
    return hasTried ? this.#refusals.offence : "noauth";
  }
}
