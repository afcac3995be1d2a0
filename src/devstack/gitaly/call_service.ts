/**
 * Serves the calls of one connection: checks the token, applies the faults
 * that were ordered, finds the handler, and writes down how it went.
 * Source: Gitaly, internal/gitaly/server; doc/health-checking.md of gRPC.
 * @module
 */
import type { CallContext } from "./call_context.ts";
import type {
  CallRecord,
  ConnectionRecord,
  RecordedStatus,
} from "./call_records.ts";
import type { IncomingCall } from "./carrier.ts";
import type { GitalyCore } from "./core.ts";
import type { CallFault } from "./faults.ts";
import { encodeResponse, METHODS, openExchange } from "./messages.ts";
import { CODE, StatusError, toStatusError } from "./status.ts";
import { servePackStream, STREAM_KINDS } from "./stream_call.ts";
import { checkToken } from "./token_auth.ts";
import { serveUploadPackWithSidechannel } from "./upload_pack_call.ts";
import type { YamuxSession } from "./yamux_session.ts";

/** Where the calls come in. */
export interface ServedConnection {
  readonly record: ConnectionRecord;
  /** Absent on a plain connection. */
  readonly session: YamuxSession | undefined;
}

const SERVICE_PATH = "/gitaly.SSHService/";
const HEALTH_PATH = "/grpc.health.v1.Health/Check";
/** `HealthCheckResponse { status: SERVING }`. */
const SERVING = Uint8Array.of(0x08, 0x01);
const SIDECHANNEL_METHOD = "SSHUploadPackWithSidechannel";
const PLAIN_METHOD = "SSHUploadPack";
const SIDECHANNEL_KEY = "gitaly-sidechannel-id";

/** Paths of all methods that are answered, if only by a refusal. */
export const CALL_PATHS: readonly string[] = [
  ...METHODS.map((method) => SERVICE_PATH + method),
  HEALTH_PATH,
];

/** The calls of one connection. */
export class CallService {
  readonly #core: GitalyCore;
  readonly #connection: ServedConnection;

  constructor(core: GitalyCore, connection: ServedConnection) {
    this.#core = core;
    this.#connection = connection;
  }

  /** Runs a call to its end. Never rejects. */
  async serve(call: IncomingCall): Promise<void> {
    // Health checks need no token and leave no record.
    if (call.path === HEALTH_PATH) return await serveHealthCheck(call);
    const ended = Promise.withResolvers<RecordedStatus>();
    const record = this.#record(call, ended.promise);
    let status: StatusError | undefined;
    try {
      await this.#run(call, record);
    } catch (error) {
      status = toStatusError(error);
    }
    // Whatever the handler said, a call whose caller has gone was cancelled.
    if (call.signal.aborted) {
      status = new StatusError(CODE.canceled, "context canceled");
    }
    call.end(status);
    const { code, message } = status ?? { code: CODE.ok, message: "" };
    ended.resolve({ code, message });
    this.#core.calls.changed();
  }

  async #run(call: IncomingCall, record: CallRecord): Promise<void> {
    const { method } = record;
    if (!this.#isKnown(method)) {
      const { code, message } = this.#core.era.unknownMethod(method);
      throw new StatusError(code, message);
    }
    const fault = this.#core.faults.call?.(record) ?? {};
    if (fault.delayMs !== undefined) await pause(fault.delayMs, call.signal);
    const refusal = this.#checkToken(call) ?? fault.refusal;
    if (refusal) throw refusal;
    await this.#dispatch(call, record, fault);
    if (fault.finalStatus) throw fault.finalStatus;
  }

  async #dispatch(
    call: IncomingCall,
    record: CallRecord,
    fault: CallFault,
  ): Promise<void> {
    const context: CallContext = {
      core: this.#core,
      record,
      fault,
      session: this.#connection.session,
      signal: call.signal,
    };
    const exchange = openExchange(record.method, call);
    const kind = STREAM_KINDS.get(record.method);
    if (kind) return await servePackStream(kind, exchange, context);
    const request = await exchange.receive();
    if (!request) throw new StatusError(CODE.internal, "receive request: EOF");
    record.request = request;
    this.#core.calls.changed();
    // What was sent more than once stands joined; the last one counts.
    const id = call.metadata[SIDECHANNEL_KEY]?.split(",").at(-1)?.trim();
    const response = await serveUploadPackWithSidechannel(context, id, request);
    await call.send(encodeResponse(record.method, response ?? {}));
  }

  #isKnown(method: string): boolean {
    const { hasPlainRpc, hasSidechannelRpc } = this.#core.era;
    if (method === SIDECHANNEL_METHOD) return hasSidechannelRpc;
    return method !== PLAIN_METHOD || hasPlainRpc;
  }

  #checkToken({ metadata }: IncomingCall): StatusError | undefined {
    const { token, clock, era } = this.#core;
    return checkToken(metadata["authorization"], {
      token,
      nowMs: clock.nowMs(),
      isTerse: era.isAuthTerse,
    });
  }

  #record(
    { path, metadata }: IncomingCall,
    ended: Promise<RecordedStatus>,
  ): CallRecord {
    const record: CallRecord = {
      method: path.slice(SERVICE_PATH.length),
      metadata,
      connection: this.#connection.record,
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

async function serveHealthCheck(call: IncomingCall): Promise<void> {
  try {
    await call.receive();
    await call.send(SERVING);
    call.end(undefined);
  } catch (error) {
    call.end(toStatusError(error));
  }
}

function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, delayMs);
    signal.addEventListener("abort", end);
  });
}
