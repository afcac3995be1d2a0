/**
 * Sends any payload through ssh2's framing and encryption.
 * Rows F20 and F30: ssh2 has no text for DISCONNECT and no language for a
 * refused channel, and rows F14, F21, F23, F26, F41 need messages that it
 * cannot write at all.
 * Source: ssh2 1.17.0, lib/protocol/Protocol.js, every method that sends.
 * @module
 */
import type { Ssh2Library, Ssh2Protocol } from "../ssh2_types.ts";

/** Sends `payload`; while keys are exchanged ssh2 keeps it for later. */
export function sendPayload(
  ssh2: Ssh2Library,
  protocol: Ssh2Protocol,
  payload: Uint8Array,
): void {
  const { write } = protocol._packetRW;
  const at = write.allocStart;
  const packet = write.alloc(payload.length);
  packet.set(payload, at);
  ssh2.sendPacket(protocol, write.finalize(packet));
}

/** Sends `payload` at once, even in the middle of a key exchange. */
export function sendPayloadNow(
  ssh2: Ssh2Library,
  protocol: Ssh2Protocol,
  payload: Uint8Array,
): void {
  const { write } = protocol._packetRW;
  const at = write.allocStartKEX;
  const packet = write.alloc(payload.length, true);
  packet.set(payload, at);
  ssh2.sendPacket(protocol, write.finalize(packet, true), true);
}
