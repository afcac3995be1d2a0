import { assertEquals } from "@std/assert";
import { compileArguments } from "../../../src/build/compile.ts";
import {
  permissionFlags,
  PROGRAM_LIBRARIES,
  runFlags,
} from "../../../src/build/programs.ts";

const STAMP = { version: "(unknown version)", buildTime: "20260901.101112" };

for (const library of PROGRAM_LIBRARIES) {
  Deno.test(`compileArguments() of ${library.name} bakes all flags in`, () => {
    const job = {
      library,
      stamp: STAMP,
      entry: "/in/main.js",
      output: "/out/program",
      scratch: "/out",
    };
    assertEquals(compileArguments(job, "/out/environment"), [
      "compile",
      "--quiet",
      ...runFlags(library, "compiled"),
      ...permissionFlags(library),
      "--env-file=/out/environment",
      "--output=/out/program",
      "/in/main.js",
      `${library.name}@(unknown version)-20260901.101112`,
    ]);
    assertEquals(
      runFlags(library, "compiled").includes("--no-code-cache"),
      true,
    );
  });
}
