import { assert, assertEquals } from "@std/assert";
import {
  dropUnusableRoots,
  forgetBuiltInRoots,
  loadTlsRoots,
  splitCertificates,
} from "../../../src/core/tls_roots.ts";

const TESTDATA = new URL("../../testdata/tls/", import.meta.url);
const pemOf = (name: string) =>
  Deno.readTextFileSync(new URL(`${name}.pem`, TESTDATA));
const keyOf = (name: string) =>
  Deno.readTextFileSync(new URL(`${name}.key`, TESTDATA));
const [CA = ""] = splitCertificates(pemOf("ca"));
const [LEAF = ""] = splitCertificates(pemOf("localhost"));
const [OTHER = ""] = splitCertificates(pemOf("self_signed"));

/** A folder of its own, gone at the end. */
class Folder implements AsyncDisposable {
  readonly path = Deno.makeTempDirSync();
  write(name: string, text: string): string {
    const path = `${this.path}/${name}`;
    Deno.writeTextFileSync(path, text);
    return path;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

const envOf = (values: Record<string, string>) => (name: string) =>
  values[name];

Deno.test("splitCertificates() finds each certificate and nothing else", () => {
  const text = `# a comment\n${pemOf("ca")}${keyOf("localhost")}` +
    pemOf("localhost").replaceAll("\n", "\r\n");
  assertEquals(splitCertificates(text), [CA, LEAF]);
});

const LEFT_OUT: readonly (readonly [name: string, text: string])[] = [
  ["rubbish", "rubbish"],
  ["nothing", ""],
  ["a key", keyOf("localhost")],
  ["a block without an end", pemOf("ca").replace(/-----END.*/, "")],
  ["bytes that are no base64", pemOf("ca").replace("MII", "M*I")],
  ["base64 of the wrong length", pemOf("ca").replace("MII", "MI")],
  [
    "bytes after the certificate",
    pemOf("ca").replace(/=*\n-----END/, "AAAA\n-----END"),
  ],
  [
    "a sequence that is too short",
    "-----BEGIN CERTIFICATE-----\nMIIBAgMEBQ==\n-----END CERTIFICATE-----\n",
  ],
  [
    "a certificate with PEM headers",
    pemOf("ca").replace("-----\nM", "-----\nProc-Type: 4,ENCRYPTED\n\nM"),
  ],
  [
    "a trusted certificate of OpenSSL's kind",
    pemOf("ca").replaceAll("CERTIFICATE", "TRUSTED CERTIFICATE"),
  ],
];
for (const [name, text] of LEFT_OUT) {
  Deno.test(`splitCertificates() leaves out ${name}`, () => {
    assertEquals(splitCertificates(text), []);
    // What is good beside it is still found.
    assertEquals(splitCertificates(text + pemOf("localhost")).at(-1), LEAF);
  });
}

Deno.test("gitaly.md 2.3: SSL_CERT_FILE replaces the bundle, SSL_CERT_DIR the folders", async () => {
  await using folder = new Folder();
  await using other = new Folder();
  const env = envOf({
    SSL_CERT_FILE: folder.write("bundle.pem", pemOf("ca")),
    SSL_CERT_DIR: `/does/not/exist:${other.path}`,
  });
  other.write("any-name.txt", pemOf("localhost"));
  assertEquals(loadTlsRoots({ env }), [CA, LEAF]);
});

Deno.test("gitaly.md 2.3: setting one variable keeps the default of the other", async () => {
  await using folder = new Folder();
  const file = folder.write("bundle.pem", pemOf("ca"));
  const nothing = {
    SSL_CERT_FILE: "/does/not/exist",
    SSL_CERT_DIR: "/does/not/exist",
  };
  const systemFolders = loadTlsRoots({
    env: envOf({ SSL_CERT_FILE: "/does/not/exist" }),
  });
  const systemBundle = loadTlsRoots({
    env: envOf({ SSL_CERT_DIR: "/does/not/exist" }),
  });
  assertEquals(loadTlsRoots({ env: envOf(nothing) }), []);
  assertEquals(loadTlsRoots({ env: envOf({ SSL_CERT_FILE: file }) }), [
    CA,
    ...systemFolders,
  ]);
  assertEquals(
    loadTlsRoots({ env: envOf({ SSL_CERT_DIR: folder.path }) }),
    [...systemBundle, CA],
  );
});

Deno.test("gitaly.md 8.6: a variable that is set and empty counts as unset", () => {
  const unset = loadTlsRoots({ env: () => undefined });
  assertEquals(loadTlsRoots({ env: () => "" }), unset);
});

Deno.test("internal-api.md 1.4: ca_file and every plain file in ca_path are added", async () => {
  await using folder = new Folder();
  await using other = new Folder();
  const env = envOf({
    SSL_CERT_FILE: "/does/not/exist",
    SSL_CERT_DIR: "/does/not/exist",
  });
  const caFile = folder.write("ca.crt", pemOf("ca"));
  other.write("ca.txt", pemOf("localhost"));
  other.write("rubbish", "rubbish");
  Deno.mkdirSync(`${other.path}/folder.pem`);
  Deno.writeTextFileSync(`${other.path}/folder.pem/x`, pemOf("expired"));
  Deno.symlinkSync("ca.txt", `${other.path}/0123abcd.0`);
  Deno.symlinkSync("/does/not/exist", `${other.path}/dangling`);
  const caPath = other.path;
  assertEquals(loadTlsRoots({ env, caFile, caPath }), [CA, LEAF]);
  assertEquals(loadTlsRoots({ env, caFile, caPath: folder.path }), [CA]);
  assertEquals(loadTlsRoots({ env, caFile: other.path, caPath: caFile }), []);
});

Deno.test("loadTlsRoots() follows a link that leaves the folder", async () => {
  await using folder = new Folder();
  await using other = new Folder();
  const env = envOf({
    SSL_CERT_FILE: "/does/not/exist",
    SSL_CERT_DIR: folder.path,
  });
  Deno.symlinkSync(other.write("x", pemOf("ca")), `${folder.path}/x.0`);
  assertEquals(loadTlsRoots({ env }), [CA]);
});

Deno.test("dropUnusableRoots() leaves out what Deno refuses", () => {
  // Framed well, and still no certificate: a sequence with one octet string.
  const inside = new Uint8Array(200);
  inside.set([0x30, 0x81, 197, 0x04, 0x81, 194]);
  const bad =
    `-----BEGIN CERTIFICATE-----\n${inside.toBase64()}\n-----END CERTIFICATE-----\n`;
  assertEquals(splitCertificates(bad), [bad]);
  assertEquals(dropUnusableRoots([CA, bad, OTHER]), [CA, OTHER]);
});

Deno.test("forgetBuiltInRoots() sets the store once, and not if the launcher did", () => {
  const values: Record<string, string> = { DENO_TLS_CA_STORE: "system" };
  let writes = 0;
  const host = {
    env: envOf(values),
    setEnv(name: string, value: string) {
      values[name] = value;
      writes++;
    },
  };
  forgetBuiltInRoots(host);
  forgetBuiltInRoots(host);
  assertEquals(values, { DENO_TLS_CA_STORE: "," });
  assert(writes === 1);
});
