import { assertEquals } from "@std/assert";
import { parseCertificate } from "../../../src/ssh/certificate.ts";
import {
  findCertificateFault,
  findKeyIdFault,
  findSourceFault,
} from "../../../src/ssh/certificate_check.ts";
import {
  type CertificateFields,
  makeCertificate,
  makeEd25519,
  makeSkEd25519,
} from "../../support/certificate_maker.ts";
import { SshWriter } from "../../../src/ssh/wire.ts";

const SUBJECT = makeEd25519();
const AUTHORITY = makeEd25519();
const NOW_S = 1_000n;

function faultOf(fields: CertificateFields, user = "git"): string | undefined {
  const blob = makeCertificate(SUBJECT, AUTHORITY, fields);
  const nowMs = Number(NOW_S) * 1000 + 999;
  return findCertificateFault(parseCertificate(blob), user, nowMs);
}

const NOT_YET = "ssh: cert is not yet valid";
const EXPIRED = "ssh: cert has expired";
const FAULTS: [string, CertificateFields, string | undefined][] = [
  ["nothing special", {}, undefined],
  ["sshd.md case 61: no principals", { principals: [] }, undefined],
  ["sshd.md case 61: the login name among others", {
    principals: ["a", "git"],
  }, undefined],
  [
    "sshd.md case 61: other principals",
    { principals: ["a", "b"] },
    'ssh: principal "git" not in the set of valid principals for given ' +
    "certificate: [a b]",
  ],
  ["sshd.md case 60: a start that has come", { validAfter: NOW_S }, undefined],
  ["sshd.md case 60: a start to come", { validAfter: NOW_S + 1n }, NOT_YET],
  ["a start beyond Go's numbers", { validAfter: 2n ** 63n }, NOT_YET],
  ["an end to come", { validBefore: NOW_S + 1n }, undefined],
  ["sshd.md case 60: an end that has come", { validBefore: NOW_S }, EXPIRED],
  ["an end beyond Go's numbers", { validBefore: 2n ** 64n - 2n }, EXPIRED],
  ["an end of zero", { validBefore: 0n }, EXPIRED],
  ["sshd.md case 63: a source address", {
    criticalOptions: [["source-address", "10.0.0.1"]],
  }, undefined],
  [
    "sshd.md case 62: a forced command",
    { criticalOptions: [["force-command", "/bin/sh"]] },
    'ssh: unsupported critical option "force-command" in certificate',
  ],
  [
    "a demand for a PIN",
    { criticalOptions: [["verify-required", ""]] },
    'ssh: unsupported critical option "verify-required" in certificate',
  ],
  ["extensions of any kind", {
    extensions: [["no-touch-required", ""], ["x", "y"]],
  }, undefined],
  [
    "a signature over something else",
    { signed: (bytes) => bytes.subarray(1) },
    "ssh: certificate signature does not verify",
  ],
  [
    "the key of another authority",
    { authorityBlob: makeEd25519().blob },
    "ssh: certificate signature does not verify",
  ],
];
for (const [what, fields, fault] of FAULTS) {
  Deno.test(`findCertificateFault(): ${what}`, () => {
    assertEquals(faultOf(fields), fault);
  });
}

Deno.test("findCertificateFault() wants the authority's key touched", () => {
  const authority = makeSkEd25519();
  const untouched = {
    ...authority,
    sign: (data: Uint8Array) => authority.sign(data, { flags: 0 }),
  };
  for (
    const [signer, fault] of [
      [authority, undefined],
      [untouched, "ssh: certificate signature does not verify"],
    ] as const
  ) {
    const certificate = parseCertificate(makeCertificate(SUBJECT, signer));
    assertEquals(findCertificateFault(certificate, "git", 0), fault);
  }
});

Deno.test("findCertificateFault() refuses an authority that signs with SHA-1", () => {
  const certificate = parseCertificate(makeCertificate(SUBJECT, AUTHORITY));
  const signature = {
    format: "ssh-rsa",
    bytes: new SshWriter().string("x").bytes(),
  };
  assertEquals(
    findCertificateFault({ ...certificate, signature }, "git", 0),
    "ssh: certificate is signed with ssh-rsa, which is not accepted",
  );
});

