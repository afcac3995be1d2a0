/**
 * When the server asks for new keys by itself. Pure.
 * Row F13: ssh2 never does. The amounts are the reference's, counted in both
 * directions together; the hour is RFC 4253's, which the reference leaves out.
 * Source: RFC 4253, section 9; RFC 4344, section 3.2; GitLab Shell 14.56.1
 * (golang.org/x/crypto).
 * @module
 */

/** Bounds of the life of keys, and of the exchange that ends it. */
export interface RekeyLimits {
  /** Bytes of both directions; by cipher if left out. */
  readonly bytesMax?: number;
  readonly intervalMs: number;
  /** How long an exchange after the first may take. */
  readonly timeoutMs: number;
}

/** What a server has that is told nothing else. */
export const REKEY_LIMITS: RekeyLimits = {
  intervalMs: 3_600_000,
  // A slow line carries what is on its way first.
  timeoutMs: 120_000,
};

/** 2^32 blocks of 16 bytes. */
const AES_BYTES_MAX = 2 ** 36;
const OTHER_BYTES_MAX = 2 ** 30;

/** The age of one connection's keys. */
export class RekeySchedule {
  readonly #limits: Pick<RekeyLimits, "bytesMax" | "intervalMs">;
  #bytesMax = Infinity;
  #sinceBytes = 0;
  #sinceMs = 0;

  constructor(limits: Pick<RekeyLimits, "bytesMax" | "intervalMs">) {
    this.#limits = limits;
  }

  /**
   * Notes that new keys are in use.
   * @param ciphers Of both directions.
   * @param movedBytes Bytes that the connection has moved so far.
   * @param nowMs Of a clock that only goes forward.
   */
  restart(
    ciphers: readonly string[],
    movedBytes: number,
    nowMs: number,
  ): void {
    this.#bytesMax = this.#limits.bytesMax ??
      Math.min(...ciphers.map(bytesMaxOf));
    this.#sinceBytes = movedBytes;
    this.#sinceMs = nowMs;
  }

  /** Whether the keys are old enough; parameters as in `restart()`. */
  isDue(movedBytes: number, nowMs: number): boolean {
    return movedBytes - this.#sinceBytes >= this.#bytesMax ||
      nowMs - this.#sinceMs >= this.#limits.intervalMs;
  }
}

function bytesMaxOf(cipher: string): number {
  return cipher.startsWith("aes") ? AES_BYTES_MAX : OTHER_BYTES_MAX;
}
