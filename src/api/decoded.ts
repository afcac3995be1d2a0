/**
 * From an answer to a value, with the one text that the user learns when the
 * answer cannot be read.
 * Source: GitLab Shell 14.56.1, internal API client.
 * @module
 */
import type { ApiAnswer } from "./attempt.ts";

/**
 * Reads the body of an answer.
 * @param decode Throws if the body is not what it should be.
 * @throws {Error} `parsing failed`, also for a body that did not come whole.
 */
export function decoded<T>(
  { body, bodyError }: ApiAnswer,
  decode: (body: Uint8Array) => T,
): T {
  try {
    if (body === undefined) throw bodyError;
    return decode(body);
  } catch (cause) {
    throw new Error("parsing failed", { cause });
  }
}
