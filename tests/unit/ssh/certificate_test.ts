import { assert, assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../../src/core/errors.ts";
import {
  certificateAlgorithms,
  parseCertificate,
  parseUserKey,
} from "../../../src/ssh/certificate.ts";
import { findCertificateFault } from "../../../src/ssh/certificate_check.ts";
import { parsePublicKey } from "../../../src/ssh/public_key.ts";
import {
  type CertificateFields,
  makeCertificate,
  makeEd25519,
  makeSkEcdsa,
  makeSkEd25519,
  packString,
} from "../../support/certificate_maker.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { keygen } from "./ssh_fixture.ts";

const SUBJECT = makeEd25519();
const AUTHORITY = makeEd25519();
const FULL: CertificateFields = {
  serial: 2n ** 63n + 5n,
  keyId: "mira",
  principals: ["git", "other"],
  validAfter: 10n,
  validBefore: 20n,
  criticalOptions: [["source-address", "10.0.0.0/8"]],
  extensions: [["permit-pty", ""], ["permit-user-rc", ""]],
};

Deno.test("parseCertificate() reads every field", () => {
  const blob = makeCertificate(SUBJECT, AUTHORITY, FULL);
  const certificate = parseCertificate(blob);
  assertEquals(certificate.serial, 2n ** 63n + 5n);
  assertEquals(certificate.kind, 1);
  assertEquals(certificate.keyId, "mira");
  assertEquals(certificate.principals, ["git", "other"]);
  assertEquals([certificate.validAfter, certificate.validBefore], [10n, 20n]);
  assertEquals([...certificate.criticalOptions], [
    ["source-address", "10.0.0.0/8"],
  ]);
  assertEquals([...certificate.extensions.keys()], [
    "permit-pty",
    "permit-user-rc",
  ]);
  assertEquals(certificate.subjectBlob, SUBJECT.blob);
  assertEquals(certificate.authorityBlob, AUTHORITY.blob);
  assert(
    certificate.authority.verify(
      certificate.signedBytes,
      certificate.signature,
    ),
  );
});

const WRITTEN: [string, string[], string[]][] = [
  ["ssh-ed25519", ["-t", "ed25519"], ["ssh-ed25519-cert-v01@openssh.com"]],
  ["ssh-rsa", ["-t", "rsa", "-b", "2048"], [
    "rsa-sha2-256-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
    "ssh-rsa-cert-v01@openssh.com",
  ]],
  ["ecdsa-sha2-nistp256", ["-t", "ecdsa", "-b", "256"], [
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
  ]],
  ["ecdsa-sha2-nistp384", ["-t", "ecdsa", "-b", "384"], [
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
  ]],
  ["ecdsa-sha2-nistp521", ["-t", "ecdsa", "-b", "521"], [
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
  ]],
];
for (const [type, args, algorithms] of WRITTEN) {
  Deno.test(`parseUserKey() reads what ssh-keygen -s writes for ${type}`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      await keygen(`${folder}/ca`, args);
      await keygen(`${folder}/key`, args);
      const { success } = await new Deno.Command("ssh-keygen", {
        args: ["-q", "-s", `${folder}/ca`, "-I", "mira", "-n", "git"]
          .concat(["-V", "+1h", `${folder}/key.pub`]),
      }).output();
      assert(success);
      const line = await Deno.readTextFile(`${folder}/key-cert.pub`);
      const key = parseUserKey(
        Uint8Array.fromBase64(line.split(" ")[1] ?? ""),
      );
      assertEquals(key.type, `${type}-cert-v01@openssh.com`);
      assertEquals([...key.algorithms].sort(), algorithms);
      if (!key.certificate) throw new Error("No certificate");
      assertEquals(key.certificate.keyId, "mira");
      assertEquals(
        findCertificateFault(key.certificate, "git", Date.now()),
        undefined,
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("parseUserKey() reads certificates of security keys", () => {
  for (const subject of [makeSkEd25519(), makeSkEcdsa()]) {
    const key = parseUserKey(makeCertificate(subject, AUTHORITY));
    assertEquals(key.algorithms, [key.type]);
    assertEquals(key.formats, [subject.type]);
    assertEquals(key.certificate?.subjectBlob, subject.blob);
  }
});

Deno.test("parseUserKey() leaves plain keys as they are", () => {
  const key = parseUserKey(SUBJECT.blob);
  assertEquals([key.type, key.certificate], ["ssh-ed25519", undefined]);
});

Deno.test("certificateAlgorithms() names those of each plain one, in its order", () => {
  assertEquals(certificateAlgorithms(["rsa-sha2-512", "ssh-ed25519"]), [
    "rsa-sha2-512-cert-v01@openssh.com",
    "ssh-ed25519-cert-v01@openssh.com",
  ]);
});

const REFUSED: [string, CertificateFields][] = [
  ["bytes behind the signature", { trailing: Uint8Array.of(0) }],
  ["options that are not in order", {
    criticalOptions: [["b", ""], ["a", ""]],
  }],
  ["an option that comes twice", { extensions: [["a", ""], ["a", ""]] }],
  ["an option whose value has more behind it", {
    criticalOptions: [["a", new Uint8Array([0, 0, 0, 1, 65, 66])]],
  }],
  ["an option whose value is cut off", {
    criticalOptions: [["a", new Uint8Array([0, 0, 0, 9, 65])]],
  }],
  ["an identity that is not UTF-8", { keyId: Uint8Array.of(0x6d, 0xff) }],
  ["an authority that is a certificate itself", {
    authorityBlob: makeCertificate(SUBJECT, AUTHORITY),
  }],
  ["an authority of an unknown type", { authorityBlob: packString("x") }],
  ["an authority that is nothing", { authorityBlob: new Uint8Array() }],
  ["the name of another key", { type: "ssh-rsa-cert-v01@openssh.com" }],
  ["an unknown name", { type: "ssh-ed25519-cert-v02@openssh.com" }],
];
for (const [what, fields] of REFUSED) {
  Deno.test(`parseUserKey() refuses a certificate with ${what}`, () => {
    const blob = makeCertificate(SUBJECT, AUTHORITY, fields);
    assertThrows(() => parseUserKey(blob), ProtocolError);
  });
}

Deno.test("parseUserKey() refuses a P-384 key that is certified as P-256", () => {
  const other = makeSkEcdsa();
  // The fields say nistp256 and come under the name of another curve.
  const blob = makeCertificate(other, AUTHORITY, {
    type: "ecdsa-sha2-nistp384-cert-v01@openssh.com",
  });
  assertThrows(() => parseUserKey(blob), ProtocolError);
});

const SAMPLES: [string, Uint8Array][] = [
  ["a certificate", makeCertificate(SUBJECT, AUTHORITY, FULL)],
  [
    "a certificate of a security key by another",
    makeCertificate(makeSkEcdsa(), makeSkEd25519(), FULL),
  ],
  ["an Ed25519 key", SUBJECT.blob],
  ["an Ed25519 key in a security key", makeSkEd25519().blob],
  ["a P-256 key in a security key", makeSkEcdsa().blob],
];
for (const [what, blob] of SAMPLES) {
  Deno.test(`parseUserKey() refuses ${what} that is cut off anywhere`, () => {
    for (let size = 0; size < blob.length; size++) {
      assertThrows(() => parseUserKey(blob.subarray(0, size)), ProtocolError);
    }
  });

  Deno.test(`parseUserKey() reads ${what} with any fault or refuses it`, () => {
    const random = new SeededRandom(20_261_129);
    for (let round = 0; round < 3_000; round++) {
      const spoiled = spoil(blob, random);
      try {
        const { certificate } = parseUserKey(spoiled);
        if (!certificate) continue;
        // The signature covers every byte before it: one that was changed
        // can be read and never be trusted.
        const isSame = spoiled.toBase64() === blob.toBase64();
        const fault = findCertificateFault(certificate, "git", 15_000);
        assertEquals(fault === undefined, isSame);
      } catch (error) {
        assert(error instanceof ProtocolError, `round ${round}: ${error}`);
      }
    }
  });
}

/** Changes, adds or takes bytes, lengths with preference. */
function spoil(blob: Uint8Array, random: SeededRandom): Uint8Array {
  const spoiled = blob.slice();
  const at = random.below(spoiled.length);
  switch (random.below(4)) {
    case 0:
      spoiled[at] = random.below(256);
      return spoiled;
    case 1:
      spoiled.set(
        random.pick([[255, 255, 255, 255], [0, 0, 0, 0]]).slice(
          0,
          spoiled.length - at,
        ),
        at,
      );
      return spoiled;
    case 2:
      return Uint8Array.from([
        ...spoiled.subarray(0, at),
        ...random.bytes(random.below(9)),
        ...spoiled.subarray(at),
      ]);
    default:
      return Uint8Array.from([
        ...spoiled.subarray(0, at),
        ...spoiled.subarray(at + 1 + random.below(8)),
      ]);
  }
}

Deno.test("parseUserKey() reads arbitrary bytes or refuses them", () => {
  const random = new SeededRandom(7);
  for (let round = 0; round < 5_000; round++) {
    const bytes = random.bytes(random.below(200));
    assertThrows(() => parseUserKey(bytes), ProtocolError);
    assertThrows(() => parsePublicKey(bytes), ProtocolError);
  }
});
