/**
 * Gives back what ciphers hold.
 * Not in sshd.md's table: on Deno 2.9.6 a cipher of `node:crypto` occupies a
 * resource of about 4 KiB until `final()` is called, whatever becomes of the
 * object. ssh2 never calls it for the ciphers that last as long as their keys,
 * so each key exchange would leave two behind, and with chacha20 each packet
 * leaves three (see `chacha20.ts`).
 * Source: ssh2 1.17.0, lib/protocol/crypto.js, GenericCipherNative,
 * GenericDecipherNative and AESGCMDecipherNative.
 * @module
 */
import { type LaterOutput, patchAesGcm } from "./aes_gcm.ts";
import { type GatedInput, patchAesGcmDecipher } from "./aes_gcm_decipher.ts";
import { patchChacha20 } from "./chacha20.ts";
import type { Ssh2Cipher, Ssh2Library, Ssh2Protocol } from "../ssh2_types.ts";

/** A connection on which bytes are encrypted and decrypted elsewhere. */
export interface CipherSurroundings {
  readonly socket: LaterOutput & GatedInput;
  /** Ends the connection. */
  fail(error: unknown): void;
}

/**
 * Adjusts the ciphers of new keys, before anything is sent with them.
 * @param around Without it everything is done at once.
 */
export function patchCiphers(
  ssh2: Ssh2Library,
  protocol: Ssh2Protocol,
  around?: CipherSurroundings,
): void {
  const complete = protocol._onHandshakeComplete;
  protocol._onHandshakeComplete = (negotiated) => {
    patchChacha20(ssh2.poly1305, protocol);
    patchAesGcm(protocol, around?.socket);
    if (around) {
      around.socket.gate = undefined;
      patchAesGcmDecipher(
        protocol,
        around.socket,
        (error) => around.fail(error),
      );
    }
    releaseWhenFreed(protocol._cipher);
    releaseWhenFreed(protocol._decipher);
    complete(negotiated);
  };
}

function releaseWhenFreed(cipher: Ssh2Cipher): void {
  const free = cipher.free.bind(cipher);
  cipher.free = () => {
    free();
    try {
      (cipher._cipherInstance ?? cipher._decipherInstance)?.final();
    } catch {
      // In the middle of a packet, or released already: it is gone either way.
    }
  };
}
