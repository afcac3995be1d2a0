/**
 * The two messages that a pack consists of, thousands of times: `stdin` one
 * way, `stdout` and `stderr` the other. Same bytes as the codec by tables,
 * without its lookups and copies.
 * Source: Gitaly 18.9, ssh.proto; the fields of all three services agree.
 * @module
 */
import {
  SSH_RECEIVE_PACK_RESPONSE,
  type SshReceivePackResponse,
} from "../gen/ssh.ts";
import { decodeMessage } from "./codec.ts";
import { WIRE_BYTES, WireReader } from "./wire.ts";

const STDIN_TAG = 2 * 8 + WIRE_BYTES;
const STDOUT_TAG = 1 * 8 + WIRE_BYTES;
const STDERR_TAG = 2 * 8 + WIRE_BYTES;
const TAG_AND_LENGTH_BYTES_MAX = 6;
const NO_BYTES = new Uint8Array(0);

/** A response of any of the three; `stdout` and `stderr` are views of the message. */
export type PackOutput = SshReceivePackResponse;

/** Makes `stdin` messages, each in the same buffer. */
export class StdinEncoder {
  #buffer = new Uint8Array(0);

  /**
   * Encodes a request that has `stdin` alone.
   * @param stdin The caller's again on return.
   * @returns The message; valid until the next call.
   */
  encode(stdin: Uint8Array): Uint8Array {
    if (stdin.length === 0) return NO_BYTES;
    const room = stdin.length + TAG_AND_LENGTH_BYTES_MAX;
    if (this.#buffer.length < room) this.#buffer = new Uint8Array(room);
    const buffer = this.#buffer;
    buffer[0] = STDIN_TAG;
    let at = 1;
    let rest = stdin.length;
    for (; rest > 0x7f; rest >>>= 7) buffer[at++] = (rest & 0x7f) | 0x80;
    buffer[at++] = rest;
    buffer.set(stdin, at);
    return buffer.subarray(0, at + stdin.length);
  }
}

/**
 * Decodes a response of SSHUploadPack, SSHReceivePack or SSHUploadArchive.
 * @param bytes The whole message; the result has views of it.
 * @throws {ProtocolError} If the bytes are no such message.
 */
export function decodePackOutput(bytes: Uint8Array): PackOutput {
  const tag = bytes[0];
  if (tag === STDOUT_TAG || tag === STDERR_TAG) {
    const reader = new WireReader(bytes, 1);
    const start = reader.readLength();
    // The usual message has one field, which ends where the message ends.
    if (reader.isAtEnd) {
      const output = bytes.subarray(start);
      return tag === STDOUT_TAG
        ? { stdout: output, stderr: NO_BYTES, exitStatus: undefined }
        : { stdout: NO_BYTES, stderr: output, exitStatus: undefined };
    }
  }
  return decodeMessage(SSH_RECEIVE_PACK_RESPONSE, bytes);
}
