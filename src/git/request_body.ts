/**
 * Where the request of a Git client ends, when it is to become the body of an
 * HTTP request: a client on SSH keeps its side open and waits. Pure.
 * Source: GitLab Shell 14.56.1, Git over HTTP; Git, gitprotocol-pack(5).
 * @module
 */
import { PKT_LENGTH_BYTES } from "./pkt_line.ts";
import { packetBytes } from "./pkt_split.ts";

const FLUSH = "0000";
const DONE = "0009done\n";
/** More than enough of a packet to tell what it is. */
const HEAD_BYTES = 160;
const COMMAND =
  /^[0-9a-f]{4}([0-9a-f]{40}|[0-9a-f]{64}) (?:([0-9a-f]{40}|[0-9a-f]{64}) )/;
const ZEROS = /^0+$/;
const latin1 = new TextDecoder("latin1");
const NO_BYTES = new Uint8Array(0);

/** What a packet means for the body. */
type Verdict = "go_on" | "end" | "raw";

/**
 * Passes whole packets on and holds back what may turn out to be none. A
 * packet that is malformed ends the body without a word, as in the reference.
 */
export abstract class RequestBody {
  #held: Uint8Array = NO_BYTES;
  #state: Verdict = "go_on";

  /** Whether the body is complete, although the client may go on. */
  get isEnded(): boolean {
    return this.#state === "end";
  }

  /** Whether everything is passed on from now on, as the pack of a push is. */
  get isRaw(): boolean {
    return this.#state === "raw";
  }

  /**
   * Takes what the client sent.
   * @returns What of it, and of what was held back, belongs to the body; a
   * view that is valid until the next call.
   */
  push(bytes: Uint8Array): Uint8Array {
    if (this.isEnded) return NO_BYTES;
    if (this.isRaw) return bytes;
    const input = join(this.#held, bytes);
    let at = 0;
    while (this.#state === "go_on") {
      const sizeBytes = packetBytes(input, at);
      if (sizeBytes === undefined) break;
      if (sizeBytes < 0) this.#state = this.judgeMalformed();
      else {
        const end = Math.min(at + sizeBytes, at + HEAD_BYTES);
        const head = latin1.decode(input.subarray(at, end));
        this.#state = this.judge(head, sizeBytes);
        at += sizeBytes;
      }
    }
    this.#held = this.#state === "go_on" ? input.slice(at) : NO_BYTES;
    return this.isRaw ? input : input.subarray(0, at);
  }

  /** @param head The first bytes of the packet as Latin-1, its length included. */
  protected abstract judge(head: string, sizeBytes: number): Verdict;
  /** What follows where a packet should begin and none does. */
  protected abstract judgeMalformed(): Verdict;
}

/** The request of a fetch: it ends with `done`. */
export class FetchRequestBody extends RequestBody {
  protected judge(head: string): Verdict {
    return head === DONE ? "end" : "go_on";
  }

  protected judgeMalformed(): Verdict {
    return "end";
  }
}

/**
 * The request of a push: commands and a flush, then options if the client has
 * announced some, then a pack if a command needs one.
 */
export class PushRequestBody extends RequestBody {
  #needsPack = false;
  #hasOptions = false;
  #hasCommands = false;
  #isInCertificate = false;
  #isInOptions = false;

  protected judge(head: string): Verdict {
    if (head === FLUSH) {
      if (this.#needsPack) return "raw";
      if (this.#isInOptions || !this.#hasOptions) return "end";
      // Nothing follows the flush of a client that has nothing to do.
      this.#isInOptions = this.#hasCommands;
      return this.#isInOptions ? "go_on" : "end";
    }
    if (!this.#isInOptions) this.#judgeCommand(head);
    return "go_on";
  }

  protected judgeMalformed(): Verdict {
    return this.#needsPack ? "raw" : "end";
  }

  #judgeCommand(head: string): void {
    const capabilities = /\0(.*)/s.exec(head)?.[1] ?? "";
    if (/(?:^| )push-options(?:[ \n]|$)/.test(capabilities)) {
      this.#hasOptions = true;
    }
    const text = head.slice(PKT_LENGTH_BYTES);
    if (text.startsWith("push-cert\0")) {
      this.#isInCertificate = true;
      return;
    }
    if (text.startsWith("shallow ")) return;
    const after = COMMAND.exec(head)?.[2];
    // In a certificate there are lines of other kinds, outside of it none.
    if (after === undefined && this.#isInCertificate) return;
    this.#hasCommands = true;
    if (after === undefined || !ZEROS.test(after)) this.#needsPack = true;
  }
}

function join(held: Uint8Array, bytes: Uint8Array): Uint8Array {
  if (held.length === 0) return bytes;
  const both = new Uint8Array(held.length + bytes.length);
  both.set(held);
  both.set(bytes, held.length);
  return both;
}
