/**
 * Incoming AES-GCM on another thread, for the reason in `aes_gcm.ts`.
 * ssh2's parser is told that all is taken; packets are handed on in their
 * order, and nothing more is read until they are. New keys never meet packets
 * that wait: a client sends NEWKEYS after our answer to the message before.
 * Source: RFC 5647; ssh2 1.17.0, lib/protocol/crypto.js, AESGCMDecipherNative.
 * @module
 */
import { Buffer } from "node:buffer";
import { createDecipheriv } from "node:crypto";
import type { Ssh2GcmDecipher, Ssh2Protocol } from "../ssh2_types.ts";
import {
  countPacket,
  isPlainMemory,
  REMOTE_BYTES_MIN,
  RemoteKey,
} from "./aes_gcm.ts";
import { FrameReader, payloadOf } from "./frame_reader.ts";

const SHAPE = { blockBytes: 16, tagBytes: 16 };

/** Where packets come from that are decrypted later. */
export interface GatedInput {
  /** Nothing more is read while what it returns is not settled. */
  gate: (() => Promise<void> | undefined) | undefined;
}

/** One packet as it came. */
interface SealedPacket {
  readonly iv: Buffer;
  readonly length: Buffer;
  /** Its tag included. */
  readonly body: Buffer;
}

/**
 * Replaces the work of an incoming cipher of this kind.
 * @param input The connection's.
 * @param onFailure Told of packets that are forged, and of failures to handle
 * them: nobody else is there to catch these.
 */
export function patchAesGcmDecipher(
  protocol: Ssh2Protocol,
  input: GatedInput,
  onFailure: (error: unknown) => void,
): void {
  const { _decipher: decipher } = protocol;
  if (!isGcmDecipher(decipher)) return;
  const frames = new FrameReader(SHAPE);
  const lane = new Lane(decipher, onFailure);
  input.gate = () => lane.untilIdle();
  decipher.decrypt = (data, from, end) => {
    let at = from;
    while (at < end) {
      at = frames.take(data, at, end);
      if (!frames.isWhole) return undefined;
      if (frames.needsLength) {
        frames.expectBody(frames.bytes.readUInt32BE());
        continue;
      }
      const { encryptedLength: length, bytes: body } = frames;
      frames.expectLength();
      const iv = Buffer.from(decipher._decipherIV);
      countPacket(decipher._decipherIV);
      // New keys may come with the next packet, and must find nothing waiting.
      const isExchanging = protocol._kexinit !== undefined;
      const isLarge = body.length >= REMOTE_BYTES_MIN;
      const result = lane.take({ iv, length, body }, isLarge && !isExchanging);
      if (result !== undefined) return result === false ? at : result;
    }
    return undefined;
  };
}

/** Packets on their way through decryption, in order. */
class Lane {
  readonly #decipher: Ssh2GcmDecipher;
  readonly #onFailure: (error: unknown) => void;
  readonly #remote: RemoteKey;
  readonly #waiting: (() => Buffer | Promise<Buffer>)[] = [];
  #running: Promise<void> | undefined;

  constructor(
    decipher: Ssh2GcmDecipher,
    onFailure: (error: unknown) => void,
  ) {
    this.#decipher = decipher;
    this.#onFailure = onFailure;
    this.#remote = new RemoteKey(decipher._decipherKey, "decrypt");
  }

  /** @returns `undefined` if there is nothing to wait for. */
  untilIdle(): Promise<void> | undefined {
    return this.#running;
  }

  /**
   * @param mayWait Whether it may be decrypted elsewhere.
   * @returns As a payload handler does.
   * @throws {Error} If the packet is forged and nothing stands before it.
   */
  take(packet: SealedPacket, mayWait: boolean): number | false | undefined {
    const key = mayWait ? this.#remote.take() : undefined;
    if (key) {
      const opening = openRemotely(key, packet);
      // It is waited for in its turn; until then nobody may miss it.
      opening.catch(() => {});
      this.#waiting.push(() => opening);
    } else if (this.#running) {
      this.#waiting.push(() => openHere(this.#decipher, packet));
    } else {
      return this.#handOn(openHere(this.#decipher, packet));
    }
    this.#running ??= this.#run();
    return undefined;
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        const open = this.#waiting[0];
        if (!open) break;
        const packet = await open();
        this.#waiting.shift();
        const result = this.#handOn(packet);
        if (result === false) throw new Error("Keys change too early");
        if (result !== undefined) this.#waiting.length = 0;
      }
    } catch (error) {
      this.#waiting.length = 0;
      this.#onFailure(error);
    } finally {
      this.#running = undefined;
    }
  }

  #handOn(packet: Buffer): number | false | undefined {
    const decipher = this.#decipher;
    decipher.inSeqno = (decipher.inSeqno + 1) >>> 0;
    return decipher._onPayload(payloadOf(packet));
  }
}

async function openRemotely(
  key: CryptoKey,
  { iv, length, body }: SealedPacket,
): Promise<Buffer> {
  try {
    const opened = await crypto.subtle.decrypt(
      {
        name: "AES-GCM",
        iv: new Uint8Array(iv),
        additionalData: new Uint8Array(length),
        tagLength: SHAPE.tagBytes * 8,
      },
      key,
      isPlainMemory(body) ? body : new Uint8Array(body),
    );
    return Buffer.from(opened);
  } catch (cause) {
    throw new Error("Invalid MAC", { cause });
  }
}

/** @throws {Error} If the packet is forged. */
function openHere(
  { _decipherSSLName, _decipherKey }: Ssh2GcmDecipher,
  { iv, length, body }: SealedPacket,
): Buffer {
  const instance = createDecipheriv(_decipherSSLName, _decipherKey, iv);
  instance.setAAD(length);
  instance.setAuthTag(body.subarray(-SHAPE.tagBytes));
  const opened = instance.update(body.subarray(0, -SHAPE.tagBytes));
  try {
    instance.final();
  } catch (cause) {
    throw new Error("Invalid MAC", { cause });
  }
  return opened;
}

function isGcmDecipher(decipher: object): decipher is Ssh2GcmDecipher {
  return "_decipherSSLName" in decipher && "_decipherIV" in decipher;
}
