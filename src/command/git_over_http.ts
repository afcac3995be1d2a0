/**
 * Joins a Git client to a server that speaks HTTP: everything one of them says
 * reaches the other while both are still talking.
 * Source: GitLab Shell 14.56.1, Git over HTTP.
 * @module
 */
import type { GitHttpExchange } from "../api/git_http_exchange.ts";
import { errorText } from "../core/errors.ts";
import type { ByteReader, StandardStreams } from "../core/io.ts";
import type { Logger } from "../core/log.ts";
import type { ConversationTurn } from "../git/conversation_turn.ts";
import type { RequestBody } from "../git/request_body.ts";

/** What runs through an exchange. */
export interface GitConversation {
  readonly exchange: GitHttpExchange;
  readonly io: StandardStreams;
  readonly log: Logger;
  /** Told of every byte. */
  readonly turn: ConversationTurn;
  /** Finds the end of the request. */
  readonly body: RequestBody;
  /**
   * Whether the body ends where the request does. Otherwise all that the
   * client sends is passed on, to its end.
   */
  readonly endsWithRequest: boolean;
}

/**
 * Runs a POST to the end of its answer; the client's side may still be open
 * then, and is not read any more.
 * @throws {ApiError | Error} What the user is shown.
 */
export async function runConversation(
  conversation: GitConversation,
): Promise<void> {
  const { exchange, io: { stdout }, turn } = conversation;
  const sender = new Sender(conversation);
  try {
    // Ends by itself, or with the exchange; its failures are kept.
    void sender.run();
    await exchange.openAnswer();
    await copyAnswer(exchange, {
      write(bytes) {
        turn.onServer(bytes);
        return stdout.write(bytes);
      },
    });
  } catch (error) {
    throw sender.inputFailure ?? error;
  } finally {
    sender.stop();
    exchange[Symbol.dispose]();
  }
}

/** Copies an answer to its end. @throws {Error} What either end failed with. */
export async function copyAnswer(
  answer: ByteReader,
  target: { write(bytes: Uint8Array): Promise<void> },
): Promise<void> {
  for (let piece; (piece = await answer.read()) !== null;) {
    await target.write(piece);
  }
}

/** Carries what the client says. */
class Sender {
  /** Why the client cannot be heard any more. */
  inputFailure: unknown;
  readonly #conversation: GitConversation;
  #isStopped = false;

  constructor(conversation: GitConversation) {
    this.#conversation = conversation;
  }

  /** Never rejects. */
  async run(): Promise<void> {
    const { exchange, turn, log } = this.#conversation;
    if (!await this.#copy()) return;
    turn.onClientEnd();
    try {
      await exchange.endBody();
    } catch (error) {
      if (this.#isStopped) return;
      log.error("failed to close writer", { error_message: errorText(error) });
    }
  }

  /** What fails from now on is of no interest. */
  stop(): void {
    this.#isStopped = true;
  }

  /** @returns Whether the body shall be ended. */
  async #copy(): Promise<boolean> {
    const { io: { stdin }, exchange, turn, body, endsWithRequest } =
      this.#conversation;
    while (!this.#isStopped) {
      let bytes: Uint8Array | null;
      try {
        bytes = await stdin.read();
      } catch (error) {
        this.inputFailure = error;
        exchange[Symbol.dispose]();
        return false;
      }
      if (bytes === null) return true;
      if (this.#isStopped) return false;
      turn.onClient(bytes);
      const part = body.push(bytes);
      if (!await this.#send(endsWithRequest ? part : bytes)) return false;
      if (!body.isEnded) continue;
      // A client that has said all may keep its side open, and wait.
      if (endsWithRequest) return true;
      turn.onClientEnd();
    }
    return false;
  }

  async #send(bytes: Uint8Array): Promise<boolean> {
    const { exchange, body, log } = this.#conversation;
    try {
      await exchange.requestBody.write(bytes);
      return true;
    } catch (error) {
      // What the server has to say about it is in its answer.
      if (!this.#isStopped) {
        const text = body.isRaw ? "failed to copy" : "failed to write line";
        log.error(text, { error_message: errorText(error) });
      }
      return false;
    }
  }
}
