/**
 * Meets every call before its handler does: checks its token, applies the
 * faults that were ordered, and writes down how it began and ended.
 * @module
 */
import type { Metadata } from "@grpc/grpc-js";
import {
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
} from "@grpc/grpc-js";
import type { GitalyCore } from "./core.ts";
import type { CallFault } from "./faults.ts";
import { toGrpcError } from "./grpc_error.ts";
import type {
  CallRecord,
  ConnectionRecord,
  RecordedStatus,
} from "./call_records.ts";
import { CODE, type StatusError } from "./status.ts";
import { checkToken } from "./token_auth.ts";

/** What a handler is given of a call that passed. */
export interface CallEntry {
  readonly record: CallRecord;
  readonly fault: CallFault;
  /** Aborted when the caller cancels or is gone. */
  readonly signal: AbortSignal;
}

type Call = ServerInterceptingCallInterface;
type End = (status: RecordedStatus) => void;

const GITALY_PATH = "/gitaly.SSHService/";
const CANCELED = { code: CODE.canceled, message: "context canceled" };

/** The calls of one connection. */
export class CallRegister {
  readonly #core: GitalyCore;
  readonly #connection: ConnectionRecord;
  readonly #entries = new WeakMap<Metadata, CallEntry>();
  readonly #running = new Set<() => void>();

  constructor(core: GitalyCore, connection: ConnectionRecord) {
    this.#core = core;
    this.#connection = connection;
  }

  /**
   * What was written down of the call with this metadata.
   * @throws {TypeError} If the call was never met.
   */
  take(metadata: Metadata): CallEntry {
    const entry = this.#entries.get(metadata);
    if (!entry) throw new TypeError("A call was not registered");
    return entry;
  }

  /** Ends every call as if its caller had gone: the connection has. */
  abandonAll(): void {
    for (const stop of [...this.#running]) stop();
  }

  /** Stands between grpc-js and the handler of the method at `path`. */
  intercept(path: string, call: Call): ServerInterceptingCall {
    // Other services, health checks, need no token and leave no record.
    if (!path.startsWith(GITALY_PATH)) return new ServerInterceptingCall(call);
    const method = path.slice(GITALY_PATH.length);
    const caller = new AbortController();
    const ended = Promise.withResolvers<RecordedStatus>();
    const stop = () => {
      caller.abort(new Error("call cancelled"));
      ended.resolve(CANCELED);
    };
    this.#running.add(stop);
    ended.promise.then(() => {
      this.#running.delete(stop);
      this.#core.calls.changed();
    });
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            const record = this.#record(method, metadata, ended.promise);
            const fault = this.#core.faults.call?.(record) ?? {};
            const entry = { record, fault, signal: caller.signal };
            this.#entries.set(metadata, entry);
            this.#admit(call, entry, ended.resolve).then((isAdmitted) => {
              if (isAdmitted) pass(metadata);
            });
          },
          onCancel: stop,
        }),
      sendStatus: (status, next) => {
        const { code = CODE.unknown, details = "" } = status;
        ended.resolve({ code, message: details ?? "" });
        next(status);
      },
    });
  }

  async #admit(
    call: Call,
    { record, fault, signal }: CallEntry,
    end: End,
  ): Promise<boolean> {
    if (fault.delayMs !== undefined) await pause(fault.delayMs, signal);
    if (signal.aborted) return false;
    const refusal = this.#checkToken(record) ?? fault.refusal;
    if (!refusal) return true;
    const { code, message } = refusal;
    end({ code, message });
    call.sendStatus(toGrpcError(refusal));
    return false;
  }

  #checkToken({ metadata }: CallRecord): StatusError | undefined {
    const { token, clock, era } = this.#core;
    return checkToken(metadata["authorization"], {
      token,
      nowMs: clock.nowMs(),
      isTerse: era.isAuthTerse,
    });
  }

  #record(
    method: string,
    metadata: Metadata,
    ended: Promise<RecordedStatus>,
  ): CallRecord {
    const values: Record<string, string> = {};
    for (const name of Object.keys(metadata.getMap())) {
      values[name] = metadata.get(name).map(String).join(", ");
    }
    const record: CallRecord = {
      method,
      metadata: values,
      connection: this.#connection,
      request: undefined,
      gitPid: undefined,
      outputBytes: 0,
      statistics: undefined,
      ended,
    };
    this.#core.calls.add(record);
    return record;
  }
}

function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, delayMs);
    signal.addEventListener("abort", end);
  });
}
