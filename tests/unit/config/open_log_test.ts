import { assert, assertEquals } from "@std/assert";
import { openLog } from "../../../src/config/open_log.ts";
import {
  CollectingWriter,
  type FakeHost,
  makeFakeHost,
} from "../../support/fake_host.ts";
import { makeTempDir } from "../../support/temp_dir.ts";

const STDERR = { fallback: "stderr" } as const;
const DISCARD = { fallback: "discard" } as const;

/** What the log file holds after one record of each level. */
async function logAll(
  logLevel: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  using dir = makeTempDir();
  const logFile = `${dir.path}/x.log`;
  {
    await using log = openLog(
      { logFile, logLevel },
      makeFakeHost({ env }),
      STDERR,
    );
    log.debug("d");
    log.info("i");
    log.warn("w");
    log.error("e");
  }
  return Deno.readTextFileSync(logFile).split("\n").slice(0, -1);
}

/** The messages of {@link logAll}, run together. */
async function messagesOf(
  logLevel: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const lines = await logAll(logLevel, env);
  return lines.map((line) => JSON.parse(line).msg).join("");
}

const LEVELS = [
  ["case 138", "DEBUG", {}, "diwe"],
  ["case 138", "debug", {}, "diwe"],
  ["case 139", "", { GITLAB_LOG_LEVEL: "debug" }, "diwe"],
  ["case 140", "info", { GITLAB_LOG_LEVEL: "debug" }, "iwe"],
  ["8.1", "", {}, "iwe"],
  ["8.1", "warning", {}, "iwe"],
  ["8.1", "trace", { GITLAB_LOG_LEVEL: "Error" }, "e"],
  ["8.1", "warning", { GITLAB_LOG_LEVEL: "fatal" }, "iwe"],
  ["8.1", "8", { GITLAB_LOG_LEVEL: "warn" }, "we"],
  ["8.1", "info+2", {}, "we"],
  ["8.1", "warn-4", {}, "iwe"],
  ["8.1", "error+1", {}, ""],
] as const;
for (const [where, level, env, messages] of LEVELS) {
  const name = `keys-and-config.md ${where}: log_level ${
    JSON.stringify(level)
  } with ${JSON.stringify(env)}`;
  Deno.test(name, async () => {
    assertEquals(await messagesOf(level, env), messages);
  });
}

Deno.test("keys-and-config.md case 143, shell.md case 197: text records", async () => {
  for (const format of ["text", "TEXT"]) {
    const [line] = await logAll("info", { GITLAB_LOG_FORMAT: format });
    assertEquals(line, "time=2026-08-18T09:21:49.123Z level=INFO msg=i");
  }
});

Deno.test("keys-and-config.md case 144: records are JSON lines with UTC times", async () => {
  for (const format of ["", "json", "combined", "xml"]) {
    const [line] = await logAll("info", { GITLAB_LOG_FORMAT: format });
    assertEquals(
      line,
      '{"time":"2026-08-18T09:21:49.123Z","level":"INFO","msg":"i"}',
    );
  }
});

const ZONES = [
  ["Europe/Berlin", "2026-08-18T11:21:49.123+02:00"],
  ["Asia/Kolkata", "2026-08-18T14:51:49.123+05:30"],
  ["UTC", "2026-08-18T09:21:49.123Z"],
  ["", "2026-08-18T09:21:49.123Z"],
  ["Nowhere/None", "2026-08-18T09:21:49.123Z"],
  ["+02:00", "2026-08-18T09:21:49.123Z"],
  ["../../etc/passwd", "2026-08-18T09:21:49.123Z"],
] as const;
for (const [zone, time] of ZONES) {
  const name = `shell.md 6.1: GITLAB_LOG_TIMEZONE ${JSON.stringify(zone)}`;
  Deno.test(name, async () => {
    const [line = ""] = await logAll("info", { GITLAB_LOG_TIMEZONE: zone });
    assertEquals(JSON.parse(line).time, time);
  });
}

Deno.test("shell.md 6.3: a new file has mode 0600, an old one keeps its own", async () => {
  using dir = makeTempDir({ "old.log": "before\n" });
  Deno.chmodSync(`${dir.path}/old.log`, 0o644);
  for (const name of ["new.log", "old.log"]) {
    const logFile = `${dir.path}/${name}`;
    await using log = openLog(
      { logFile, logLevel: "" },
      makeFakeHost(),
      STDERR,
    );
    log.info("i");
  }
  const modeOf = (name: string) =>
    (Deno.statSync(`${dir.path}/${name}`).mode ?? 0) & 0o777;
  assertEquals([modeOf("new.log"), modeOf("old.log")], [0o600, 0o644]);
  const old = Deno.readTextFileSync(`${dir.path}/old.log`);
  assert(old.startsWith('before\n{"time":'));
});

Deno.test("shell.md 6.3: two processes share a file line by line", async () => {
  using dir = makeTempDir();
  const logFile = `${dir.path}/x.log`;
  const config = { logFile, logLevel: "" };
  await using first = openLog(config, makeFakeHost(), STDERR);
  await using second = openLog(config, makeFakeHost(), STDERR);
  for (let round = 0; round < 3; round++) {
    first.info(`first ${round}`);
    second.info(`second ${round}`);
  }
  const lines = Deno.readTextFileSync(logFile).trimEnd().split("\n");
  const messages = lines.map((line) => JSON.parse(line).msg);
  assertEquals(messages, [
    "first 0",
    "second 0",
    "first 1",
    "second 1",
    "first 2",
    "second 2",
  ]);
});

