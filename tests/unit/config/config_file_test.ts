import { assertEquals, assertThrows } from "@std/assert";
import {
  decodeUtf8,
  formatPathError,
  readConfigFile,
} from "../../../src/config/config_file.ts";
import { ConfigError } from "../../../src/core/errors.ts";
import { makeTempDir } from "../../support/temp_dir.ts";

function faultOf(path: string, sizeBytesMax = 1000): ConfigError {
  return assertThrows(
    () => readConfigFile({ path, sizeBytesMax, key: "secret_file" }),
    ConfigError,
  );
}

Deno.test("readConfigFile() reads whole files of any size up to the limit", () => {
  const sizes = [0, 1, 16_383, 16_384, 16_385, 70_000];
  for (const size of sizes) {
    const bytes = new Uint8Array(size).map((_, at) => at % 251);
    using dir = makeTempDir({ "a": bytes });
    const path = `${dir.path}/a`;
    assertEquals(readConfigFile({ path, sizeBytesMax: size }), bytes);
    if (size > 0) {
      assertEquals(
        faultOf(path, size - 1).message,
        `read ${path}: file too large`,
      );
    }
  }
});

Deno.test("readConfigFile() names the operation, path and reason as Go does", () => {
  using dir = makeTempDir({ "a": "" });
  const { path } = dir;
  const missing = faultOf(`${path}/b`);
  const reason = "no such file or directory";
  assertEquals(missing.message, `open ${path}/b: ${reason}`);
  assertEquals([missing.file, missing.key], [`${path}/b`, "secret_file"]);
  assertEquals(faultOf(path).message, `read ${path}: is a directory`);
  assertEquals(
    faultOf(`${path}/a/b`).message,
    `open ${path}/a/b: not a directory`,
  );
  Deno.symlinkSync("loop", `${path}/loop`);
  assertEquals(
    faultOf(`${path}/loop`).message,
    `open ${path}/loop: too many levels of symbolic links`,
  );
});

Deno.test("formatPathError() puts the system's words as Go does", () => {
  const refused = new Deno.errors.PermissionDenied(
    "Permission denied (os error 13): open '/x (os error 2)'",
  );
  const text = "open /x: permission denied";
  assertEquals(formatPathError("open", "/x", refused), text);
  const notCapable = new Deno.errors.NotCapable("Requires read access to /x");
  assertEquals(formatPathError("open", "/x", notCapable), text);
  assertEquals(formatPathError("open", "", "odd"), "open : odd");
});

Deno.test("decodeUtf8() keeps a byte order mark and refuses other encodings", () => {
  const bytes = new TextEncoder().encode("\ufeffa\u00e9");
  assertEquals(decodeUtf8(bytes), "\ufeffa\u00e9");
  assertEquals(decodeUtf8(bytes.subarray(0, -1)), undefined);
  assertEquals(decodeUtf8(Uint8Array.of(0xff)), undefined);
});
