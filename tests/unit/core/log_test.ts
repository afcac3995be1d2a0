import { assert, assertEquals } from "@std/assert";
import {
  formatLogTime,
  type LogFields,
  Logger,
  type LogValue,
  parseLogLevel,
  SILENT_LOGGER,
} from "../../../src/core/log.ts";
import { FakeClock } from "../../support/fake_host.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

const TIME = "2026-08-18T09:21:49.123Z";

/** The lines that `write` causes, as text. */
function linesOf(
  write: (log: Logger) => void,
  format: "json" | "text" = "json",
  threshold = -4,
): string[] {
  const lines: string[] = [];
  const writeLine = (line: Uint8Array) => {
    lines.push(new TextDecoder().decode(line));
  };
  const clock = new FakeClock();
  write(new Logger({ sink: { writeLine }, clock, threshold, format }));
  return lines;
}

Deno.test("shell.md 6.1: keys stand in their order, bound fields first", () => {
  const [line] = linesOf((log) =>
    log.with({ correlation_id: "01K2" }).info("Finished HTTP request", {
      method: "POST",
      url: "http://unix/api/v4/internal/allowed?a=<&>",
      duration_s: 0.113,
      status: 200,
      content_length_bytes: undefined,
    })
  );
  assertEquals(
    line,
    `{"time":"${TIME}","level":"INFO","msg":"Finished HTTP request",` +
      '"correlation_id":"01K2","method":"POST",' +
      '"url":"http://unix/api/v4/internal/allowed?a=<&>",' +
      '"duration_s":0.113,"status":200}\n',
  );
});

const ENV = {
  GitProtocolVersion: "version=2",
  IsSSHConnection: true,
  OriginalCommand: "git-upload-pack 'group/repo.git'",
  RemoteAddr: "203.0.113.7",
  NamespacePath: "",
};

Deno.test("shell.md 6.1: the example in JSON", () => {
  const [line] = linesOf((log) =>
    log.info("gitlab-shell: main: executing command", {
      env: ENV,
      command: "*uploadpack.Command",
    })
  );
  assertEquals(
    line,
    `{"time":"${TIME}","level":"INFO",` +
      '"msg":"gitlab-shell: main: executing command",' +
      '"env":{"GitProtocolVersion":"version=2","IsSSHConnection":true,' +
      '"OriginalCommand":"git-upload-pack \'group/repo.git\'",' +
      '"RemoteAddr":"203.0.113.7","NamespacePath":""},' +
      '"command":"*uploadpack.Command"}\n',
  );
});

Deno.test("shell.md 6.1: the example in text", () => {
  const [line] = linesOf(
    (log) =>
      log.info("gitlab-shell: main: executing command", {
        env: ENV,
        command: "*uploadpack.Command",
      }),
    "text",
  );
  assertEquals(
    line,
    `time=${TIME} level=INFO msg="gitlab-shell: main: executing command" ` +
      'env="{GitProtocolVersion:version=2 IsSSHConnection:true ' +
      "OriginalCommand:git-upload-pack 'group/repo.git' " +
      'RemoteAddr:203.0.113.7 NamespacePath:}" command=*uploadpack.Command\n',
  );
});

const TEXT_VALUES: readonly (readonly [LogValue, string])[] = [
  ["", '""'],
  ["a", "a"],
  ["a b", '"a b"'],
  ["a=b", '"a=b"'],
  ['a"b', '"a\\"b"'],
  ["a\\b", "a\\b"],
  ["a\nb", '"a\\nb"'],
  ["\u00e9\u4e2d", "\u00e9\u4e2d"],
  ["a\u00a0b", '"a\\u00a0b"'],
  ["\ufffd", '"\ufffd"'],
  ["\u2028", '"\\u2028"'],
  [true, "true"],
  [-1.5, "-1.5"],
  [null, "<nil>"],
  [["api", "read_user"], '"[api read_user]"'],
  [[], "[]"],
  [{ Name: "n", Scopes: ["api"] }, '"{Name:n Scopes:[api]}"'],
];
for (const [value, text] of TEXT_VALUES) {
  const name = `shell.md 6.1: ${JSON.stringify(value)} in a text record`;
  Deno.test(name, () => {
    const [line] = linesOf((log) => log.warn("m", { value }), "text");
    assertEquals(line, `time=${TIME} level=WARN msg=m value=${text}\n`);
  });
}

