/**
 * Correlation ids: one per process of gitlab-shell, one per connection of
 * gitlab-sshd, the same in the API's header, Gitaly's metadata and every record.
 * Source: ULID specification (26 characters of Crockford base 32).
 * @module
 */

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const TIME_CHARS = 10;
const RANDOM_BYTES = 10;

// What fits an HTTP header and gRPC metadata as it is.
const USABLE_ID = /^[!-~][ -~]{0,254}$/;

/**
 * Takes the id that the caller of the program gives, or makes one. Text that
 * cannot be sent in a header is passed over: it would fail every request.
 * @param given `CORRELATION_ID` of the environment.
 * @param nowMs Wall clock in milliseconds.
 */
export function chooseCorrelationId(
  given: string | undefined,
  nowMs: number,
): string {
  return given !== undefined && USABLE_ID.test(given)
    ? given
    : makeCorrelationId(nowMs);
}

/**
 * Makes a ULID: 48 bits of time, 80 bits of chance.
 * @param nowMs Wall clock in milliseconds.
 * @param random Ten random bytes; from the system when left out.
 */
export function makeCorrelationId(
  nowMs: number,
  random: Uint8Array = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES)),
): string {
  let time = "";
  for (let rest = Math.floor(nowMs), at = 0; at < TIME_CHARS; at++) {
    time = CROCKFORD.charAt(rest % 32) + time;
    rest = Math.floor(rest / 32);
  }
  let chance = "";
  let bits = 0;
  let held = 0;
  for (const byte of random) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) {
      chance += CROCKFORD.charAt((held >> (bits - 5)) & 31);
    }
    held &= 31;
  }
  return time + chance;
}
