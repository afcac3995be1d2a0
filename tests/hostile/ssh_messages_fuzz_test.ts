/**
 * Fuzz target: the messages of an SSH client, decrypted, and its
 * identification. A message is decoded or refused; nothing else is thrown, and
 * no field is larger than the message it came in.
 */
import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import { ProtocolError } from "../../src/core/errors.ts";
import {
  ClientIdent,
  IDENT_BYTES_MAX,
} from "../../src/ssh/patch/client_ident.ts";
import {
  decodeChannelOpen,
  decodeChannelRequest,
  decodeDisconnect,
  decodePublicKeyRequest,
  decodeUserauthRequest,
  MESSAGE,
} from "../../src/ssh/ssh_messages.ts";
import { SshReader, SshWriter } from "../../src/ssh/wire.ts";
import {
  cutAtRandom,
  defineFuzzTarget,
  refusal,
} from "../support/fuzz_target.ts";

const blob = new SshWriter().string("ssh-ed25519").string(new Uint8Array(32))
  .bytes();

function publicKeyRequest(hasSignature: boolean): Uint8Array {
  const request = new SshWriter().byte(MESSAGE.userauthRequest).string("git")
    .string("ssh-connection").string("publickey").bool(hasSignature)
    .string("ssh-ed25519").string(blob);
  return hasSignature
    ? request.string(
      new SshWriter().string("ssh-ed25519").string(new Uint8Array(64)).bytes(),
    ).bytes()
    : request.bytes();
}

const DECODERS: readonly ((payload: Uint8Array) => object)[] = [
  decodeUserauthRequest,
  decodePublicKeyRequest,
  decodeChannelOpen,
  decodeDisconnect,
  (payload) => {
    const reader = new SshReader(payload, 1);
    reader.readUint32();
    return decodeChannelRequest(reader);
  },
];

/** Reads an identification; however it was cut, with the same result. */
function readIdent(chunks: readonly Uint8Array[]): string {
  const ident = new ClientIdent();
  let restBytes = 0;
  let line: string | undefined;
  try {
    for (const chunk of chunks) {
      if (line !== undefined) restBytes += chunk.length;
      else {
        const found = ident.push(Buffer.from(chunk));
        line = found?.line.toString("latin1");
        restBytes += found?.rest.length ?? 0;
      }
    }
  } catch (error) {
    return refusal(error, ProtocolError);
  }
  assert((line?.length ?? 0) <= IDENT_BYTES_MAX);
  return line === undefined ? "no ident" : `ident ${line} ${restBytes}`;
}

defineFuzzTarget(import.meta.url, {
  seeds: [
    publicKeyRequest(false),
    publicKeyRequest(true),
    new SshWriter().byte(MESSAGE.channelOpen).string("session").uint32(0)
      .uint32(2_097_152).uint32(32_768).bytes(),
    new SshWriter().byte(MESSAGE.channelRequest).uint32(0).string("exec")
      .bool(true).string("git-upload-pack 'a'").bytes(),
    new SshWriter().byte(MESSAGE.disconnect).uint32(11).string("bye").string("")
      .bytes(),
    "SSH-2.0-OpenSSH_9.2 Debian\r\n\0\0\0",
    "hello\r\nSSH-2.0-x\n",
    "x".repeat(300),
  ],
  words: ["\n", "\r\n", "SSH-2.0-", "\0\0\0\x04", "publickey"],
  inputs: 12_000,
  outcomes: ["no ident, decoded", "refused: ssh: overflow", "ident"],
  run(input, random) {
    let decoded = 0;
    for (const decode of DECODERS) {
      try {
        for (const value of Object.values(decode(input))) {
          if (value instanceof Uint8Array || typeof value === "string") {
            assert(value.length <= input.length);
          }
        }
        decoded++;
      } catch (error) {
        refusal(error, ProtocolError);
      }
    }
    const whole = readIdent([input]);
    assertEquals(readIdent(cutAtRandom(input, random)), whole);
    return whole.replace(/^ident .*/s, "ident") +
      (decoded > 0 ? ", decoded" : "");
  },
});
