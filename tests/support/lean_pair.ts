/**
 * A lean connection to a scripted server, over memory.
 * @module
 */
import type {
  GrpcCall,
  GrpcCallStart,
  GrpcConnectOptions,
} from "../../src/gitaly/grpc_call.ts";
import { LeanConnection } from "../../src/gitaly/http2/lean_connection.ts";
import { FakeHttp2Server, settings, TYPE } from "./fake_http2_server.ts";

const PATH = "/gitaly.SSHService/SSHReceivePack";
const OPTIONS: GrpcConnectOptions = {
  authority: "localhost",
  scheme: "http",
  keepaliveTimeMs: 20_000,
  keepaliveTimeoutMs: 20_000,
};

/** A call of messages both ways. */
export const BIDI: GrpcCallStart = { path: PATH, metadata: [], isUnary: false };
/** A call of one message each way. */
export const UNARY: GrpcCallStart = { ...BIDI, isUnary: true };

/** Both ends; `using` closes the connection. */
export interface LeanPair extends Disposable {
  readonly server: FakeHttp2Server;
  readonly connection: LeanConnection;
}

/** Connects to a server that has not said anything. */
export function connect(options: Partial<GrpcConnectOptions> = {}): LeanPair {
  const server = new FakeHttp2Server();
  const connection = new LeanConnection(server, { ...OPTIONS, ...options });
  return { server, connection, [Symbol.dispose]: () => connection.close() };
}

/** Connects to a server whose SETTINGS were received and answered. */
export async function connectReady(
  ...pairs: (readonly [number, number])[]
): Promise<LeanPair> {
  const pair = connect();
  pair.server.send(settings(...pairs));
  await pair.server.next(TYPE.windowUpdate);
  await pair.server.next(TYPE.settings);
  return pair;
}

/** The messages of a call as text, up to its end. */
export async function receiveAll(call: GrpcCall): Promise<string[]> {
  const messages: string[] = [];
  for (;;) {
    const message = await call.receive();
    if (message === null) return messages;
    messages.push(new TextDecoder().decode(message));
  }
}

/** Code and message of a call's status. */
export async function endOf(call: GrpcCall): Promise<string> {
  const { code, message } = await call.status;
  return `${code} ${message}`;
}
