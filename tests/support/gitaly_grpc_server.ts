/**
 * A Gitaly for tests: yamux as `YamuxPeer` plays it, gRPC by grpc-js on its
 * first stream, and handlers that the test writes. No Git is run.
 * @module
 */
import {
  Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import type { ByteDuplex } from "../../src/core/io.ts";
import {
  SSH_RECEIVE_PACK,
  SSH_UPLOAD_ARCHIVE,
  SSH_UPLOAD_PACK,
  SSH_UPLOAD_PACK_WITH_SIDECHANNEL,
  type SshReceivePackRequest,
  type SshReceivePackResponse,
  type SshUploadPackWithSidechannelRequest,
  type SshUploadPackWithSidechannelResponse,
} from "../../src/gitaly/gen/ssh.ts";
import { NodeDuplex } from "../../src/gitaly/grpc_js_duplex.ts";
import {
  decodeMessage,
  encodeMessage,
} from "../../src/gitaly/protobuf/codec.ts";
import type { MessageTable } from "../../src/gitaly/protobuf/message_table.ts";
import { SocketPipe } from "../../src/gitaly/socket.ts";
import { type PeerStream, YamuxPeer } from "./gitaly_yamux_peer.ts";

/** A failure that a handler answers with. */
export interface StatusAnswer {
  /** gRPC status code other than 0. */
  readonly code: number;
  readonly details: string;
  readonly metadata?: Metadata;
}

/** One fetch call, as a handler sees it. */
export interface SidechannelCall {
  readonly request: SshUploadPackWithSidechannelRequest;
  readonly metadata: Metadata;
  readonly peer: YamuxPeer;
  /** Opens the sidechannel that the metadata asks for and waits for `ok`. */
  openSidechannel(): Promise<PeerStream>;
  readonly call: ServerUnaryCall<unknown, unknown>;
}

/** One streaming call. The messages of the three methods agree. */
export interface StreamCall {
  readonly path: string;
  readonly metadata: Metadata;
  readonly stream: ServerDuplexStream<
    SshReceivePackRequest,
    Partial<SshReceivePackResponse>
  >;
}

/** What a server does. Handlers that are left out answer UNIMPLEMENTED. */
export interface GitalyHandlers {
  sidechannel?(
    call: SidechannelCall,
  ): Promise<
    | Partial<SshUploadPackWithSidechannelResponse> & { code?: never }
    | StatusAnswer
  >;
  stream?(call: StreamCall): void;
  /** Sees every connection's yamux before anything else happens. */
  onPeer?(peer: YamuxPeer): void;
  /** Takes the gRPC stream of a connection in the place of grpc-js. */
  onGrpcStream?(stream: PeerStream, count: number): boolean;
  /** Takes a connection away before anything is read of it. */
  onConnection?(conn: Deno.Conn, count: number): boolean;
}

/** A server that listens. */
export interface GitalyServer extends AsyncDisposable {
  readonly address: string;
  /** The connections so far; `undefined` for those without yamux. */
  readonly peers: (YamuxPeer | undefined)[];
  /** First bytes of each connection. */
  readonly openings: string[];
  /** The gRPC servers, to shut them down gracefully. */
  readonly servers: Server[];
}

const MAGIC = "backchannel";
const SIDECHANNEL = new TextEncoder().encode("sidechannel");

/** Starts a server on a Unix socket in a folder of its own. */
export async function startGitalyServer(
  handlers: GitalyHandlers,
): Promise<GitalyServer> {
  const folder = await Deno.makeTempDir({ prefix: "gitaly-test-" });
  const path = `${folder}/s`;
  const listener = Deno.listen({ transport: "unix", path });
  const server = serveGitaly(handlers, listener, `unix:${path}`);
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Serves on a listener, which it owns. */
export function serveGitaly(
  handlers: GitalyHandlers,
  listener: Deno.Listener,
  address: string,
): GitalyServer {
  const server = new TestServer(handlers);
  const accepting = server.acceptAll(listener);
  return {
    address,
    peers: server.peers,
    openings: server.openings,
    servers: server.servers,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await server.close();
    },
  };
}

class TestServer {
  readonly peers: (YamuxPeer | undefined)[] = [];
  readonly openings: string[] = [];
  readonly servers: Server[] = [];
  readonly #handlers: GitalyHandlers;
  readonly #conns: Deno.Conn[] = [];
  readonly #serving: Promise<void>[] = [];

  constructor(handlers: GitalyHandlers) {
    this.#handlers = handlers;
  }

  async acceptAll(listener: Deno.Listener): Promise<void> {
    for await (const conn of listener) {
      this.#conns.push(conn);
      const count = this.#conns.length;
      if (this.#handlers.onConnection?.(conn, count)) continue;
      this.#serving.push(this.#serve(conn).catch(() => {}));
    }
  }

  async close(): Promise<void> {
    for (const server of this.servers) server.forceShutdown();
    for (const peer of this.peers) peer?.close();
    for (const conn of this.#conns) {
      try {
        conn.close();
      } catch {
        // Closed by its peer or its handler.
      }
    }
    await Promise.all(this.#serving);
    await Promise.all(this.peers.map((peer) => peer?.ended));
    // grpc-js lets go of its timers in turns of their own.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }

  async #serve(conn: Deno.Conn): Promise<void> {
    const opening = new Uint8Array(MAGIC.length);
    for (let at = 0; at < opening.length;) {
      const size = await conn.read(opening.subarray(at));
      if (size === null) return;
      at += size;
    }
    const text = new TextDecoder().decode(opening);
    this.openings.push(text);
    if (text === MAGIC) {
      const peer = new YamuxPeer(conn, {
        onStream: (stream) => {
          const count = this.peers.length;
          if (this.#handlers.onGrpcStream?.(stream, count)) return;
          this.#serveGrpc(stream, peer);
        },
      });
      this.peers.push(peer);
      this.#handlers.onPeer?.(peer);
    } else {
      this.peers.push(undefined);
      this.#serveGrpc(prefixed(opening, new SocketPipe(conn)), undefined);
    }
  }

  #serveGrpc(pipe: ByteDuplex, peer: YamuxPeer | undefined): void {
    const server = new Server({ "grpc.enable_channelz": 0 });
    this.servers.push(server);
    const { sidechannel, stream } = this.#handlers;
    if (sidechannel && peer) {
      server.addService(
        serviceOf(SSH_UPLOAD_PACK_WITH_SIDECHANNEL),
        { call: sidechannelHandler(sidechannel, peer) },
      );
    }
    if (stream) {
      for (
        const rpc of [SSH_UPLOAD_PACK, SSH_RECEIVE_PACK, SSH_UPLOAD_ARCHIVE]
      ) {
        server.addService(serviceOf(rpc), {
          call: (call: StreamCall["stream"]) =>
            stream({ path: rpc.path, metadata: call.metadata, stream: call }),
        });
      }
    }
    const duplex = new NodeDuplex(pipe);
    duplex.on("error", () => {});
    server.createConnectionInjector(ServerCredentials.createInsecure())
      .injectConnection(duplex);
  }
}

/** A service of one method called `call`. */
function serviceOf<Request, Response>(rpc: {
  readonly path: string;
  readonly isUnary: boolean;
  readonly request: MessageTable<Request>;
  readonly response: MessageTable<Response>;
}): ServiceDefinition {
  return {
    call: {
      path: rpc.path,
      requestStream: !rpc.isUnary,
      responseStream: !rpc.isUnary,
      requestSerialize: (value: Request) =>
        Buffer.from(encodeMessage(rpc.request, value as Partial<Request>)),
      requestDeserialize: (bytes: Uint8Array) =>
        decodeMessage(rpc.request, bytes),
      responseSerialize: (value: Partial<Response>) =>
        Buffer.from(encodeMessage(rpc.response, value)),
      responseDeserialize: (bytes: Uint8Array) =>
        decodeMessage(rpc.response, bytes),
    },
  };
}

function sidechannelHandler(
  handler: NonNullable<GitalyHandlers["sidechannel"]>,
  peer: YamuxPeer,
) {
  return (
    call: ServerUnaryCall<unknown, unknown>,
    answer: sendUnaryData<unknown>,
  ) => {
    const [id = ""] = call.metadata.get("gitaly-sidechannel-id");
    handler({
      request: call.request as SshUploadPackWithSidechannelRequest,
      metadata: call.metadata,
      peer,
      openSidechannel: () => openSidechannel(peer, BigInt(String(id))),
      call,
    }).then(
      (result) =>
        result.code === undefined ? answer(null, result) : answer(result, null),
      (error) => answer({ code: 13, details: String(error) }, null),
    );
  };
}

/** Opens a sidechannel as Gitaly does. */
export async function openSidechannel(
  peer: YamuxPeer,
  id: bigint,
): Promise<PeerStream> {
  const stream = await peer.open();
  await stream.write(SIDECHANNEL);
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, id);
  await stream.write(bytes);
  const confirmation = await stream.readExactly(2);
  const text = new TextDecoder().decode(confirmation);
  if (text !== "ok") throw new Error(`expected ok, got ${text}`);
  return stream;
}

/** Puts bytes that were read already in front again. */
function prefixed(first: Uint8Array, pipe: ByteDuplex): ByteDuplex {
  let rest: Uint8Array | undefined = first;
  return {
    read() {
      const bytes = rest;
      rest = undefined;
      return bytes ? Promise.resolve(bytes) : pipe.read();
    },
    write: (bytes) => pipe.write(bytes),
    closeWrite: () => pipe.closeWrite(),
    close: () => pipe.close(),
  };
}
