/**
 * The transport layer of one connection: ssh2's key exchange, framing and
 * encryption, with every patch applied, and nothing else of ssh2. Messages
 * above key exchange go to our own code: ssh2's session and channel layers
 * lose and repeat data (sshd.md, rows F21 to F41 and section 11.4).
 * Source: RFC 4253; ssh2 1.17.0, lib/protocol/Protocol.js.
 * @module
 */
import type { Buffer } from "node:buffer";
import { errorText } from "../core/errors.ts";
import { patchExtInfo } from "./patch/ext_info.ts";
import { patchCiphers } from "./patch/cipher_release.ts";
import { restoreIdent } from "./patch/client_ident.ts";
import { patchHostCertificate } from "./patch/host_certificate.ts";
import { onKeyExchange } from "./patch/key_exchange_hook.ts";
import {
  chooseKex,
  type KexChoice,
  MLKEM_EXCHANGE,
} from "./patch/kex_choice.ts";
import { patchMlkem } from "./patch/mlkem.ts";
import { findMismatch } from "./patch/negotiation.ts";
import { patchNistp521 } from "./patch/nistp521.ts";
import { patchPeerPublic } from "./patch/peer_public.ts";
import { sendPayload, sendPayloadNow } from "./patch/raw_packet.ts";
import type { RekeyLimits } from "./rekey_schedule.ts";
import { Rekeying } from "./rekeying.ts";
import {
  DISCONNECT_REASON,
  encodeDisconnect,
  MESSAGE,
} from "./ssh_messages.ts";
import type {
  Ssh2Client,
  Ssh2HostKey,
  Ssh2KexInit,
  Ssh2KeyExchange,
  Ssh2Library,
  Ssh2Negotiated,
  Ssh2Offer,
  Ssh2Protocol,
} from "./ssh2_types.ts";
import type { TcpSocket } from "./tcp_socket.ts";

/** Errors that begin so are written for both ends, as in Go. */
const TOLD_PREFIX = "ssh: ";

/** What this server offers every client, prepared once. */
export interface TransportOffer {
  readonly lists: Ssh2Offer;
  /** With the marker of strict key exchange, which only the first one bears. */
  readonly first: Ssh2KexInit;
  readonly later: Ssh2KexInit;
  /** By the names in `lists.serverHostKey`. */
  readonly hostKeys: Record<string, Ssh2HostKey>;
  readonly signatureAlgorithms: readonly string[];
}

/** What becomes of a connection's messages. */
export interface TransportListener {
  /** Keys are in use for the first time. */
  onKeys(negotiated: Ssh2Negotiated): void;
  /**
   * A message that is not of the key exchange.
   * @throws {ProtocolError} If it cannot be decoded: ends the connection.
   */
  onMessage(type: number, payload: Buffer): void;
  /** The connection cannot go on; called before it is closed. */
  onFailure(error: unknown): void;
  /** Nothing is sent or heard any more; called once. */
  onClose(): void;
}

/** One connection's transport, from the client's identification on. */
export class SshTransport {
  readonly socket: TcpSocket;
  readonly protocol: Ssh2Protocol;
  readonly #ssh2: Ssh2Library;
  readonly #listener: TransportListener;
  readonly #rekeying: Rekeying;
  #choice: KexChoice | undefined;
  #hasKeys = false;
  #isOver = false;

