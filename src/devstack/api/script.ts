/**
 * Answers that a test has written beforehand, in place of the real ones.
 * @module
 */
import type { HttpAnswer, HttpMisconduct } from "./http_server.ts";
import type { HeaderLines } from "./http_message.ts";

/** One answer; what is absent is 200, no headers, no body, good manners. */
export interface ScriptedAnswer extends HttpMisconduct {
  readonly status?: number;
  readonly headers?: HeaderLines;
  /** Sent as it is; text as UTF-8. */
  readonly body?: string | Uint8Array;
}

const encoder = new TextEncoder();

/** Queues of answers by path. */
export class AnswerScript {
  readonly #queues = new Map<string, ScriptedAnswer[]>();

  /**
   * Gives these answers to the next requests to `path`, one each.
   * @param path Below `/api/v4/internal`, without query: `/allowed`.
   */
  enqueue(path: string, ...answers: readonly ScriptedAnswer[]): void {
    const queue = this.#queues.get(path) ?? [];
    queue.push(...answers);
    this.#queues.set(path, queue);
  }

  /** Takes the next answer for `path`, if there is one. */
  take(path: string): HttpAnswer | undefined {
    const answer = this.#queues.get(path)?.shift();
    if (!answer) return undefined;
    const { status = 200, headers = [], body = "", ...misconduct } = answer;
    const bytes = typeof body === "string" ? encoder.encode(body) : body;
    return { response: { status, headers, body: bytes }, misconduct };
  }

  /** How many answers were not taken. */
  get leftCount(): number {
    return [...this.#queues.values()]
      .reduce((sum, { length }) => sum + length, 0);
  }
}
