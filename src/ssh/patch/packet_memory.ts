/**
 * Memory for the packet that is being written.
 * Not in sshd.md's table: ssh2 takes new memory for every packet, which Deno
 * clears first and which is garbage as soon as the packet is encrypted; it was
 * an eighth of the time of a clone. A packet is written and encrypted without
 * anything between, so one piece of memory serves all connections. It must not
 * be used for ciphers that hand out views of it.
 * Source: RFC 4253, section 6; ssh2 1.17.0, lib/protocol/crypto.js,
 * allocPacket.
 * @module
 */
import { Buffer } from "node:buffer";
import { randomFillSync } from "node:crypto";

const LENGTH_BYTES = 4;
const PADDING_LENGTH_BYTES = 1;
const PADDING_BYTES_MIN = 4;
/** Data of a channel in the largest packet that any client of note takes. */
const SHARED_BYTES = 36_000;
const shared = Buffer.alloc(SHARED_BYTES);

/**
 * Frames a payload: length, length of the padding, room, random padding.
 * @param payloadBytes The payload belongs at the sixth byte.
 * @param blockBytes What all but the length field is a multiple of.
 * @returns Valid until the next call.
 */
export function allocatePacket(
  payloadBytes: number,
  blockBytes: number,
): Buffer {
  const bareBytes = PADDING_LENGTH_BYTES + payloadBytes;
  let paddingBytes = blockBytes - bareBytes % blockBytes;
  if (paddingBytes < PADDING_BYTES_MIN) paddingBytes += blockBytes;
  const sizeBytes = LENGTH_BYTES + bareBytes + paddingBytes;
  const packet = sizeBytes <= SHARED_BYTES
    ? shared.subarray(0, sizeBytes)
    : Buffer.alloc(sizeBytes);
  packet.writeUInt32BE(bareBytes + paddingBytes, 0);
  packet[LENGTH_BYTES] = paddingBytes;
  randomFillSync(packet, LENGTH_BYTES + bareBytes, paddingBytes);
  return packet;
}
