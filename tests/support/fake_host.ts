/**
 * A host made of values, for tests that must not touch the process.
 * @module
 */
import type { Clock, Host } from "../../src/core/host.ts";
import type { ByteReader, ByteWriter } from "../../src/core/io.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** A sink that keeps what it was given. */
export class CollectingWriter implements ByteWriter {
  readonly chunks: Uint8Array[] = [];
  write(bytes: Uint8Array): Promise<void> {
    this.chunks.push(bytes.slice());
    return Promise.resolve();
  }
  /** Everything written so far, as bytes. */
  get bytes(): Uint8Array {
    const all = new Uint8Array(
      this.chunks.reduce((sum, { length }) => sum + length, 0),
    );
    let at = 0;
    for (const chunk of this.chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }
  /** Everything written so far, as text. */
  get text(): string {
    return decoder.decode(this.bytes);
  }
}

/** A source that gives the chunks one by one and then ends. */
export function readerOf(...chunks: (string | Uint8Array)[]): ByteReader {
  const waiting = chunks.map((chunk) =>
    typeof chunk === "string" ? encoder.encode(chunk) : chunk
  );
  return {
    read: () => Promise.resolve(waiting.shift() ?? null),
  };
}

/** A clock that stands still unless it is told to go on; waits are recorded. */
export class FakeClock implements Clock {
  /** Every wait that was asked for, in milliseconds. */
  readonly sleepsMs: number[] = [];
  #nowMs: number;
  /** How far the wall clock was set off. */
  #offMs = 0;
  constructor(nowMs = Date.UTC(2026, 7, 18, 9, 21, 49, 123)) {
    this.#nowMs = nowMs;
  }
  nowMs(): number {
    return this.#nowMs + this.#offMs;
  }
  monotonicMs(): number {
    return this.#nowMs;
  }
  /** Moves both clocks on. */
  advance(ms: number): void {
    this.#nowMs += ms;
  }
  /** Sets the wall clock on, or back, as an administrator or NTP would. */
  setOff(ms: number): void {
    this.#offMs += ms;
  }
  sleep(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    this.sleepsMs.push(timeoutMs);
    this.#nowMs += timeoutMs;
    return Promise.resolve();
  }
}

/** What a fake host is made of, and what it collects. */
export interface FakeHost extends Host {
  readonly stdout: CollectingWriter;
  readonly stderr: CollectingWriter;
  readonly environment: Map<string, string>;
}

/** Makes a host; everything left out is empty. */
export function makeFakeHost(
  { programName = "gitlab-shell", args = [], env = {}, stdin = readerOf() }: {
    programName?: string;
    args?: readonly string[];
    env?: Readonly<Record<string, string>>;
    stdin?: ByteReader;
  } = {},
): FakeHost {
  const stdout = new CollectingWriter();
  const stderr = new CollectingWriter();
  const environment = new Map(Object.entries(env));
  return {
    programName,
    invokedAs: programName,
    executablePath: undefined,
    build: { version: "(unknown version)", buildTime: "19700101.000000" },
    args,
    io: { stdin, stdout, stderr },
    clock: new FakeClock(),
    signal: new AbortController().signal,
    env: (name) => environment.get(name),
    setEnv: (name, value) => {
      environment.set(name, value);
    },
    stdout,
    stderr,
    environment,
  };
}
