/**
 * The gRPC server of one connection: services, token check, records.
 * @module
 */
import {
  type handleBidiStreamingCall,
  type handleUnaryCall,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerInterceptor,
  type ServerUnaryCall,
  type UntypedHandleCall,
} from "@grpc/grpc-js";
import type { Duplex } from "node:stream";
import type { CallContext } from "./call_context.ts";
import { type CallEntry, CallRegister } from "./call_register.ts";
import type { GitalyCore } from "./core.ts";
import { type GrpcError, toGrpcError } from "./grpc_error.ts";
import { GrpcExchange, type PackStream } from "./grpc_exchange.ts";
import { HEALTH_HANDLERS, HEALTH_SERVICE } from "./health.ts";
import {
  loadSshService,
  type PackRequestMessage,
  type PackResponseMessage,
  type UploadPackResponseMessage,
} from "./messages.ts";
import type { ConnectionRecord } from "./call_records.ts";
import { StatusError, toStatusError } from "./status.ts";
import { servePackStream, STREAM_KINDS } from "./stream_call.ts";
import { serveUploadPackWithSidechannel } from "./upload_pack_call.ts";
import type { YamuxSession } from "./yamux_session.ts";

type UnaryCall = ServerUnaryCall<PackRequestMessage, UploadPackResponseMessage>;
type Answer = sendUnaryData<UploadPackResponseMessage>;

/** Where the calls come in. */
export interface ServedConnection {
  readonly record: ConnectionRecord;
  /** Absent on a plain connection. */
  readonly session: YamuxSession | undefined;
}

const SERVER_OPTIONS = {
  // One server per connection: nobody looks at the statistics of each.
  "grpc.enable_channelz": 0,
  "grpc.keepalive_time_ms": 300_000,
  "grpc.keepalive_timeout_ms": 20_000,
  // Pushes come in through here; the default of 64 KiB makes them crawl.
  "grpc-node.flow_control_window": 4 * 1024 * 1024,
};
const SIDECHANNEL_METHOD = "SSHUploadPackWithSidechannel";
const SIDECHANNEL_KEY = "gitaly-sidechannel-id";

/**
 * A gRPC server of its own for each connection, so that a handler knows which
 * one its call came in on.
 */
export class ConnectionServer {
  readonly #core: GitalyCore;
  readonly #connection: ServedConnection;
  readonly #register: CallRegister;
  readonly #server: Server;
  readonly #injector: ReturnType<Server["createConnectionInjector"]>;

  constructor(core: GitalyCore, connection: ServedConnection) {
    this.#core = core;
    this.#connection = connection;
    this.#register = new CallRegister(core, connection.record);
    const guard: ServerInterceptor = (method, call) =>
      this.#register.intercept(method.path, call);
    this.#server = new Server({ ...SERVER_OPTIONS, interceptors: [guard] });
    this.#server.addService(loadSshService(), this.#handlers());
    this.#server.addService(HEALTH_SERVICE, HEALTH_HANDLERS);
    const credentials = ServerCredentials.createInsecure();
    this.#injector = this.#server.createConnectionInjector(credentials);
  }

  /** Runs HTTP/2 on `duplex`. Call once. */
  serve(duplex: Duplex): void {
    this.#injector.injectConnection(duplex);
  }

  /** Announces the end and lets running calls finish. */
  drain(graceMs: number): void {
    this.#injector.drain(graceMs);
  }

  /** Ends every call. */
  close(): void {
    this.#register.abandonAll();
    this.#injector.destroy();
    this.#server.forceShutdown();
  }

  #handlers(): Record<string, UntypedHandleCall> {
    const { hasPlainRpc, hasSidechannelRpc } = this.#core.era;
    const handlers: Record<string, UntypedHandleCall> = {
      [SIDECHANNEL_METHOD]: this.#unary(hasSidechannelRpc),
    };
    for (const method of STREAM_KINDS.keys()) {
      const isKnown = method !== "SSHUploadPack" || hasPlainRpc;
      handlers[method] = this.#stream(method, isKnown);
    }
    return handlers;
  }

  #unary(
    isKnown: boolean,
  ): handleUnaryCall<PackRequestMessage, UploadPackResponseMessage> {
    return (call, answer) => {
      if (!isKnown) return answer(this.#unknown(SIDECHANNEL_METHOD));
      this.#runUnary(call, answer);
    };
  }

  #stream(
    method: string,
    isKnown: boolean,
  ): handleBidiStreamingCall<PackRequestMessage, PackResponseMessage> {
    return (call) => {
      if (!isKnown) return void call.emit("error", this.#unknown(method));
      this.#runStream(method, call);
    };
  }

  async #runUnary(call: UnaryCall, answer: Answer): Promise<void> {
    const entry = this.#register.take(call.metadata);
    entry.record.request = call.request;
    this.#core.calls.changed();
    // What was sent more than once stands joined; the last one counts.
    const ids = String(call.metadata.get(SIDECHANNEL_KEY).at(-1) ?? "");
    const id = ids === "" ? undefined : ids.split(",").at(-1)?.trim();
    try {
      const context = this.#context(entry);
      const message = await serveUploadPackWithSidechannel(
        context,
        id,
        call.request,
      );
      const { finalStatus } = entry.fault;
      if (finalStatus) throw finalStatus;
      answer(null, message ?? {} as UploadPackResponseMessage);
    } catch (error) {
      answer(toGrpcError(toStatusError(error)));
    }
  }

  async #runStream(method: string, call: PackStream): Promise<void> {
    const entry = this.#register.take(call.metadata);
    const kind = STREAM_KINDS.get(method);
    try {
      if (!kind) throw new TypeError(`Nothing serves ${method}`);
      const context = this.#context(entry);
      await servePackStream(kind, new GrpcExchange(call), context);
      const { finalStatus } = entry.fault;
      if (finalStatus) throw finalStatus;
      call.end();
    } catch (error) {
      if (!entry.signal.aborted) {
        call.emit("error", toGrpcError(toStatusError(error)));
      }
    }
  }

  #context({ record, fault, signal }: CallEntry): CallContext {
    const { session } = this.#connection;
    return { core: this.#core, record, fault, session, signal };
  }

  #unknown(method: string): GrpcError {
    const { code, message } = this.#core.era.unknownMethod(method);
    return toGrpcError(new StatusError(code, message));
  }
}
