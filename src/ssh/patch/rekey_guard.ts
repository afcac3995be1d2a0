/**
 * Bounds what a client's rekeys may cost.
 * Row F13 and issue of the reference: output waits while keys are exchanged,
 * so an exchange that is begun and never finished holds a session for ever;
 * and each exchange costs us far more than it costs the client to ask.
 * Source: RFC 4253, section 9; OpenSSH's default is one per gigabyte.
 * @module
 */

/** Exchanges that are free. */
const REKEYS_FREE = 16;
/** Data that earns one more. */
const REKEY_BYTES = 256 * 1024;
/** Time that earns one more: clients may be set to rekey by the clock. */
const REKEY_INTERVAL_MS = 2_000;

/** Watches the rekeys of one connection. */
export class RekeyGuard {
  readonly #timeoutMs: number;
  readonly #onStall: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #count = 0;

  /**
   * @param timeoutMs How long an exchange may take.
   * @param onStall Called when one is not finished in time.
   */
  constructor(timeoutMs: number, onStall: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onStall = onStall;
  }

  /** Notes that we began an exchange, which costs the client nothing. */
  startOwn(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onStall, this.#timeoutMs);
  }

  /**
   * Notes the client's KEXINIT.
   * @param progressBytes Bytes that the connection has moved so far.
   * @param elapsedMs How long it has lasted.
   * @returns Whether this one may go on.
   */
  start(progressBytes: number, elapsedMs: number): boolean {
    this.#count++;
    const earned = progressBytes / REKEY_BYTES + elapsedMs / REKEY_INTERVAL_MS;
    if (this.#count > REKEYS_FREE + earned) return false;
    this.startOwn();
    return true;
  }

  /** Notes the end of an exchange, or of the connection. */
  stop(): void {
    clearTimeout(this.#timer);
  }
}
