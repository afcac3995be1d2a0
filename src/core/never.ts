/**
 * The signal of a program that nobody can stop but the system.
 * @module
 */

let signal: AbortSignal | undefined;

/**
 * A signal that never aborts, always the same one, so that whoever is given it
 * can spare itself to listen: the first listener of a one-shot program costs
 * it 0.2 ms (measured on Deno 2.9.6).
 */
export function neverAborts(): AbortSignal {
  return signal ??= new AbortController().signal;
}
