/**
 * How the time of one Git command was spent, how much went each way, and who
 * was the first to be done: what an operator asks of a slow or broken session.
 * The fields stand in the record that closes the command.
 * @module
 */
import type { Clock } from "../core/host.ts";
import type { ByteReader, ByteWriter, StandardStreams } from "../core/io.ts";
import type { LogFields } from "../core/log.ts";

/** Watches one command from its access check to its end. */
export class CallPhases {
  readonly #clock: Clock;
  readonly #startedMs: number;
  #allowedMs: number | undefined;
  #connectedMs: number | undefined;
  #firstByteMs: number | undefined;
  #readBytes = 0;
  #writtenBytes = 0;
  #closedFirst: "client" | "server" | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
  }

  /** GitLab has answered the access check. */
  noteAllowed(): void {
    this.#allowedMs ??= this.#clock.monotonicMs();
  }
  /** There is a connection to Gitaly. */
  noteConnected(): void {
    this.#connectedMs ??= this.#clock.monotonicMs();
  }
  /** The call is over, whoever has ended it. */
  noteEnd(): void {
    this.#closedFirst ??= "server";
  }

  /** The streams of the session, watched as they are used. */
  watch({ stdin, stdout, stderr }: StandardStreams): StandardStreams {
    return {
      stdin: this.#watchReader(stdin),
      stdout: this.#watchWriter(stdout),
      stderr,
    };
  }

  /** What is known when the command has ended; seconds, as all records have. */
  fields(): LogFields {
    const nowMs = this.#clock.monotonicMs();
    const allowedMs = this.#allowedMs ?? nowMs;
    const connectedMs = this.#connectedMs;
    const firstByteMs = this.#firstByteMs;
    return {
      api_duration_s: seconds(allowedMs - this.#startedMs),
      ...(connectedMs !== undefined && {
        gitaly_connect_duration_s: seconds(connectedMs - allowedMs),
      }),
      ...(connectedMs !== undefined && firstByteMs !== undefined && {
        first_byte_duration_s: seconds(firstByteMs - connectedMs),
        transfer_duration_s: seconds(nowMs - firstByteMs),
      }),
      ...(this.#allowedMs !== undefined && {
        read_bytes: this.#readBytes,
        written_bytes: this.#writtenBytes,
      }),
      ...(this.#closedFirst && { closed_first: this.#closedFirst }),
    };
  }

  #watchReader(reader: ByteReader): ByteReader {
    const note = (bytes: Uint8Array | null) => {
      if (bytes) this.#readBytes += bytes.length;
      else this.#closedFirst ??= "client";
      return bytes;
    };
    return { read: () => reader.read().then(note) };
  }

  #watchWriter(writer: ByteWriter): ByteWriter {
    const lost = (error: unknown) => {
      this.#closedFirst ??= "client";
      throw error;
    };
    return {
      ...(writer.batchBytes !== undefined && { batchBytes: writer.batchBytes }),
      write: (bytes) => {
        this.#firstByteMs ??= this.#clock.monotonicMs();
        this.#writtenBytes += bytes.length;
        return writer.write(bytes).catch(lost);
      },
    };
  }
}

function seconds(durationMs: number): number {
  return Math.round(durationMs * 1_000) / 1_000_000;
}