/** What is on standard error after a record to a file that cannot be opened. */
async function stderrOf(
  logFile: string,
  host: FakeHost = makeFakeHost(),
): Promise<string[]> {
  {
    await using log = openLog({ logFile, logLevel: "" }, host, STDERR);
    log.info("i");
    log.info("j");
  }
  return host.stderr.text.split("\n");
}

Deno.test("keys-and-config.md case 141, shell.md case 192: the file is a directory", async () => {
  using dir = makeTempDir();
  const { path } = dir;
  const lines = await stderrOf(path);
  const cause = `open ${path}: is a directory`;
  assertEquals(lines[0], `failed to configure log file "${path}": ${cause}`);
  assertEquals(JSON.parse(lines[1] ?? "").msg, "i");
  assertEquals(JSON.parse(lines[2] ?? "").msg, "j");
  assertEquals(lines.slice(3), [""]);
});

Deno.test("shell.md 6.3: an empty log_file goes the same way", async () => {
  const [notice] = await stderrOf("");
  assertEquals(
    notice,
    'failed to configure log file "": open : no such file or directory',
  );
});

Deno.test("shell.md 6.3: folders are not made, and the path is quoted", async () => {
  using dir = makeTempDir();
  const logFile = `${dir.path}/a"b\n/x.log`;
  const [notice] = await stderrOf(logFile);
  const quoted = `"${dir.path}/a\\"b\\n/x.log"`;
  const start = `failed to configure log file ${quoted}: open ${dir.path}/a"b`;
  assertEquals(notice, start);
});

Deno.test("openLog() writes nothing where standard error is the user's", async () => {
  using dir = makeTempDir();
  const host = makeFakeHost();
  await using log = openLog({ logFile: dir.path, logLevel: "" }, host, DISCARD);
  log.error("e");
  assertEquals(host.stderr.text, "");
  const cause = `open ${dir.path}: is a directory`;
  const notice = `failed to configure log file "${dir.path}": ${cause}`;
  assertEquals(log.fault, notice);
});

Deno.test("openLog() has no fault to tell when all is well", async () => {
  using dir = makeTempDir();
  const logFile = `${dir.path}/x.log`;
  await using log = openLog({ logFile, logLevel: "" }, makeFakeHost(), STDERR);
  assertEquals(log.fault, undefined);
});

Deno.test({
  name: "openLog() survives a full disk",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const config = { logFile: "/dev/full", logLevel: "" };
    await using log = openLog(config, makeFakeHost(), STDERR);
    assertEquals(log.fault, undefined);
    log.error("lost");
  },
});

Deno.test("openLog() survives writes after its end", async () => {
  using dir = makeTempDir();
  const logFile = `${dir.path}/x.log`;
  const log = openLog({ logFile, logLevel: "" }, makeFakeHost(), STDERR);
  await log[Symbol.asyncDispose]();
  await log[Symbol.asyncDispose]();
  log.error("late");
  assertEquals(Deno.readTextFileSync(logFile), "");
});

Deno.test("openLog() survives a standard error that is closed", async () => {
  const host = makeFakeHost();
  host.stderr.write = () => Promise.reject(new Deno.errors.BrokenPipe());
  assertEquals(await stderrOf("", host), [""]);
});

Deno.test("openLog() writes one line at a time and bounds those that wait", async () => {
  const host = makeFakeHost();
  const first = Promise.withResolvers<void>();
  const kept: Uint8Array[] = [];
  let writing = 0;
  host.stderr.write = async (bytes) => {
    assertEquals(++writing, 1);
    kept.push(bytes);
    await first.promise;
    writing--;
  };
  const log = openLog({ logFile: "", logLevel: "" }, host, STDERR);
  for (let count = 0; count < 40; count++) log.info("x".repeat(100_000));
  assertEquals(kept.length, 1);
  first.resolve();
  await log[Symbol.asyncDispose]();
  // The notice and as many records as fit 1 MiB.
  assertEquals(kept.length, 11);
});

Deno.test("openLog() loggers with bound fields write to the same place", async () => {
  const stderr = new CollectingWriter();
  const host = { ...makeFakeHost(), io: { ...makeFakeHost().io, stderr } };
  await using log = openLog({ logFile: "", logLevel: "" }, host, STDERR);
  log.with({ correlation_id: "abc123" }).info("i", { a: "b\nc" });
  await log[Symbol.asyncDispose]();
  const [, record = ""] = stderr.text.split("\n");
  const { time: _, ...fields } = JSON.parse(record);
  assertEquals(fields, {
    level: "INFO",
    msg: "i",
    correlation_id: "abc123",
    a: "b\nc",
  });
});

Deno.test({
  name: "a log that root makes belongs to the owner of its folder",
  ignore: Deno.uid() !== 0,
  async fn() {
    using dir = makeTempDir();
    const logFile = `${dir.path}/x.log`;
    await Deno.chown(dir.path, 12_345, 12_346);
    const open = async () => {
      await using log = openLog(
        { logFile, logLevel: "info" },
        makeFakeHost(),
        STDERR,
      );
      log.info("i");
      const { uid, gid } = await Deno.stat(logFile);
      return [uid, gid];
    };
    assertEquals(await open(), [12_345, 12_346]);
    // One that root owns for a reason keeps its owner.
    await Deno.chown(logFile, 0, 0);
    assertEquals(await open(), [0, 0]);
  },
});
