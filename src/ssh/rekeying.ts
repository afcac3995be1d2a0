/**
 * The exchanges of keys after the first: when the server asks for one, what a
 * client may ask for, and what may wait until one is done.
 * Source: RFC 4253, section 9; ssh2 1.17.0, lib/protocol/Protocol.js, which
 * keeps what is sent meanwhile without a bound.
 * @module
 */
import { RekeyGuard } from "./patch/rekey_guard.ts";
import { type RekeyLimits, RekeySchedule } from "./rekey_schedule.ts";
import type { Ssh2Negotiated, Ssh2Protocol } from "./ssh2_types.ts";

/** Answers that may wait for a key exchange. */
const QUEUED_MESSAGES_MAX = 1_024;
const QUEUED_BYTES_MAX = 1024 * 1024;

/** The connection, as far as its keys are concerned. */
export interface RekeyingHost {
  readonly protocol: Pick<Ssh2Protocol, "_kexinit" | "_queue" | "rekey">;
  readonly socket: { readonly progressBytes: number };
  /** Ends the connection. */
  fail(error: unknown): void;
}

/** The later key exchanges of one connection. */
export class Rekeying {
  readonly #host: RekeyingHost;
  readonly #guard: RekeyGuard;
  readonly #schedule: RekeySchedule;
  readonly #waiters = new Set<() => void>();
  readonly #startedMs = performance.now();
  #isOurs = false;
  #queuedCount = 0;
  #queuedBytes = 0;

  constructor(host: RekeyingHost, limits: RekeyLimits) {
    this.#host = host;
    this.#schedule = new RekeySchedule(limits);
    this.#guard = new RekeyGuard(
      limits.timeoutMs,
      () => host.fail(new Error("ssh: key exchange timed out")),
    );
  }

  /** Whether keys are being exchanged, the first ones included. */
  get isUnderway(): boolean {
    return this.#host.protocol._kexinit !== undefined;
  }

  /** Waits for the end of the exchange, or of the connection. */
  untilDone(): Promise<void> {
    return new Promise((wake) => this.#waiters.add(wake));
  }

  /** Notes that new keys are in use. */
  noteKeys({ cs, sc }: Ssh2Negotiated): void {
    this.#guard.stop();
    this.#isOurs = false;
    this.#queuedCount = this.#queuedBytes = 0;
    this.#schedule.restart(
      [cs.cipher, sc.cipher],
      this.#host.socket.progressBytes,
      performance.now(),
    );
    this.#wakeAll();
  }

  /**
   * Notes a client's KEXINIT after the first.
   * @throws {Error} If it has asked too often.
   */
  noteRequest(): void {
    // Its answer to ours, which it has not asked for.
    if (this.#isOurs) return;
    const elapsedMs = performance.now() - this.#startedMs;
    if (!this.#guard.start(this.#host.socket.progressBytes, elapsedMs)) {
      throw new Error("ssh: too many key exchanges");
    }
  }

  /**
   * Asks for new keys in time; to be called with each message. Nobody moves
   * much without one from the client: data, or the window for ours.
   * @throws {Error} If a client that owes us its KEXINIT asks for too much.
   */
  check(): void {
    const { protocol, socket } = this.#host;
    this.#boundQueue(protocol._queue ?? []);
    if (this.isUnderway) return;
    if (!this.#schedule.isDue(socket.progressBytes, performance.now())) return;
    this.#isOurs = true;
    this.#guard.startOwn();
    protocol.rekey();
  }

  /** The connection is over. */
  stop(): void {
    this.#guard.stop();
    this.#wakeAll();
  }

  #boundQueue(queue: readonly Uint8Array[]): void {
    for (; this.#queuedCount < queue.length; this.#queuedCount++) {
      this.#queuedBytes += queue[this.#queuedCount]?.length ?? 0;
    }
    const isTooMuch = this.#queuedCount > QUEUED_MESSAGES_MAX ||
      this.#queuedBytes > QUEUED_BYTES_MAX;
    if (isTooMuch) throw new Error("ssh: too much waits for a key exchange");
  }

  #wakeAll(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of waiters) wake();
  }
}
