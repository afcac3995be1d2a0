import { assert, assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { generateKeyPairSync, sign } from "node:crypto";
import { ProtocolError } from "../../../src/core/errors.ts";
import { parsePublicKey } from "../../../src/ssh/public_key.ts";
import { SshWriter } from "../../../src/ssh/wire.ts";

const DATA = Buffer.from("session id and request");
const bytes = (sizeBytes: number, fill = 1) =>
  new Uint8Array(sizeBytes).fill(fill);

function rsaBlob(
  exponent: Uint8Array,
  modulus: Uint8Array,
): Uint8Array {
  return new SshWriter().string("ssh-rsa").mpint(exponent).mpint(modulus)
    .bytes();
}

const MALFORMED: [string, Uint8Array][] = [
  ["nothing", new Uint8Array()],
  ["an unknown type", new SshWriter().string("constructor").bytes()],
  [
    "an Ed25519 key of 31 bytes",
    new SshWriter().string("ssh-ed25519").string(bytes(31)).bytes(),
  ],
  [
    "an Ed25519 key of 33 bytes",
    new SshWriter().string("ssh-ed25519").string(bytes(33)).bytes(),
  ],
  [
    "an Ed25519 key and one byte more",
    new SshWriter().string("ssh-ed25519").string(bytes(32)).byte(0).bytes(),
  ],
  ["an even RSA exponent", rsaBlob(Uint8Array.of(4), bytes(256))],
  ["an RSA exponent of 1", rsaBlob(Uint8Array.of(1), bytes(256))],
  [
    "an RSA exponent above 24 bits",
    rsaBlob(Uint8Array.of(1, 0, 0, 1), bytes(256)),
  ],
  ["an RSA modulus of zero", rsaBlob(Uint8Array.of(3), bytes(4, 0))],
  [
    "a negative RSA modulus",
    new SshWriter().string("ssh-rsa").mpint(Uint8Array.of(3))
      .string(bytes(256, 0xff)).bytes(),
  ],
  [
    "a compressed point",
    new SshWriter().string("ecdsa-sha2-nistp256").string("nistp256")
      .string(bytes(33, 2)).bytes(),
  ],
  [
    "an unknown curve",
    new SshWriter().string("ecdsa-sha2-nistp256").string("nistp224")
      .string(bytes(65, 4)).bytes(),
  ],
];
for (const [what, blob] of MALFORMED) {
  Deno.test(`parsePublicKey() refuses ${what}`, () => {
    assertThrows(() => parsePublicKey(blob), ProtocolError);
  });
}

Deno.test("parsePublicKey() names the curve of the point, not the one claimed", () => {
  const blob = new SshWriter().string("ecdsa-sha2-nistp256").string("nistp384")
    .string(bytes(97, 4)).bytes();
  assertEquals(parsePublicKey(blob).type, "ecdsa-sha2-nistp384");
});

Deno.test("an RSA key above 8192 bits is refused without ending the connection", () => {
  const at = parsePublicKey(rsaBlob(Uint8Array.of(3), bytes(1024, 0xff)));
  assertEquals(at.refusal, undefined);
  const above = parsePublicKey(
    rsaBlob(Uint8Array.of(3), Uint8Array.of(1, ...bytes(1024))),
  );
  assertEquals(above.refusal, "ssh: rsa modulus too large");
});

Deno.test("a DSA key is named and never used", () => {
  const blob = new SshWriter().string("ssh-dss").mpint(bytes(128))
    .mpint(bytes(20)).mpint(bytes(128)).mpint(bytes(128)).bytes();
  const key = parsePublicKey(blob);
  assertEquals(key.refusal, "DSA is prohibited");
  assertEquals(key.type, "ssh-dss");
  assert(!key.verify(DATA, { format: "ssh-dss", bytes: bytes(44) }));
});

/** An RSA key of ours, and signatures with it. */
function makeRsa(modulusLength: number) {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength,
  });
  const { n = "", e = "" } = publicKey.export({ format: "jwk" });
  const key = parsePublicKey(
    rsaBlob(Buffer.from(e, "base64url"), Buffer.from(n, "base64url")),
  );
  const signData = (data: Uint8Array) => sign("sha256", data, privateKey);
  return { key, signData };
}

Deno.test("an RSA signature without its leading zeros is good", () => {
  const { key, signData } = makeRsa(1024);
  // One signature in 256 begins with a zero.
  for (let round = 0;; round++) {
    const data = Buffer.from(`message ${round}`);
    const signature = signData(data);
    if (signature[0] !== 0) continue;
    const short = new SshWriter().string(signature.subarray(1)).bytes();
    assert(key.verify(data, { format: "rsa-sha2-256", bytes: short }));
    break;
  }
});

Deno.test("an RSA signature is bad if it is too long, or under another name", () => {
  const { key, signData } = makeRsa(1024);
  const signature = signData(DATA);
  const good = new SshWriter().string(signature).bytes();
  assert(key.verify(DATA, { format: "rsa-sha2-256", bytes: good }));
  assert(!key.verify(DATA, { format: "rsa-sha2-512", bytes: good }));
  assert(!key.verify(DATA, { format: "ssh-rsa", bytes: good }));
  assert(!key.verify(DATA, { format: "ssh-ed25519", bytes: good }));
  const long = new SshWriter().string(Buffer.concat([bytes(1, 0), signature]))
    .bytes();
  assert(!key.verify(DATA, { format: "rsa-sha2-256", bytes: long }));
  const trailing = Buffer.concat([good, bytes(1)]);
  assert(!key.verify(DATA, { format: "rsa-sha2-256", bytes: trailing }));
});

Deno.test("a point that is not on its curve verifies nothing", () => {
  const blob = new SshWriter().string("ecdsa-sha2-nistp256").string("nistp256")
    .string(Uint8Array.of(4, ...bytes(64))).bytes();
  const key = parsePublicKey(blob);
  const pair = new SshWriter().mpint(bytes(32)).mpint(bytes(32)).bytes();
  const signature = new SshWriter().string(pair).bytes();
  assert(!key.verify(DATA, { format: key.type, bytes: signature }));
});

Deno.test("malformed ECDSA and Ed25519 signatures are bad, not errors", () => {
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { x = "", y = "" } = ec.publicKey.export({ format: "jwk" });
  const point = Buffer.concat([
    Buffer.of(4),
    Buffer.from(x, "base64url"),
    Buffer.from(y, "base64url"),
  ]);
  const ecdsa = parsePublicKey(
    new SshWriter().string("ecdsa-sha2-nistp256").string("nistp256")
      .string(point).bytes(),
  );
  const ed = parsePublicKey(
    new SshWriter().string("ssh-ed25519").string(bytes(32)).bytes(),
  );
  for (let size = 0; size < 100; size += 3) {
    const random = crypto.getRandomValues(new Uint8Array(size));
    const wrapped = new SshWriter().string(random).bytes();
    for (const key of [ecdsa, ed]) {
      assert(!key.verify(DATA, { format: key.type, bytes: random }));
      assert(!key.verify(DATA, { format: key.type, bytes: wrapped }));
    }
  }
});
