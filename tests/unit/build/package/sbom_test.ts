import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  findLicences,
  formatSbom,
  parseLock,
} from "../../../../src/build/package/sbom.ts";
import { makeTempDir } from "../../../support/temp_dir.ts";

const LOCK = new URL("../../../../deno.lock", import.meta.url);

Deno.test("parseLock() reads every package of the lock file", async () => {
  const packages = parseLock(await Deno.readTextFile(LOCK));
  const names = packages.map(({ name }) => name);
  for (
    const name of ["ssh2", "@grpc/grpc-js", "@grpc/proto-loader", "deno-std"]
  ) {
    assert(names.includes(name), name);
  }
  for (const { version, integrity } of packages) {
    assert(/^\d+\.\d+/.test(version), version);
    assert(integrity.startsWith("sha512-"));
  }
});

Deno.test("findLicences() reads both forms of a licence, and misses none", async () => {
  using folder = makeTempDir({
    "host/a/1.0.0/package.json": '{"license":"MIT"}',
    "host/@s/b/2.0.0/package.json":
      '{"licenses":[{"type":"MIT"},{"type":"ISC"}]}',
  });
  const one = (name: string, version: string) => ({
    name,
    version,
    integrity: "sha512-AAEC",
  });
  const found = await findLicences(
    [one("a", "1.0.0"), one("@s/b", "2.0.0")],
    folder.path,
  );
  assertEquals(found.map(({ licence }) => licence), ["MIT", "MIT OR ISC"]);
  await assertRejects(
    () => findLicences([one("c", "1.0.0")], folder.path),
    Error,
    "Cannot find the licence of c@1.0.0",
  );
  const bill = JSON.parse(formatSbom(found, { version: "1", deno: "2.9.6" }));
  assertEquals(bill.components[2], {
    type: "library",
    name: "@s/b",
    version: "2.0.0",
    purl: "pkg:npm/%40s/b@2.0.0",
    licenses: [{ expression: "MIT OR ISC" }],
    hashes: [{ alg: "SHA-512", content: "000102" }],
  });
});
