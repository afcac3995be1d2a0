/**
 * Whose turn it is while a Git client and a server talk through us. A server
 * may be given up for its silence; a user who thinks, or whose git still
 * compresses, may not. Pure.
 * Source: Git, gitprotocol-pack(5) and gitprotocol-v2(5).
 * @module
 */
import { PktTail } from "./pkt_tail.ts";

/** Follows both directions of one conversation. */
export interface ConversationTurn {
  /** Takes what the client has said. */
  onClient(bytes: Uint8Array): void;
  /** The client has nothing more to say. */
  onClientEnd(): void;
  /** Takes what the server has said. */
  onServer(bytes: Uint8Array): void;
  /** Whether everybody waits for the server. */
  readonly isServers: boolean;
}

/**
 * A fetch: who has ended with a flush waits for the other. In version 0 a
 * server also ends with ACK or NAK, until the client has said that it is done.
 */
export class FetchTurn implements ConversationTurn {
  readonly #client = new PktTail();
  readonly #server = new PktTail();
  #isServers: boolean;
  #isClientDone = false;

  /** @param startsServer Whether the server speaks first, as over SSH. */
  constructor({ startsServer }: { readonly startsServer: boolean }) {
    this.#isServers = startsServer;
  }

  get isServers(): boolean {
    return this.#isServers;
  }

  onClient(bytes: Uint8Array): void {
    this.#client.push(bytes);
    const { state, word } = this.#client;
    if (state === "data" && word === "done") this.#isClientDone = true;
    this.#isServers = state === "flush" || state === "raw" ||
      this.#isClientDone;
  }

  onClientEnd(): void {
    this.#isServers = true;
    this.#isClientDone = true;
  }

  onServer(bytes: Uint8Array): void {
    this.#server.push(bytes);
    const { state, word } = this.#server;
    const isWaiting = state === "flush" || state === "response_end" ||
      state === "data" && /^(?:NAK|ACK)/.test(word) && !this.#isClientDone;
    this.#isServers = !isWaiting;
  }
}

/**
 * A push: the server shows its references, and then it is the client's turn
 * until it has ended, however long its pack takes to make.
 */
export class PushTurn implements ConversationTurn {
  readonly #server = new PktTail();
  #isServers: boolean;
  #hasClientEnded = false;

  /** @param startsServer Whether the server speaks first, as over SSH. */
  constructor({ startsServer }: { readonly startsServer: boolean }) {
    this.#isServers = startsServer;
  }

  get isServers(): boolean {
    return this.#isServers;
  }

  onClient(_bytes: Uint8Array): void {
    if (!this.#hasClientEnded) this.#isServers = false;
  }

  onClientEnd(): void {
    this.#hasClientEnded = true;
    this.#isServers = true;
  }

  onServer(bytes: Uint8Array): void {
    if (this.#hasClientEnded || !this.#isServers) return;
    this.#server.push(bytes);
    this.#isServers = this.#server.state !== "flush";
  }
}
