import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { SYSTEM_CLOCK } from "../../../src/core/host.ts";
import { RefusedLineError } from "../../../src/keys/line.ts";
import {
  readRecords,
  RecordParser,
  type RecordSink,
} from "../../../src/keys/record_stream.ts";
import { RECORD_BYTES_MAX } from "../../../src/keys/record.ts";
import { readerOf } from "../../support/fake_host.ts";

const decoder = new TextDecoder();
const bytes = (text: string) => new TextEncoder().encode(text);

interface Collected extends RecordSink {
  readonly records: string[];
  readonly faults: string[];
}

function collect(): Collected {
  const records: string[] = [];
  const faults: string[] = [];
  return {
    records,
    faults,
    onRecord: ({ id, key }) => {
      records.push(`${decoder.decode(id)} ${decoder.decode(key)}`);
    },
    onInvalid: ({ message }) => {
      faults.push(message);
    },
  };
}

function parse(chunks: readonly Uint8Array[]): Collected {
  const sink = collect();
  const parser = new RecordParser({ isStrict: false }, sink);
  for (const chunk of chunks) parser.push(chunk);
  parser.end();
  return sink;
}

Deno.test("RecordParser gives the same records at every split point", () => {
  const input = bytes(
    "key-1\tssh-rsa AAAA\nbad\nkey-2\tssh-rsa BBBB \u00e9\r\n\nkey-3\tx y",
  );
  const whole = parse([input]);
  assertEquals(whole.records, [
    "key-1 ssh-rsa AAAA",
    "key-2 ssh-rsa BBBB \u00e9",
    "key-3 x y",
  ]);
  assertEquals(whole.faults, [
    'invalid input "bad\\n" in line 2',
    'invalid input "\\n" in line 4',
  ]);
  for (let first = 0; first <= input.length; first++) {
    for (let second = first; second <= input.length; second += 7) {
      const split = parse([
        input.subarray(0, first),
        input.subarray(first, second),
        input.subarray(second),
      ]);
      assertEquals(split.records, whole.records);
      assertEquals(split.faults, whole.faults);
    }
  }
});

Deno.test("RecordParser keeps bytes that are not UTF-8", () => {
  const seen: Uint8Array[] = [];
  const parser = new RecordParser({ isStrict: false }, {
    onRecord: ({ key }) => void seen.push(key.slice()),
    onInvalid: (error) => {
      throw error;
    },
  });
  parser.push(
    new Uint8Array([...bytes("key-1\tssh-rsa AAAA "), 0xff, 0xc0, 0x0a]),
  );
  assertEquals(seen, [new Uint8Array([...bytes("ssh-rsa AAAA "), 0xff, 0xc0])]);
});

Deno.test("RecordParser takes a line of any length for one bad record", () => {
  const chunk = new Uint8Array(RECORD_BYTES_MAX).fill(0x78);
  const { records, faults } = parse([
    ...Array(40).fill(chunk),
    bytes("\nkey-1\tssh-rsa AAAA\n"),
  ]);
  assertEquals(records, ["key-1 ssh-rsa AAAA"]);
  assertEquals(faults.length, 1);
});

Deno.test("RecordParser ends when the sink throws", () => {
  const parser = new RecordParser({ isStrict: false }, {
    onRecord: () => {},
    onInvalid: (error) => {
      throw error;
    },
  });
  assertThrows(() => parser.push(bytes("bad\n")), RefusedLineError);
});

const WAIT = {
  clock: SYSTEM_CLOCK,
  signal: new AbortController().signal,
  idleTimeoutMs: 60_000,
};

Deno.test("readRecords() reads to the end and tells how far it is", async () => {
  const sink = collect();
  const progress: number[] = [];
  await readRecords(
    readerOf("key-1\tssh-rsa", " AAAA\n", "key-2\tssh-rsa BBBB"),
    new RecordParser({ isStrict: false }, sink),
    { ...WAIT, onProgress: (count) => void progress.push(count) },
  );
  assertEquals(sink.records, ["key-1 ssh-rsa AAAA", "key-2 ssh-rsa BBBB"]);
  assertEquals(progress, [13, 19, 37]);
});

Deno.test("readRecords() gives up on a producer that falls silent", async () => {
  const { promise, resolve } = Promise.withResolvers<null>();
  const error = await assertRejects(() =>
    readRecords(
      { read: () => promise },
      new RecordParser({ isStrict: false }, collect()),
      { ...WAIT, idleTimeoutMs: 20 },
    )
  );
  assertEquals((error as Error).message, "no input for 0.02 s");
  resolve(null);
});

Deno.test("readRecords() stops when it is told to", async () => {
  const stop = new AbortController();
  const { promise, resolve } = Promise.withResolvers<null>();
  const reading = readRecords(
    { read: () => promise },
    new RecordParser({ isStrict: false }, collect()),
    { ...WAIT, signal: stop.signal },
  );
  stop.abort(new Error("stopped"));
  await assertRejects(() => reading, Error, "stopped");
  resolve(null);
});
