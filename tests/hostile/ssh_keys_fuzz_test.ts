/**
 * Fuzz target: the public keys that clients offer and files hold. Short keys
 * have crashed other servers (CVE-2020-9283). OpenSSH is the second opinion:
 * what it takes for a key is one to us, with the same fingerprint.
 */
import { assert, assertEquals } from "@std/assert";
import { ProtocolError } from "../../src/core/errors.ts";
import {
  fingerprintBlob,
  inspectKey,
  isKeyType,
} from "../../src/keys/public_key.ts";
import { parsePublicKey } from "../../src/ssh/public_key.ts";
import { SshReader } from "../../src/ssh/wire.ts";
import { defineFuzzTarget, refusal } from "../support/fuzz_target.ts";
import { encodeKey } from "../support/key_samples.ts";
import { fingerprintByOpenssh } from "../support/ssh_keygen.ts";

const BATCH_KEYS = 1_000;
const SIGNATURE_BYTES = [0, 1, 63, 64, 65, 256] as const;
/** RSA keys of these sizes are refused by one side alone; see RFC 8332. */
const RSA_BITS_MIN = 1_024;

const encoder = new TextEncoder();
const blobOf = (line: string) =>
  Uint8Array.fromBase64(line.split(" ")[1] ?? "");

/** A key pair's public part, made by the engine: a point that is on its curve. */
async function ecdsaBlob(curve: string, name: string): Promise<Uint8Array> {
  const { publicKey } = await crypto.subtle.generateKey(
    { name: "ECDSA", namedCurve: curve },
    true,
    ["sign", "verify"],
  );
  const point = await crypto.subtle.exportKey("raw", publicKey);
  return blobOf(
    encodeKey(
      `ecdsa-sha2-${name}`,
      encoder.encode(name),
      new Uint8Array(point),
    ),
  );
}

const modulus = new Uint8Array(257).fill(0xa5, 1);
const exponent = Uint8Array.of(1, 0, 1);

interface OfferedKey {
  readonly type: string;
  readonly blob: Uint8Array;
  readonly isTaken: boolean;
}

const waiting: OfferedKey[] = [];

/** Compares what is waiting with OpenSSH's answers. */
async function compare(): Promise<void> {
  const keys = waiting.splice(0);
  const answers = await fingerprintByOpenssh(keys);
  for (const [index, { type, blob, isTaken }] of keys.entries()) {
    const answer = answers[index];
    if (answer === undefined) continue;
    const shown = `${type} ${blob.toHex()}`;
    if (isCanonical(blob)) {
      assertEquals(await fingerprintBlob(blob), answer, shown);
    }
    const line = encoder.encode(`${type} ${blob.toBase64()}`);
    assertEquals(inspectKey(line, 0, line.length).form, "complete", shown);
    assert(isTaken || isLeftOut(type, blob), shown);
  }
}

/**
 * Whether OpenSSH, which takes the fingerprint of what it makes of a key, makes
 * the same of it: no number has zeros in front, no text has one in it. GitLab
 * knows no key by another blob.
 */
function isCanonical(blob: Uint8Array): boolean {
  const reader = new SshReader(blob);
  const type = reader.readText();
  if (type.startsWith("sk-")) {
    return !reader.readRest().subarray(36).includes(0);
  }
  if (!/^ssh-(?:rsa|dss)$/.test(type)) return true;
  while (reader.offsetBytes < blob.length) {
    const [first, second = 0] = reader.readString();
    if (first === 0 && second < 0x80) return false;
  }
  return true;
}

/** Keys that OpenSSH knows and gitlab-sshd has reasons not to. */
function isLeftOut(type: string, blob: Uint8Array): boolean {
  // Neither security keys nor certificates; DSA never logs in anyway.
  if (!/^(?:ssh-(?:rsa|ed25519)$|ecdsa-)/.test(type)) return true;
  if (type !== "ssh-rsa") return false;
  // Go refuses exponents that are even or longer than three bytes.
  const reader = new SshReader(blob);
  reader.readString();
  const e = BigInt(`0x0${reader.readString().toHex()}`);
  return e < 3n || e % 2n === 0n || e >= 1n << 24n;
}

defineFuzzTarget(import.meta.url, {
  seeds: [
    blobOf(encodeKey("ssh-ed25519", new Uint8Array(32).fill(7))),
    blobOf(encodeKey("ssh-rsa", exponent, modulus)),
    blobOf(encodeKey("ssh-rsa", exponent, modulus.slice(0, RSA_BITS_MIN / 8))),
    await ecdsaBlob("P-256", "nistp256"),
    await ecdsaBlob("P-384", "nistp384"),
    blobOf(
      encodeKey("ssh-dss", modulus, exponent, exponent, modulus),
    ),
    blobOf(
      encodeKey(
        "sk-ssh-ed25519@openssh.com",
        new Uint8Array(32),
        encoder.encode("ssh:"),
      ),
    ),
  ],
  words: ["ssh-rsa", "ssh-ed25519", "nistp256", "ecdsa-sha2-nistp521"].map(
    (word) => {
      const bytes = encoder.encode(word);
      return Uint8Array.of(0, 0, 0, bytes.length, ...bytes);
    },
  ),
  inputs: 8_000,
  outcomes: ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "refused: "],
  async run(input, random) {
    const [, type = ""] = /^\0\0\0.([a-z0-9@.-]+)/s.exec(
      new TextDecoder("latin1").decode(input),
    ) ?? [];
    let outcome: string;
    try {
      const key = parsePublicKey(input);
      // Nobody has signed anything: no signature may be good, nor throw.
      for (const format of [...key.algorithms, "x"]) {
        const body = random.bytes(random.pick(SIGNATURE_BYTES));
        const bytes = Uint8Array.of(
          0,
          0,
          body.length >> 8,
          body.length,
          ...body,
        );
        assertEquals(key.verify(input, { format, bytes }), false);
        assertEquals(key.verify(input, { format, bytes: body }), false);
      }
      outcome = key.type + (key.refusal ? `, refused: ${key.refusal}` : "");
    } catch (error) {
      outcome = refusal(error, ProtocolError);
    }
    if (isKeyType(type)) {
      const isTaken = !outcome.startsWith("refused: ");
      waiting.push({ type, blob: input, isTaken });
      if (waiting.length === BATCH_KEYS) await compare();
    }
    return outcome;
  },
  finish: compare,
});
