/**
 * A fetch of Git's protocol version 0 in the rounds of Git over HTTP. Over SSH
 * a server remembers what was said; over HTTP each request says all of it
 * again: what is wanted, and what is known to be common. Pure.
 * Source: Git, gitprotocol-http(5), "Smart Service git-upload-pack", and
 * gitprotocol-pack(5), "Packfile Negotiation".
 * @module
 */
import { ProtocolError } from "../core/errors.ts";
import { PktSplitter } from "./pkt_split.ts";

/** All that one request may say. */
export const REQUEST_BYTES_MAX = 16 * 1024 * 1024;

const FLUSH = "0000";
const DONE = "0009done\n";
/** More than enough of a packet to tell what it is. */
const HEAD_BYTES = 128;
const latin1 = new TextDecoder("latin1");
const encoder = new TextEncoder();

/**
 * One request that is due, and what its answer is: the new boundary of a
 * shallow history, what is common, or the pack.
 */
export interface FetchRound {
  readonly kind: "shallow" | "haves" | "last";
  readonly body: Uint8Array;
}

/** Collects what the client says and finds the requests in it. */
export class FetchRounds {
  readonly #input = new PktSplitter();
  readonly #wants: Uint8Array[] = [];
  readonly #haves: Uint8Array[] = [];
  /** By object id, as `have` packets. */
  readonly #commons = new Map<string, Uint8Array>();
  #sizeBytes = 0;
  #hasWants = false;
  #deepens = false;
  #isOver = false;

  /** Takes what the client sent. */
  push(bytes: Uint8Array): void {
    if (!this.#isOver) this.#input.push(bytes);
  }

  /**
   * Finds the next request.
   * @param isEnded Whether the client has nothing more to say.
   * @returns `undefined` if the client must say more first, or after the last.
   * @throws {ProtocolError} If a request would be above `REQUEST_BYTES_MAX`.
   */
  next(isEnded: boolean): FetchRound | undefined {
    while (!this.#isOver) {
      const packet = this.#input.next();
      if (packet.kind === "incomplete" && !isEnded) return undefined;
      // What is no packet ends a request without a word, as in the reference.
      if (packet.kind !== "packet") return this.#last("");
      const round = this.#take(packet.bytes);
      if (round) return round;
    }
    return undefined;
  }

  /** Reads the answer to `round`, which must be the latest one. */
  readAnswer({ kind }: FetchRound): FetchAnswer {
    return new FetchAnswer({
      kind,
      deepens: this.#deepens,
      commons: this.#commons,
    });
  }

  #take(bytes: Uint8Array): FetchRound | undefined {
    const head = latin1.decode(bytes.subarray(0, HEAD_BYTES));
    this.#sizeBytes += bytes.length;
    if (this.#sizeBytes > REQUEST_BYTES_MAX) {
      throw new ProtocolError("Negotiation is too long", REQUEST_BYTES_MAX);
    }
    if (head === DONE) return this.#last(DONE);
    if (!this.#hasWants) {
      this.#wants.push(bytes);
      if (head.startsWith("deepen", 4)) this.#deepens = true;
      if (head !== FLUSH) return undefined;
      this.#hasWants = true;
      // The client waits for the boundary before it says what it has.
      return this.#deepens ? this.#round("shallow", FLUSH) : undefined;
    }
    if (head !== FLUSH) {
      this.#haves.push(bytes);
      return undefined;
    }
    const round = this.#round("haves", FLUSH);
    // Those that are common come back by the answer.
    this.#haves.length = 0;
    return round;
  }

  #last(end: string): FetchRound {
    this.#isOver = true;
    return this.#round("last", end);
  }

  #round(kind: FetchRound["kind"], end: string): FetchRound {
    const parts = [
      ...this.#wants,
      ...this.#commons.values(),
      ...this.#haves,
      encoder.encode(end),
    ];
    return { kind, body: concat(parts) };
  }
}

/**
 * Makes of an answer over HTTP what a server on SSH would have said: nothing
 * that it has said before.
 */
export class FetchAnswer {
  readonly #kind: FetchRound["kind"];
  readonly #commons: Map<string, Uint8Array>;
  readonly #known: ReadonlySet<string>;
  readonly #input = new PktSplitter();
  #stage: "boundary" | "acks" | "raw" | "nothing";

  /** @param about `commons` gets what the answer says to be common. */
  constructor(about: {
    readonly kind: FetchRound["kind"];
    readonly deepens: boolean;
    readonly commons: Map<string, Uint8Array>;
  }) {
    this.#kind = about.kind;
    this.#commons = about.commons;
    this.#known = new Set(about.commons.keys());
    this.#stage = about.deepens ? "boundary" : "acks";
  }

  /**
   * Takes what the server sent.
   * @returns What of it is for the client.
   */
  push(bytes: Uint8Array): Uint8Array {
    if (this.#stage === "nothing") return new Uint8Array(0);
    if (this.#stage === "raw") return bytes;
    this.#input.push(bytes);
    const parts: Uint8Array[] = [];
    while (this.#isInLines) {
      const packet = this.#input.next();
      if (packet.kind === "incomplete") break;
      if (packet.kind === "malformed") this.#stage = "raw";
      else if (this.#isForClient(packet.bytes)) parts.push(packet.bytes);
    }
    if (this.#stage === "raw") parts.push(this.#input.takeRest());
    return concat(parts);
  }

  /** @returns What was held back because it might have become a packet. */
  end(): Uint8Array {
    return this.#isInLines ? this.#input.takeRest() : new Uint8Array(0);
  }

  get #isInLines(): boolean {
    return this.#stage === "boundary" || this.#stage === "acks";
  }

  #isForClient(bytes: Uint8Array): boolean {
    const head = latin1.decode(bytes.subarray(0, HEAD_BYTES));
    return this.#stage === "boundary"
      ? this.#judgeBoundary(head)
      : this.#judgeAck(head);
  }

  /** The boundary is told once, to the request that asked for it. */
  #judgeBoundary(head: string): boolean {
    if (head === FLUSH) {
      this.#stage = this.#kind === "shallow" ? "nothing" : "acks";
      return this.#kind === "shallow";
    }
    if (/^.{4}(?:un)?shallow /s.test(head)) return this.#kind === "shallow";
    this.#stage = "raw";
    return true;
  }

  #judgeAck(head: string): boolean {
    const [, id = "", status = ""] =
      /^.{4}ACK ([0-9a-f]{40,64})(?: ([a-z]+))?\n?$/s.exec(head) ?? [];
    if (id === "") {
      // A pack follows NAK, and everything else is not about what is common.
      const isNak = /^.{4}NAK\n?$/s.test(head);
      if (!isNak || this.#kind === "last") this.#stage = "raw";
      return true;
    }
    if (status === "") {
      if (this.#kind === "last") this.#stage = "raw";
      return true;
    }
    if (status === "ready") return true;
    this.#commons.set(id, encodeHave(id));
    return !this.#known.has(id);
  }
}

function encodeHave(id: string): Uint8Array {
  const line = `have ${id}\n`;
  const length = (line.length + 4).toString(16).padStart(4, "0");
  return encoder.encode(length + line);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const sizeBytes = parts.reduce((sum, { length }) => sum + length, 0);
  const whole = new Uint8Array(sizeBytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
