/**
 * Opens the log that the configuration and the environment ask for. What goes
 * wrong with it never stops a program.
 * Source: GitLab Shell 14.56.1, logger package (LabKit v2).
 * @module
 */
import { quoteGo } from "../core/go_text.ts";
import type { Host } from "../core/host.ts";
import type { ByteWriter } from "../core/io.ts";
import {
  Logger,
  type LogOptions,
  type LogSink,
  parseLogLevel,
} from "../core/log.ts";
import type { Config } from "./config.ts";
import { formatPathError } from "./config_file.ts";

const FILE_MODE = 0o600;
// A reader of standard error that has stopped reading costs no more than this.
const PENDING_BYTES_MAX = 1024 * 1024;
const encoder = new TextEncoder();

/** Where records go when the file cannot be opened. */
export interface OpenLogOptions {
  /**
   * `stderr`: a notice and all records, for programs whose standard error is
   * the operator's. `discard`: nowhere, for a program whose standard error is
   * the remote user's terminal.
   */
  readonly fallback: "stderr" | "discard";
  /** Whether somebody has given the notice already, as the main thread has. */
  readonly isNoticed?: boolean;
}

/** A sink that can be waited for and closed. */
interface ClosableSink extends LogSink {
  close(): Promise<void>;
}

/** A logger that owns where its records go. */
export class OpenedLog extends Logger implements AsyncDisposable {
  readonly #sink: ClosableSink;
  /** Why the file is not used, as the notice says it; absent if all is well. */
  readonly fault: string | undefined;

  constructor(
    options: Omit<LogOptions, "sink">,
    sink: ClosableSink,
    fault?: string,
  ) {
    super({ ...options, sink });
    this.#sink = sink;
    this.fault = fault;
  }

  /** Waits until every record is written, and closes the file. Never throws. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#sink.close();
  }
}

/** Opens the log; never throws, and neither does writing to it. */
export function openLog(
  { logFile, logLevel }: Pick<Config, "logFile" | "logLevel">,
  { env, clock, io }: Pick<Host, "env" | "clock" | "io">,
  { fallback, isNoticed = false }: OpenLogOptions,
): OpenedLog {
  const timeZone = findTimeZone(env("GITLAB_LOG_TIMEZONE") ?? "");
  const options = {
    clock,
    threshold: parseLogLevel(logLevel) ??
      parseLogLevel(env("GITLAB_LOG_LEVEL") ?? "") ?? 0,
    format: env("GITLAB_LOG_FORMAT")?.toLowerCase() === "text"
      ? "text" as const
      : "json" as const,
    ...(timeZone === undefined ? {} : { timeZone }),
  };
  try {
    return new OpenedLog(options, openFileSink(logFile));
  } catch (error) {
    const fault = `failed to configure log file ${quoteGo(logFile)}: ` +
      formatPathError("open", logFile, error);
    if (fallback === "discard") {
      return new OpenedLog(options, DISCARDING_SINK, fault);
    }
    const sink = makeStreamSink(io.stderr);
    if (!isNoticed) sink.writeLine(encoder.encode(`${fault}\n`));
    return new OpenedLog(options, sink, fault);
  }
}

/** @returns An IANA zone that exists, or `undefined` for UTC. */
function findTimeZone(name: string): string | undefined {
  // Offsets such as +02:00 mean something here, but nothing to Go.
  if (!/^[A-Z]/i.test(name)) return undefined;
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    return name;
  } catch {
    return undefined;
  }
}

/**
 * Gives a log that root has just made to the owner of its folder: sessions of
 * that account would else lose their records, since root once ran a check.
 */
function adoptFolderOwner(path: string): void {
  try {
    if (Deno.statSync(path).uid !== 0) return;
    const folder = Deno.statSync(path.slice(0, path.lastIndexOf("/")) || "/");
    if (folder.uid !== 0) Deno.chownSync(path, folder.uid, folder.gid);
  } catch {
    // Then it is as it always was.
  }
}

const DISCARDING_SINK: ClosableSink = {
  writeLine: () => {},
  close: () => Promise.resolve(),
};

/** @throws {Error} What the system says against opening the file. */
function openFileSink(path: string): ClosableSink {
  const file = openOrCreate(path);
  let isOpen = true;
  return {
    writeLine(line) {
      try {
        // One write a record: other processes append to the same file.
        file.writeSync(line);
      } catch {
        // A full disk may cost records, never a user's command.
      }
    },
    close() {
      if (isOpen) file.close();
      isOpen = false;
      return Promise.resolve();
    },
  };
}

function openOrCreate(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { append: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const file = Deno.openSync(path, {
    append: true,
    create: true,
    mode: FILE_MODE,
  });
  adoptFolderOwner(path);
  return file;
}

/** Writes one line after the other; drops what a stuck reader leaves behind. */
function makeStreamSink(writer: ByteWriter): ClosableSink {
  const waiting: Uint8Array[] = [];
  let pendingBytes = 0;
  let drained: Promise<void> | undefined;
  async function drain() {
    for (let line = waiting.shift(); line; line = waiting.shift()) {
      try {
        await writer.write(line);
      } catch {
        // A reader that has gone away must not matter to the program.
      }
      pendingBytes -= line.length;
    }
    drained = undefined;
  }
  return {
    writeLine(line) {
      if (pendingBytes + line.length > PENDING_BYTES_MAX) return;
      pendingBytes += line.length;
      waiting.push(line);
      drained ??= drain();
    },
    close: () => drained ?? Promise.resolve(),
  };
}
