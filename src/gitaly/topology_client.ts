/**
 * Calls of the Topology Service: one unary question over one connection, which
 * is opened with the first question and kept. It stands in this room for gRPC
 * and the codecs, which are here; what is asked, and what the answers mean, is
 * the affair of `api/`.
 * Source: GitLab Shell 14.56.1, Topology Service client.
 * @module
 */
import { GitalyError, GRPC_CODE } from "../core/errors.ts";
import { errorOfStatus } from "./call_end.ts";
import { untilAborted } from "./deadline.ts";
import { CLASSIFY } from "./gen/topology.ts";
import type { Claim } from "./gen/topology_claim.ts";
import type {
  GrpcCall,
  GrpcCarrier,
  GrpcConnection,
  GrpcMetadata,
} from "./grpc_call.ts";
import { prepareMetadata } from "./metadata.ts";
import { decodeMessage, encodeMessage } from "./protobuf/codec.ts";
import { dialTopology, type TopologyDialOptions } from "./topology_dial.ts";

/** `PROXY` of the wire. */
const PROXY_ACTION = 1;

/** What a client is made with. */
export interface TopologyClientOptions extends TopologyDialOptions {
  readonly carrier: GrpcCarrier;
  /** `gitlab-shell`; sent as `gitlab-shell-topology`. */
  readonly programName: string;
  /** Told of each connection, whether it stands or not. */
  readonly onConnection?: ((isOk: boolean) => void) | undefined;
}

/** What one call is made with. */
export interface TopologyCall {
  readonly correlationId: string;
  /** Ends the attempt, connecting included. */
  readonly signal: AbortSignal;
}

/** What the service answers. */
export interface Classification {
  readonly isProxied: boolean;
  /** Empty if none was named. */
  readonly address: string;
}

/** A connection and how many calls use it. */
interface SharedConnection {
  readonly grpc: GrpcConnection;
  uses: number;
  /** Whether no more calls are made on it. */
  isSpent: boolean;
}

/** Asks one Topology Service. Nothing is dialled before the first question. */
export class TopologyClient {
  readonly #options: TopologyClientOptions;
  readonly #closing = new AbortController();
  #connecting: Promise<SharedConnection> | undefined;
  #current: SharedConnection | undefined;

  constructor(options: TopologyClientOptions) {
    this.#options = options;
  }

  /**
   * Asks once, repeating nothing.
   * @throws {GitalyError} A status other than OK.
   * @throws {Error} If there is no connection, or a certificate cannot be used.
   * @throws {unknown} `signal.reason`.
   */
  async classify(
    claim: Partial<Claim>,
    { correlationId, signal }: TopologyCall,
  ): Promise<Classification> {
    signal.throwIfAborted();
    const shared = await untilAborted(this.#connect(), signal);
    shared.uses++;
    const call = shared.grpc.startCall({
      path: CLASSIFY.path,
      isUnary: true,
      signal,
      metadata: this.#metadata(correlationId),
    });
    try {
      return await ask(call, claim);
    } catch (error) {
      // A connection may be dead without a sign of it; the next attempt must
      // not depend on it.
      if (signal.aborted) this.#spend(shared);
      throw signal.aborted ? signal.reason : error;
    } finally {
      call.cancel();
      shared.uses--;
      if (shared.isSpent && shared.uses === 0) shared.grpc.close();
    }
  }

  /** Ends the connection, also one that is still being made. */
  close(): void {
    this.#closing.abort(new Error("Topology Service client was closed"));
    this.#current?.grpc.close();
  }

  #metadata(correlationId: string): GrpcMetadata {
    const program = this.#options.programName || "gitlab-shell-unknown";
    return prepareMetadata([
      ["x-gitlab-correlation-id", correlationId],
      ["x-gitlab-client-name", `${program}-topology`],
    ]);
  }

  #connect(): Promise<SharedConnection> {
    const current = this.#current;
    if (current && !current.grpc.isUsable) this.#spend(current);
    return this.#connecting ??= this.#open().catch((error) => {
      this.#connecting = undefined;
      throw error;
    });
  }

  #spend(shared: SharedConnection): void {
    shared.isSpent = true;
    if (this.#current !== shared) return;
    this.#current = undefined;
    this.#connecting = undefined;
  }

  /** Not ended by whoever asks first: others may wait for it too. */
  async #open(): Promise<SharedConnection> {
    const { carrier, address, tls } = this.#options;
    const { signal } = this.#closing;
    const { onConnection } = this.#options;
    const duplex = await dialTopology(this.#options, signal)
      .catch((error) => {
        onConnection?.(false);
        throw error;
      });
    onConnection?.(true);
    const grpc = carrier.connect(duplex, {
      authority: address,
      scheme: tls.enabled ? "https" : "http",
      // Each call has a deadline of its own, which finds a dead connection.
      keepaliveTimeMs: Infinity,
      keepaliveTimeoutMs: Infinity,
    });
    if (signal.aborted) grpc.close();
    return this.#current = { grpc, uses: 0, isSpent: false };
  }
}

async function ask(
  call: GrpcCall,
  claim: Partial<Claim>,
): Promise<Classification> {
  const whole: Claim = {
    route: "",
    username: "",
    sshKeyFingerprint: "",
    ...claim,
  };
  await call.send(encodeMessage(CLASSIFY.request, { claim: whole }));
  await call.closeSend();
  const message = await call.receive();
  // Decoded at once: the bytes are valid until the next call.
  const answer = message && decodeMessage(CLASSIFY.response, message);
  while (await call.receive() !== null);
  const status = await call.status;
  if (status.code !== GRPC_CODE.ok) throw errorOfStatus(status, 0);
  if (answer === null) {
    throw new GitalyError(GRPC_CODE.internal, "No message was answered");
  }
  const { action, proxy } = answer;
  return {
    isProxied: action === PROXY_ACTION && proxy !== undefined,
    address: proxy?.address ?? "",
  };
}