Deno.test("findCertificateFault() wants a signature of the authority's own kind", () => {
  const certificate = parseCertificate(makeCertificate(SUBJECT, AUTHORITY));
  const signature = { ...certificate.signature, format: "rsa-sha2-256" };
  assertEquals(
    findCertificateFault({ ...certificate, signature }, "git", 0),
    "ssh: certificate signature does not verify",
  );
});

const FORMAT = "certificate KeyId does not match GitLab username format";
const LENGTH = (size: number) =>
  `certificate KeyId length ${size} is outside valid range [2, 255]`;
const KEY_IDS: [string, string, string | undefined][] = [
  ["a user name", "mira.reef-2_x", undefined],
  ["two characters", "ab", undefined],
  ["255 characters", "a".repeat(255), undefined],
  ["nothing", "", "certificate has empty KeyId"],
  ["one character", "a", LENGTH(1)],
  ["256 characters", "a".repeat(256), LENGTH(256)],
  ["130 characters of two bytes", "ä".repeat(130), LENGTH(260)],
  ["a mail address", "mira@reef.example", FORMAT],
  ["a line feed", "mira\n", FORMAT],
  ["a second line", "mira\nroot", FORMAT],
  ["a leading dot", ".mira", FORMAT],
  ["a trailing dash", "mira-", FORMAT],
  ["a letter of another script", "mirä", FORMAT],
  [
    "two dots",
    "mi..ra",
    "certificate KeyId contains consecutive special characters",
  ],
  [
    "a dash and a dot",
    "mi-.ra",
    "certificate KeyId contains consecutive special characters",
  ],
];
for (const [what, keyId, fault] of KEY_IDS) {
  Deno.test(`sshd.md case 59: an identity of ${what}`, () => {
    assertEquals(findKeyIdFault(keyId), fault);
  });
}

const NOT_ALLOWED = (client: string) =>
  `ssh: remote address ${client} is not allowed because of source-address ` +
  `restriction`;
const SOURCES: [string, string, string | undefined][] = [
  ["10.1.1.1", "10.1.1.1", undefined],
  ["10.0.0.0/8", "10.1.1.1", undefined],
  ["192.0.2.1,10.0.0.0/8", "10.1.1.1", undefined],
  ["::ffff:10.1.1.1", "10.1.1.1", undefined],
  ["2001:db8::/32", "2001:db8::1", undefined],
  ["0.0.0.0/0", "10.1.1.1", undefined],
  ["10.1.1.2", "10.1.1.1", NOT_ALLOWED("10.1.1.1")],
  ["11.0.0.0/8", "10.1.1.1", NOT_ALLOWED("10.1.1.1")],
  ["::/0", "10.1.1.1", NOT_ALLOWED("10.1.1.1")],
  ["10.1.1.2", "2001:db8::1", NOT_ALLOWED("2001:db8::1")],
  [
    "",
    "10.1.1.1",
    'ssh: error parsing source-address restriction ""',
  ],
  [
    "10.1.1.2, 10.1.1.1",
    "10.1.1.1",
    'ssh: error parsing source-address restriction " 10.1.1.1"',
  ],
  [
    "10.0.0.0/33",
    "10.1.1.1",
    'ssh: error parsing source-address restriction "10.0.0.0/33"',
  ],
  [
    "10.0.0.0/8/8",
    "10.1.1.1",
    'ssh: error parsing source-address restriction "10.0.0.0/8/8"',
  ],
  [
    "0.0.0.0/0",
    "",
    "ssh: remote address  is not an TCP address when checking " +
    "source-address match",
  ],
];
for (const [allowed, client, fault] of SOURCES) {
  Deno.test(`sshd.md case 63: from ${JSON.stringify(client)} where ${JSON.stringify(allowed)} is allowed`, () => {
    assertEquals(findSourceFault(allowed, client), fault);
  });
}
