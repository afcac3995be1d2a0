import { assertEquals, assertRejects } from "@std/assert";
import { CallPhases } from "../../../src/command/call_phases.ts";
import {
  CollectingWriter,
  FakeClock,
  readerOf,
} from "../../support/fake_host.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("CallPhases tells every phase of a fetch, in seconds", async () => {
  const clock = new FakeClock();
  const phases = new CallPhases(clock);
  const stdout = new CollectingWriter();
  clock.advance(30);
  phases.noteAllowed();
  clock.advance(5);
  phases.noteConnected();
  const io = phases.watch({
    stdin: readerOf("wants"),
    stdout,
    stderr: new CollectingWriter(),
  });
  await io.stdin.read();
  clock.advance(40);
  await io.stdout.write(bytes("pack"));
  clock.advance(2_000);
  await io.stdout.write(bytes("more"));
  await io.stdin.read();
  phases.noteEnd();
  assertEquals(phases.fields(), {
    api_duration_s: 0.03,
    gitaly_connect_duration_s: 0.005,
    first_byte_duration_s: 0.04,
    transfer_duration_s: 2,
    read_bytes: 5,
    written_bytes: 8,
    closed_first: "client",
  });
  assertEquals(stdout.text, "packmore");
});

Deno.test("CallPhases tells how large the writes of an output should be", () => {
  const stdin = readerOf();
  const stderr = new CollectingWriter();
  for (const batchBytes of [undefined, 4096]) {
    const stdout = Object.assign(
      new CollectingWriter(),
      batchBytes === undefined ? {} : { batchBytes },
    );
    const phases = new CallPhases(new FakeClock());
    const io = phases.watch({ stdin, stdout, stderr });
    assertEquals(io.stdout.batchBytes, batchBytes);
  }
});

Deno.test("CallPhases names the server when the client still had the word", async () => {
  const phases = new CallPhases(new FakeClock());
  phases.noteAllowed();
  phases.noteConnected();
  const writer = new CollectingWriter();
  const io = phases.watch({
    stdin: readerOf("x"),
    stdout: writer,
    stderr: writer,
  });
  await io.stdin.read();
  phases.noteEnd();
  await io.stdin.read();
  assertEquals(phases.fields()["closed_first"], "server");
  assertEquals("first_byte_duration_s" in phases.fields(), false);
});

Deno.test("CallPhases names the client when a write fails", async () => {
  const phases = new CallPhases(new FakeClock());
  phases.noteAllowed();
  const broken = { write: () => Promise.reject(new Error("gone")) };
  const io = phases.watch({
    stdin: readerOf(),
    stdout: broken,
    stderr: broken,
  });
  await assertRejects(() => io.stdout.write(bytes("x")), Error, "gone");
  phases.noteEnd();
  assertEquals(phases.fields()["closed_first"], "client");
});

Deno.test("CallPhases of a refusal has GitLab's time alone", () => {
  const clock = new FakeClock();
  const phases = new CallPhases(clock);
  clock.advance(12);
  assertEquals(phases.fields(), { api_duration_s: 0.012 });
});
