import { assertEquals, assertThrows } from "@std/assert";
import {
  parseFeatureFlags,
  parsePackService,
} from "../../../src/cli/gitaly_ssh.ts";
import { formatLogrusLine } from "../../../src/cli/logrus_line.ts";
import { UsageError } from "../../../src/core/errors.ts";

const REFUSED = [
  [[], "invalid number of arguments, expected at least 1, got 0"],
  [
    ["upload-pack", "x"],
    "invalid number of arguments, expected at least 1, got 2",
  ],
  [["foo"], "invalid number of arguments, expected at least 1, got 1"],
  [["foo", "a", "b"], 'invalid pack command: "foo"'],
  [["constructor", "a", "b"], 'invalid pack command: "constructor"'],
] as const;
for (const [args, text] of REFUSED) {
  Deno.test(`gitaly.md case 65: parsePackService() of ${JSON.stringify(args)}`, () => {
    assertThrows(() => parsePackService(args), UsageError, text);
  });
}

Deno.test("parsePackService() ignores what git appends", () => {
  const args = ["upload-archive", "-o", "SendEnv=GIT_PROTOCOL", "h", "c"];
  assertEquals(parsePackService(args), "upload-archive");
});

const FLAGS = [
  ["a_b:true,c:maybe,d,e:0", [
    ["gitaly-feature-a-b", "true"],
    ["gitaly-feature-e", "false"],
  ]],
  ["", []],
  ["a:true,a:F", [["gitaly-feature-a", "false"]]],
  [" a:true", [["gitaly-feature- a", "true"]]],
  ["a:true ", []],
  ["a:b:true", []],
] as const;
for (const [text, expected] of FLAGS) {
  Deno.test(`gitaly.md case 69: parseFeatureFlags() of ${JSON.stringify(text)}`, () => {
    assertEquals(
      parseFeatureFlags(text),
      expected as unknown as [string, string][],
    );
  });
}

Deno.test("gitaly.md 8.1: formatLogrusLine() sorts and quotes the fields", () => {
  const line = formatLogrusLine({
    nowMs: Date.UTC(2026, 0, 1),
    level: "info",
    message: "command returned error",
    fields: {
      error: "rpc error: code = NotFound desc = repository not found",
      "command.name": "upload-pack",
    },
    pid: 4711,
  });
  assertEquals(
    line,
    'time="2026-01-01T00:00:00.000Z" level=info msg="command returned error" ' +
      'command.name=upload-pack error="rpc error: code = NotFound desc = ' +
      'repository not found" pid=4711\n',
  );
});