  /** Hooks into a connection that ssh2 has just announced. */
  constructor(
    { ssh2, client, socket }: {
      ssh2: Ssh2Library;
      client: Ssh2Client;
      socket: TcpSocket;
    },
    { offer, identLine, rekey }: {
      offer: TransportOffer;
      identLine: Buffer;
      rekey: RekeyLimits;
    },
    listener: TransportListener,
  ) {
    this.socket = socket;
    this.protocol = client._protocol;
    this.#ssh2 = ssh2;
    this.#listener = listener;
    this.#rekeying = new Rekeying(this, rekey);
    client.on("error", (error) => this.fail(error));
    restoreIdent(this.protocol, identLine);
    this.#applyOffer(offer);
    onKeyExchange(this.protocol, (exchange) => this.#adjust(exchange));
    patchExtInfo(ssh2, this.protocol, offer.signatureAlgorithms);
    this.#watchHandshakes(offer);
    // Last, so that it comes first: the other steps already send.
    patchCiphers(ssh2, this.protocol, this);
    this.#routePayloads(offer.lists);
  }

  /** Hash of the first key exchange: what user signatures cover. */
  get sessionId(): Uint8Array {
    const sessionId = this.protocol._kex?.sessionID;
    if (!sessionId) throw new TypeError("Cannot name a session without keys");
    return sessionId;
  }

  /** Number of the message being handled, for an UNIMPLEMENTED. */
  get messageNumber(): number {
    // ssh2 counts a message before it hands it over.
    return (this.protocol._decipher.inSeqno - 1) >>> 0;
  }

  get isOver(): boolean {
    return this.#isOver || this.socket.isClosed;
  }

  get isRekeying(): boolean {
    return this.#rekeying.isUnderway;
  }

  /**
   * Whether channel data may be sent now: ssh2 keeps what is sent during a key
   * exchange in memory, without a bound, and ignores a full socket.
   */
  get hasRoom(): boolean {
    return this.isOver || (this.socket.hasRoom && !this.isRekeying);
  }

  /** Waits until channel data may be sent, or until the end. */
  async untilRoom(): Promise<void> {
    while (!this.hasRoom) {
      if (!this.socket.hasRoom) await this.socket.untilRoom();
      else await this.#rekeying.untilDone();
    }
  }

  /** Sends a message; nothing happens once the connection is over. */
  send(payload: Uint8Array): void {
    if (!this.isOver) sendPayload(this.#ssh2, this.protocol, payload);
  }

  /** Says why, and closes when that is delivered. */
  disconnect(reason: number, text: string): void {
    if (!this.isOver && this.protocol._destruct !== undefined) {
      const payload = encodeDisconnect(reason, text);
      sendPayloadNow(this.#ssh2, this.protocol, payload);
    }
    this.close();
  }

  /** Ends the connection because of `error`. */
  fail(error: unknown, reason: number = DISCONNECT_REASON.protocolError): void {
    if (this.#isOver) return;
    this.#listener.onFailure(error);
    this.disconnect(reason, textForClient(error));
  }

  /** Closes when all that was sent is delivered. Idempotent. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#rekeying.stop();
    this.socket.end();
    this.#listener.onClose();
  }

  #adjust(exchange: Ssh2KeyExchange): void {
    const choice = this.#choice;
    if (!choice) throw new TypeError("Cannot exchange keys without a choice");
    exchange._remoteKexinit = choice.original;
    exchange.negotiated.kex = choice.name;
    patchHostCertificate(exchange, this.protocol._hostKeys);
    patchNistp521(exchange);
    patchPeerPublic(exchange);
    if (choice.name === MLKEM_EXCHANGE) {
      patchMlkem(exchange, {
        fail: (error) => this.fail(error, DISCONNECT_REASON.keyExchangeFailed),
        isOver: () => this.isOver,
      });
    }
  }

  #applyOffer(offer: TransportOffer): void {
    this.protocol._offer = offer.first;
    this.protocol._hostKeys = offer.hostKeys;
  }

  #watchHandshakes(offer: TransportOffer): void {
    const complete = this.protocol._onHandshakeComplete;
    this.protocol._onHandshakeComplete = (negotiated) => {
      complete(negotiated);
      this.#rekeying.noteKeys(negotiated);
      if (this.#hasKeys) return;
      this.#hasKeys = true;
      this.protocol._offer = offer.later;
      this.#listener.onKeys(negotiated);
    };
  }

  #routePayloads(lists: Ssh2Offer): void {
    const first = this.protocol._decipher._onPayload;
    this.protocol._decipher._onPayload = (payload) => {
      if (payload[0] !== MESSAGE.kexInit) return first(payload);
      const shown = this.#choose(lists, payload);
      return shown ? first(shown) : Infinity;
    };
    const later = this.protocol._onPayload;
    this.protocol._onPayload = (payload) => {
      if (payload[0] === MESSAGE.kexInit) {
        const shown = this.#choose(lists, payload);
        return shown ? later(shown) : Infinity;
      }
      this.#receive(payload);
      // Infinity stops ssh2's parser, which would go on with the next packet.
      return this.isOver ? Infinity : undefined;
    };
  }

  #receive(payload: Buffer): void {
    const [type] = payload;
    if (type === undefined || this.isOver) return;
    try {
      this.#listener.onMessage(type, payload);
      this.#rekeying.check();
    } catch (error) {
      this.fail(error);
    }
  }

  /** @returns What ssh2 is to read; `undefined` after a failure. */
  #choose(lists: Ssh2Offer, kexInit: Buffer): Buffer | undefined {
    try {
      if (this.#hasKeys) this.#rekeying.noteRequest();
      const mismatch = findMismatch(lists, kexInit);
      if (mismatch !== undefined) throw new Error(mismatch);
      this.#choice = chooseKex(lists, kexInit);
      return this.#choice.shown;
    } catch (error) {
      this.fail(error, DISCONNECT_REASON.keyExchangeFailed);
      return undefined;
    }
  }
}

/** Our own refusals are told; of anything else the client learns no detail. */
export function textForClient(error: unknown): string {
  const text = errorText(error);
  return text.startsWith(TOLD_PREFIX)
    ? text.slice(TOLD_PREFIX.length)
    : "protocol error";
}
