import { assertEquals, assertThrows } from "@std/assert";
import { SILENT_LOGGER } from "../../../src/core/log.ts";
import {
  CaFileError,
  loadTrustedUserCas,
  parseCaKeys,
} from "../../../src/ssh/trusted_user_cas.ts";
import {
  makeCertificate,
  makeEd25519,
} from "../../support/certificate_maker.ts";
import { makeTempDir } from "../../support/temp_dir.ts";

const A = makeEd25519();
const B = makeEd25519();
const line = ({ type, blob }: typeof A, comment = "ca") =>
  `${type} ${blob.toBase64()} ${comment}`;
const certified = makeCertificate(A, B).toBase64();

const FILES: [string, string, string[]][] = [
  ["one key", `${line(A)}\n`, [A.blob.toBase64()]],
  ["a key without line end", line(A), [A.blob.toBase64()]],
  ["two keys", `${line(A)}\n${line(B)}\n`, [
    A.blob.toBase64(),
    B.blob.toBase64(),
  ]],
  ["CR LF", `${line(A)}\r\n`, [A.blob.toBase64()]],
  ["blanks and comments around it", `\n# CA\n${line(A)}\n\n# end\n\n`, [
    A.blob.toBase64(),
  ]],
  ["options", `cert-authority,from="a b" ${line(A)}\n`, [A.blob.toBase64()]],
  ["something else in front of it", `rubbish\n${line(A)}\n`, [
    A.blob.toBase64(),
  ]],
  ["nothing", "", []],
  ["comments alone", "# no key yet\n", []],
];
for (const [what, text, keys] of FILES) {
  Deno.test(`parseCaKeys() reads a file of ${what}`, () => {
    assertEquals(parseCaKeys(text), keys);
  });
}

const BAD: [string, string][] = [
  ["something else", "rubbish"],
  ["a torn key", line(B).slice(0, 40)],
  ["a key under another name", `ssh-rsa ${B.blob.toBase64()}`],
  ["a certificate", `ssh-ed25519-cert-v01@openssh.com ${certified}`],
];
for (const [what, rest] of BAD) {
  Deno.test(`sshd.md case 8: parseCaKeys() refuses ${what} behind a key`, () => {
    const error = assertThrows(
      () => parseCaKeys(`${line(A)}\n${rest}\n`),
      CaFileError,
      "ssh: no key found",
    );
    assertEquals(error instanceof CaFileError && error.keyCount, 1);
  });
}

Deno.test("sshd.md case 9: loadTrustedUserCas() counts a key once", () => {
  using dir = makeTempDir({
    "one.pub": `${line(A)}\n${line(B)}\n`,
    "two.pub": `${line(A, "again")}\n`,
  });
  const files = [`${dir.path}/one.pub`, `${dir.path}/two.pub`];
  const cas = loadTrustedUserCas(files, SILENT_LOGGER);
  assertEquals(cas.count, 2);
  assertEquals(
    [A, B, makeEd25519()].map(({ blob }) => cas.has(blob)),
    [true, true, false],
  );
});

Deno.test("sshd.md cases 7, 8: loadTrustedUserCas() names the file at fault", () => {
  using dir = makeTempDir({
    "bad.pub": `${line(A)}\nrubbish\n`,
    "empty.pub": "",
  });
  const load = (name: string) => () =>
    loadTrustedUserCas([`${dir.path}/${name}`], SILENT_LOGGER);
  assertThrows(
    load("missing.pub"),
    Error,
    `failed to load trusted user CA keys: failed to read trusted user CA key ` +
      `file "${dir.path}/missing.pub": `,
  );
  assertThrows(
    load("bad.pub"),
    Error,
    `failed to load trusted user CA keys: failed to parse trusted user CA key ` +
      `in file "${dir.path}/bad.pub" after 1 valid key(s): ssh: no key found`,
  );
  assertThrows(
    load("empty.pub"),
    Error,
    "trusted_user_ca_keys configured but no valid CA keys were loaded, aborting",
  );
  assertEquals(loadTrustedUserCas([], SILENT_LOGGER).count, 0);
});