Deno.test("Logger writes one line a record, whatever is in it", () => {
  const random = new SeededRandom(3);
  for (let round = 0; round < 500; round++) {
    const codes = Array.from({ length: 8 }, () => random.below(0x3000));
    const value = String.fromCharCode(...codes);
    const write = (log: Logger) =>
      log.with({ bound: value }).error(value, { value });
    for (const format of ["json", "text"] as const) {
      const [line = "", ...others] = linesOf(write, format);
      assertEquals(others, []);
      assert(/^[^\n\r\u2028\u2029]+\n$/.test(line), JSON.stringify(line));
      if (format === "json") assertEquals(JSON.parse(line).value, value);
    }
  }
});

Deno.test("Logger lets a record's own field replace a bound one", () => {
  const [line = ""] = linesOf((log) =>
    log.with({ a: 1, b: 2 }).debug("m", { a: 3 })
  );
  assertEquals(Object.entries(JSON.parse(line)).slice(3), [["a", 3], ["b", 2]]);
});

Deno.test("Logger.with() leaves the logger it came from alone", () => {
  const fields: LogFields = { a: 1 };
  const lines = linesOf((log) => {
    log.with(fields).info("m");
    log.info("n");
  });
  assertEquals(lines.map((line) => "a" in JSON.parse(line)), [true, false]);
});

const THRESHOLDS = [
  [-4, ["DEBUG", "INFO", "WARN", "ERROR"]],
  [0, ["INFO", "WARN", "ERROR"]],
  [2, ["WARN", "ERROR"]],
  [8, ["ERROR"]],
  [9, []],
] as const;
for (const [threshold, levels] of THRESHOLDS) {
  Deno.test(`Logger with threshold ${threshold} writes ${levels.join()}`, () => {
    const write = (log: Logger) => {
      log.debug("m");
      log.info("m");
      log.warn("m");
      log.error("m");
    };
    const lines = linesOf(write, "json", threshold);
    assertEquals(lines.map((line) => JSON.parse(line).level), levels);
  });
}

const LEVELS = [
  ["debug", -4],
  ["INFO", 0],
  ["Warn", 4],
  ["eRRoR", 8],
  ["info+2", 2],
  ["WARN-1", 3],
  ["debug-10", -14],
  ["", undefined],
  ["warning", undefined],
  ["fatal", undefined],
  ["trace", undefined],
  ["0", undefined],
  ["+2", undefined],
  ["info+", undefined],
  ["info+-2", undefined],
  ["info+2.5", undefined],
  ["info +2", undefined],
  [" info", undefined],
  ["constructor", undefined],
] as const;
for (const [text, level] of LEVELS) {
  const name = `shell.md 6.2: parseLogLevel() of ${JSON.stringify(text)}`;
  Deno.test(name, () => assertEquals(parseLogLevel(text), level));
}

const AT_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 6) + 0.9;
const TIMES = [
  [undefined, "2026-01-02T03:04:05.006Z"],
  ["UTC", "2026-01-02T03:04:05.006Z"],
  ["Etc/UTC", "2026-01-02T03:04:05.006Z"],
  ["America/St_Johns", "2026-01-01T23:34:05.006-03:30"],
  ["Asia/Tokyo", "2026-01-02T12:04:05.006+09:00"],
] as const;
for (const [zone, time] of TIMES) {
  Deno.test(`formatLogTime() in ${zone}`, () => {
    assertEquals(formatLogTime(AT_MS, zone), time);
    assertEquals(formatLogTime(AT_MS, zone), time);
  });
}

Deno.test("formatLogTime() writes midnight as 00", () => {
  const atMs = Date.UTC(2026, 5, 1, 22, 0, 0, 0);
  const time = formatLogTime(atMs, "Europe/Berlin");
  assertEquals(time, "2026-06-02T00:00:00.000+02:00");
});

Deno.test("SILENT_LOGGER keeps nothing", () => {
  SILENT_LOGGER.with({ a: 1 }).error("m", { b: 2 });
});
