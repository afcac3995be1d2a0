import { assertEquals, assertThrows } from "@std/assert";
import {
  chooseSuites,
  listTestFiles,
  needsModule,
  NEEDY_MODULES,
  TEST_SUITES,
} from "../../../src/build/test_suites.ts";
import { makeTempDir } from "../../support/temp_dir.ts";

Deno.test("chooseSuites() takes all when none is named, in one order", () => {
  assertEquals(chooseSuites([]), TEST_SUITES);
  assertEquals(
    chooseSuites(["stack", "unit"]).map(({ name }) => name),
    ["unit", "stack"],
  );
});

Deno.test("chooseSuites() refuses a name that is no suite's", () => {
  assertThrows(() => chooseSuites(["units"]), RangeError, "unit, doc,");
});

Deno.test("listTestFiles() finds tests at any depth and nothing else", async () => {
  using root = makeTempDir({
    "tests/stack/b_test.ts": "",
    "tests/stack/deep/a_test.ts": "",
    "tests/stack/helper.ts": "",
    "tests/unit/c_test.ts": "",
  });
  const suite = { name: "stack", flags: [], paths: ["tests/stack"] };
  assertEquals(await listTestFiles(root.path, suite), [
    "tests/stack/b_test.ts",
    "tests/stack/deep/a_test.ts",
  ]);
});

Deno.test("needsModule() follows the imports of a test", async () => {
  using root = makeTempDir({
    "tests/support/openssh_server.ts": "",
    "tests/support/door.ts": 'import { a } from "./openssh_server.ts";',
    "tests/support/loop.ts": 'import "./loop.ts";\nimport "./other.ts";',
    "tests/support/other.ts": 'import "./loop.ts";',
    "tests/stack/direct_test.ts":
      'import { a } from "../support/openssh_server.ts";',
    "tests/stack/indirect_test.ts": 'import { a } from "../support/door.ts";',
    "tests/stack/late_test.ts": 'await import("../support/door.ts");',
    "tests/stack/free_test.ts": 'import { a } from "../support/loop.ts";',
  });
  for (const name of ["direct", "indirect", "late"]) {
    const file = `tests/stack/${name}_test.ts`;
    assertEquals([
      name,
      await needsModule(root.path, file, NEEDY_MODULES.openssh),
    ], [name, true]);
  }
  assertEquals(
    await needsModule(
      root.path,
      "tests/stack/free_test.ts",
      NEEDY_MODULES.openssh,
    ),
    false,
  );
});

Deno.test("every test of the repository is in one suite", async () => {
  const root = await Deno.realPath(new URL("../../..", import.meta.url));
  const everywhere = { name: "all", flags: [], paths: ["tests"] };
  const found: string[] = [];
  for (const suite of TEST_SUITES) {
    found.push(...await listTestFiles(root, suite));
  }
  assertEquals(found.toSorted(), await listTestFiles(root, everywhere));
});
