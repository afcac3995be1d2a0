/**
 * A Topology Service over TLS by grpc-js, which shares no code with the client
 * and can ask who calls.
 * @module
 */
import { Buffer } from "node:buffer";
import {
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  status as grpcStatus,
} from "@grpc/grpc-js";
import {
  CLASSIFY,
  type ClassifyRequest,
  type ClassifyResponse,
} from "../../src/gitaly/gen/topology.ts";
import {
  decodeMessage,
  encodeMessage,
} from "../../src/gitaly/protobuf/codec.ts";

const TESTDATA = new URL("../testdata/tls/", import.meta.url);
const read = (name: string) => Deno.readTextFileSync(new URL(name, TESTDATA));

/** A service that is up. */
export interface TlsTopology extends AsyncDisposable {
  readonly port: number;
  readonly seen: readonly ClassifyRequest[];
}

/**
 * Starts a service; `route:group` belongs to `cell-9`, nothing else to anybody.
 * @param requiresCertificate Whether a client must show one of the test root.
 * @param certificate Whose certificate it shows itself, by file.
 */
export async function startTlsTopology(
  requiresCertificate: boolean,
  certificate = "localhost",
): Promise<TlsTopology> {
  const seen: ClassifyRequest[] = [];
  const server = new Server();
  server.addService({
    Classify: {
      path: CLASSIFY.path,
      requestStream: false,
      responseStream: false,
      requestSerialize: (value: Partial<ClassifyRequest>) =>
        Buffer.from(encodeMessage(CLASSIFY.request, value)),
      requestDeserialize: (bytes: Uint8Array) =>
        decodeMessage(CLASSIFY.request, bytes),
      responseSerialize: (value: Partial<ClassifyResponse>) =>
        Buffer.from(encodeMessage(CLASSIFY.response, value)),
      responseDeserialize: (bytes: Uint8Array) =>
        decodeMessage(CLASSIFY.response, bytes),
    },
  }, {
    Classify(
      call: ServerUnaryCall<ClassifyRequest, Partial<ClassifyResponse>>,
      done: sendUnaryData<Partial<ClassifyResponse>>,
    ) {
      seen.push(call.request);
      if (call.request.claim?.route !== "group") {
        return done({ code: grpcStatus.NOT_FOUND, details: "no" });
      }
      done(null, { action: 1, proxy: { address: "cell-9" } });
    },
  });
  const credentials = ServerCredentials.createSsl(
    Buffer.from(read("ca.pem")),
    [{
      cert_chain: Buffer.from(read(`${certificate}.pem`)),
      private_key: Buffer.from(read(`${certificate}.key`)),
    }],
    requiresCertificate,
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(
      "127.0.0.1:0",
      credentials,
      (error, port) => error ? reject(error) : resolve(port),
    )
  );
  return {
    port,
    seen,
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
      await Promise.resolve();
    },
  };
}
