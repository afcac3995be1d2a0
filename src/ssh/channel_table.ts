/**
 * The channels of one connection: who may open one, and which message is for
 * which.
 * Rows F30, F31, F35, F36 and section 11.3: ssh2 refuses channels without
 * words, counts none, and throws on numbers that it does not know.
 * Source: RFC 4254, section 5; GitLab Shell 14.56.1, sshd connection.
 * @module
 */
import type { Buffer } from "node:buffer";
import { ProtocolError } from "../core/errors.ts";
import { SshChannel } from "./channel.ts";
import { Session, type SessionServices } from "./session.ts";
import { shorten } from "./shown_text.ts";
import {
  type ChannelOpen,
  decodeChannelOpen,
  decodeChannelRequest,
  encodeOpenFailure,
  MESSAGE,
  OPEN_FAILURE,
} from "./ssh_messages.ts";
import type { SshTransport } from "./transport.ts";
import { SshReader } from "./wire.ts";

/** Smallest and largest packet size that a client may ask for. */
const PACKET_SIZE_MIN = 9;
const PACKET_SIZE_MAX = 2 ** 31;
/** Channels that we closed and the client has not; each answers in no time. */
const HALF_CLOSED_MAX = 128;
/** Channels refused in a row before we stop listening. */
const REFUSED_MAX = 256;

/** Channels by the numbers that we gave them. */
export class ChannelTable {
  readonly #transport: SshTransport;
  readonly #services: SessionServices;
  readonly #sessionsMax: number;
  readonly #onSession: (session: Session) => void;
  readonly #onLimit: (() => void) | undefined;
  readonly #sessions = new Map<number, Session>();
  #nextId = 0;
  #liveCount = 0;
  #refusedInRow = 0;

  /**
   * @param sessionsMax Sessions that may be open at one time; none if 0.
   * @param onSession Called with each session when it is opened.
   * @param onLimit Called when one is refused because there are too many.
   */
  constructor(
    transport: SshTransport,
    services: SessionServices,
    { sessionsMax, onSession, onLimit }: {
      sessionsMax: number;
      onSession: (session: Session) => void;
      onLimit?: () => void;
    },
  ) {
    this.#transport = transport;
    this.#services = services;
    this.#sessionsMax = sessionsMax;
    this.#onSession = onSession;
    this.#onLimit = onLimit;
  }

  /**
   * Takes a message about channels.
   * @returns Whether it is one.
   * @throws {Error} If the connection cannot go on after it.
   */
  receive(type: number, payload: Buffer): boolean {
    if (type === MESSAGE.channelOpen) {
      this.#open(decodeChannelOpen(payload));
      return true;
    }
    const isForChannel = type >= MESSAGE.channelWindowAdjust &&
      type <= MESSAGE.channelFailure;
    if (!isForChannel) return false;
    const reader = new SshReader(payload, 1);
    const localId = reader.readUint32();
    const session = this.#sessions.get(localId);
    if (!session) throw new Error(`ssh: invalid channel ${localId}`);
    this.#dispatch(type, session, reader);
    return true;
  }

  /** The connection is lost: every command is told. */
  loseClient(): void {
    for (const session of this.#sessions.values()) {
      session.channel.loseClient();
      session.loseClient();
    }
    this.#sessions.clear();
  }

  #open(open: ChannelOpen): void {
    const { log } = this.#services.around;
    log.info("connection: handle: new channel requested", {
      channel_type: shorten(open.type),
    });
    if (open.type !== "session") {
      log.info("connection: handleRequests: unknown channel type");
      const { unknownChannelType } = OPEN_FAILURE;
      this.#refuse(open, unknownChannelType, "unknown channel type");
    } else if (this.#liveCount >= this.#sessionsMax) {
      this.#onLimit?.();
      log.info("connection: handleRequests: too many concurrent sessions", {
        setting: "sshd.concurrent_sessions_limit",
      });
      const { resourceShortage } = OPEN_FAILURE;
      this.#refuse(open, resourceShortage, "too many concurrent sessions");
    } else if (!isPacketSize(open.packetBytesMax)) {
      // ssh2 would cut output into pieces of this size, and of 0 without end.
      this.#refuse(open, OPEN_FAILURE.connectFailed, "invalid request");
    } else {
      this.#accept(open);
    }
  }

  #accept(open: ChannelOpen): void {
    this.#refusedInRow = 0;
    if (this.#sessions.size - this.#liveCount >= HALF_CLOSED_MAX) {
      throw new Error("ssh: too many channels left open");
    }
    const localId = this.#nextId++;
    const { stalledMs } = this.#services.limits;
    const channel = new SshChannel(this.#transport, localId, {
      open,
      stalledMs,
    });
    const session = new Session(channel, this.#services);
    this.#sessions.set(localId, session);
    this.#liveCount++;
    session.ended.then(() => this.#liveCount--);
    this.#onSession(session);
  }

  #refuse(open: ChannelOpen, reason: number, text: string): void {
    this.#refusedInRow++;
    if (this.#refusedInRow > REFUSED_MAX) {
      throw new Error("ssh: too many refused channels");
    }
    this.#transport.send(encodeOpenFailure(open.senderId, reason, text));
  }

  #dispatch(type: number, session: Session, reader: SshReader): void {
    const { channel } = session;
    switch (type) {
      case MESSAGE.channelData: {
        const bytes = reader.readString();
        // What trails the data would be kept in memory and not be counted.
        reader.expectEnd();
        return channel.receiveData(bytes);
      }
      case MESSAGE.channelExtendedData: {
        reader.readUint32();
        return channel.receiveExtendedData(reader.readString());
      }
      case MESSAGE.channelWindowAdjust:
        return channel.receiveWindowAdjust(reader.readUint32());
      case MESSAGE.channelEof:
        return channel.receiveEof();
      case MESSAGE.channelClose:
        this.#sessions.delete(channel.localId);
        channel.receiveClose();
        return session.loseClient();
      case MESSAGE.channelRequest:
        return session.receiveRequest(decodeChannelRequest(reader));
      case MESSAGE.channelSuccess:
      case MESSAGE.channelFailure:
        // Replies: nothing is ever requested of a client's channel.
        return;
      default:
        throw new ProtocolError(`ssh: unexpected message ${type}`, 0);
    }
  }
}

function isPacketSize(sizeBytes: number): boolean {
  return sizeBytes >= PACKET_SIZE_MIN && sizeBytes <= PACKET_SIZE_MAX;
}
