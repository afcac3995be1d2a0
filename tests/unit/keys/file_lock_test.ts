import { assert, assertEquals, assertRejects } from "@std/assert";
import { SYSTEM_CLOCK } from "../../../src/core/host.ts";
import { KeyFileError } from "../../../src/keys/file_error.ts";
import { lockKeyFile } from "../../../src/keys/file_lock.ts";
import { FakeClock } from "../../support/fake_host.ts";
import { makeTempDir } from "../../support/temp_dir.ts";

const signal = new AbortController().signal;

Deno.test("lockKeyFile() makes the lock file 0600 beside the managed one and keeps it", async () => {
  using folder = makeTempDir();
  const path = `${folder.path}/keys`;
  {
    using _lock = await lockKeyFile(path, {
      clock: SYSTEM_CLOCK,
      signal,
      timeoutMs: 0,
    });
    assertEquals((Deno.statSync(`${path}.lock`).mode ?? 0) & 0o777, 0o600);
  }
  assert(Deno.statSync(`${path}.lock`).isFile);
});

Deno.test("lockKeyFile() gives up in time while another holds the lock", async () => {
  using folder = makeTempDir();
  const path = `${folder.path}/keys`;
  const clock = new FakeClock();
  using _lock = await lockKeyFile(path, { clock, signal, timeoutMs: 0 });
  const before = clock.monotonicMs();
  await assertRejects(
    () => lockKeyFile(path, { clock, signal, timeoutMs: 2_500 }),
    KeyFileError,
    `could not lock ${path}.lock within 2.5 s`,
  );
  assertEquals(clock.monotonicMs() - before, 2_500);
  assert(clock.sleepsMs.every((ms) => ms <= 50));
});

Deno.test("lockKeyFile() gets the lock when it becomes free", async () => {
  using folder = makeTempDir();
  const path = `${folder.path}/keys`;
  const wait = { clock: SYSTEM_CLOCK, signal, timeoutMs: 10_000 };
  const first = await lockKeyFile(path, wait);
  const second = lockKeyFile(path, wait);
  first[Symbol.dispose]();
  using _lock = await second;
});

Deno.test("lockKeyFile() stops waiting when it is told to", async () => {
  using folder = makeTempDir();
  const path = `${folder.path}/keys`;
  const stop = new AbortController();
  const wait = { clock: SYSTEM_CLOCK, signal: stop.signal, timeoutMs: 60_000 };
  using _lock = await lockKeyFile(path, wait);
  const waiting = lockKeyFile(path, wait);
  stop.abort(new Error("stopped"));
  await assertRejects(() => waiting, Error, "stopped");
});

Deno.test("lockKeyFile() follows no link and opens no FIFO", async () => {
  using folder = makeTempDir();
  const path = `${folder.path}/keys`;
  Deno.symlinkSync("/nowhere/else", `${path}.lock`);
  await assertRejects(
    () => lockKeyFile(path, { clock: SYSTEM_CLOCK, signal, timeoutMs: 0 }),
    KeyFileError,
    "Not a regular file",
  );
});

Deno.test("lockKeyFile() names the directory that is not there", async () => {
  using folder = makeTempDir();
  const path = `${folder.path}/none/keys`;
  await assertRejects(
    () => lockKeyFile(path, { clock: SYSTEM_CLOCK, signal, timeoutMs: 0 }),
    KeyFileError,
    `could not open ${path}.lock: No such file or directory`,
  );
});
