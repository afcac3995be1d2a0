/**
 * Fuzz target: certificates and security keys that clients offer. One is read
 * or refused; and one that is not to the last byte what an authority has
 * signed is never good, whatever else is right about it.
 */
import { assert, assertEquals } from "@std/assert";
import { ProtocolError } from "../../src/core/errors.ts";
import { parseCertificate, parseUserKey } from "../../src/ssh/certificate.ts";
import { findCertificateFault } from "../../src/ssh/certificate_check.ts";
import {
  makeCertificate,
  makeEd25519,
  makeSkEcdsa,
  makeSkEd25519,
  packString,
} from "../support/certificate_maker.ts";
import { defineFuzzTarget, refusal } from "../support/fuzz_target.ts";

const NOW_MS = 1_767_225_600_000;
const AUTHORITY = makeEd25519();
const SUBJECTS = [makeEd25519(), makeSkEd25519(), makeSkEcdsa()] as const;
const CERTIFICATES = SUBJECTS.map((subject) =>
  makeCertificate(subject, AUTHORITY, {
    serial: 7n,
    keyId: "mira",
    principals: ["git"],
    validAfter: 0n,
    validBefore: 2n ** 64n - 1n,
    criticalOptions: [["source-address", "10.0.0.0/8"]],
    extensions: [["permit-pty", ""]],
  })
);
const KNOWN = new Set(CERTIFICATES.map((blob) => blob.toHex()));

defineFuzzTarget(import.meta.url, {
  seeds: [...CERTIFICATES, ...SUBJECTS.map(({ blob }) => blob)],
  words: [
    packString("ssh-ed25519-cert-v01@openssh.com"),
    packString("ssh-rsa"),
    packString("source-address"),
    packString("force-command"),
    packString("git"),
    Uint8Array.of(0, 0, 0, 0),
    Uint8Array.of(0, 0, 0, 2),
  ],
  inputs: 4_000,
  outcomes: ["good", "bad: ", "a plain key", "refused: "],
  run(input) {
    try {
      const key = parseUserKey(input);
      assert(key.algorithms.length > 0);
    } catch (error) {
      return refusal(error, ProtocolError);
    }
    let fault: string | undefined;
    let authorityBlob: Uint8Array;
    try {
      const certificate = parseCertificate(input);
      ({ authorityBlob } = certificate);
      fault = findCertificateFault(certificate, "git", NOW_MS);
    } catch (error) {
      refusal(error, ProtocolError);
      return "a plain key";
    }
    if (fault !== undefined) return `bad: ${fault.slice(0, 24)}`;
    // Whoever changes the authority as well has made one of his own.
    if (authorityBlob.toHex() !== AUTHORITY.blob.toHex()) return "another's";
    assertEquals(KNOWN.has(input.toHex()), true, "a forgery is good");
    return "good";
  },
});
