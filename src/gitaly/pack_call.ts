/**
 * One call to a Gitaly from the address to the result: connection, attempts,
 * and the older ways that older servers need.
 * Source: Gitaly 18.9, client; gRPC, A6 client retries.
 * @module
 */
import { GRPC_CODE } from "../core/errors.ts";
import type { GitalyAddress } from "./address.ts";
import type { TokenSigner } from "./auth_token.ts";
import {
  type CallEnd,
  CANCELED_STATUS,
  endWithStatus,
  errorOfStatus,
  makeStatus,
} from "./call_end.ts";
import type { ConnectionPool, PoolKey } from "./connection_pool.ts";
import { untilAborted, withGrace } from "./deadline.ts";
import { DialError } from "./dial.ts";
import type { GitalyConnection } from "./gitaly_connection.ts";
import type { GrpcMetadata } from "./grpc_call.ts";
import { prepareMetadata } from "./metadata.ts";
import type {
  GitalyEndpoint,
  PackCallContext,
  PackRequest,
  PackResult,
} from "./pack_request.ts";
import { ReplayableInput } from "./replayable_input.ts";
import {
  chooseDelayMs,
  countAttempts,
  DEFAULT_RETRY_POLICY,
} from "./retry_policy.ts";
import { runSidechannelCall } from "./sidechannel_call.ts";
import type {
  SidechannelRegistry,
  SidechannelSeat,
} from "./sidechannel_registry.ts";
import { runStreamCall } from "./stream_call.ts";

/** Praefect's way to say that it does not know the method. */
const UNKNOWN_TO_PRAEFECT =
  "full method name not found: /gitaly.SSHService/SSHUploadPackWithSidechannel";
/** A signature older than this is not sent; servers allow 30 s. */
const FRESH_MS = 1_000;
/** What a cancelled call may take to end: the server's part, then our own. */
const CANCEL_GRACE_MS = 10_000;

/** What all calls of a client share. */
export interface CallSetup {
  readonly pool: ConnectionPool;
  readonly registry: SidechannelRegistry;
  readonly signer: TokenSigner;
}

/** One call. */
export interface CallOrder {
  readonly endpoint: GitalyEndpoint;
  readonly address: GitalyAddress;
  readonly request: PackRequest;
  readonly context: PackCallContext;
}

/**
 * Runs the call to its end, with as many attempts as are allowed.
 * @throws {GitTransportError} If our side failed.
 * @throws {GitalyError} If it ended with another status than OK.
 */
export async function runPackCall(
  setup: CallSetup,
  order: CallOrder,
): Promise<PackResult> {
  const call = new PackCall(setup, order);
  const end = await call.run();
  const { status, failure, exitStatus, packfileStatistics } = end;
  if (status.code !== GRPC_CODE.ok) {
    const cause = failure ?? call.lastFailure;
    throw errorOfStatus(
      status,
      exitStatus,
      cause === undefined ? undefined : { cause },
    );
  }
  if (failure !== undefined) throw failure;
  return { exitStatus, packfileStatistics };
}

class PackCall {
  /** Why there was no connection, or why the call was given up; for the log. */
  lastFailure: unknown;
  readonly #setup: CallSetup;
  readonly #order: CallOrder;
  readonly #key: PoolKey;
  readonly #input: ReplayableInput;
  readonly #metadata: GrpcMetadata;
  /** One for all attempts, which repeat their metadata. */
  #seat: SidechannelSeat | undefined;
  #signature: { value: Promise<string>; madeAtMs: number } | undefined;
  #attempts = 0;
  #wasRepeated = false;
  /** Whether the server has shown not to be as old as it seemed. */
  #isKnownNew = false;

  constructor(setup: CallSetup, order: CallOrder) {
    const { endpoint, address, request, context } = order;
    this.#setup = setup;
    this.#order = order;
    this.#metadata = prepareMetadata(context.metadata);
    this.#input = new ReplayableInput(context.io.stdin);
    this.#key = {
      service: request.service,
      rawAddress: endpoint.address,
      token: endpoint.token,
      address,
    };
  }

  async run(): Promise<CallEnd> {
    const { context, endpoint, request } = this.#order;
    const policy = endpoint.retryPolicy ?? DEFAULT_RETRY_POLICY;
    const mayRetry = request.service !== "receive-pack";
    for (;;) {
      const end = await this.#attempt();
      this.#attempts++;
      const { status } = end;
      if (
        !mayRetry || end.hasBegun || status.hadResponseHeaders ||
        context.signal.aborted || !this.#input.isReplayable ||
        !policy.retryableCodes.includes(status.code)
      ) return end;
      if (this.#attempts >= countAttempts(policy)) return this.#exhausted(end);
      const delayMs = chooseDelayMs(
        policy,
        this.#attempts,
        status.retryPushback,
      );
      if (delayMs === undefined) return end;
      try {
        await context.clock.sleep(delayMs, context.signal);
      } catch (reason) {
        return this.#cancelled(reason);
      }
    }
  }

  /** One attempt, repeated where the server can be shown not to have seen it. */
  async #attempt(): Promise<CallEnd> {
    const { context, endpoint } = this.#order;
    const { pool } = this.#setup;
    for (;;) {
      try {
        this.#signature = undefined;
        // While the connection is made. A failure is met where it is used.
        if (endpoint.token !== "") this.#sign().catch(() => {});
        const acquiring = pool.acquire(this.#key);
        const lease = await untilAborted(acquiring, context.signal)
          .catch((error) => {
            // A connection that nobody waits for any more stays for others.
            acquiring.then(({ release }) => release(), () => {});
            throw error;
          });
        const { connection } = lease;
        context.onConnected?.();
        try {
          const end = await this.#callOn(connection);
          if (!this.#mayRepeat(end, connection)) return this.#withCause(end);
        } finally {
          lease.release();
        }
      } catch (error) {
        if (context.signal.aborted) return this.#cancelled(error);
        if (!(error instanceof DialError)) throw error;
        this.lastFailure = error.cause ?? error;
        return endWithStatus(makeStatus(GRPC_CODE.unavailable, error.message));
      }
    }
  }

  #mayRepeat(end: CallEnd, connection: GitalyConnection): boolean {
    if (end.hasBegun || end.status.hadResponseHeaders) return false;
    if (end.status.code === GRPC_CODE.ok || !this.#input.isReplayable) {
      return false;
    }
    if (this.#order.context.signal.aborted) return false;
    if (this.#wasTakenForOld(end, connection)) {
      this.#isKnownNew = true;
      return true;
    }
    // To a server that knows no yamux, the next attempt is the first.
    if (!this.#isKnownNew && this.#setup.pool.learn(this.#key, connection)) {
      return true;
    }
    if (!end.status.isUnprocessed || !connection.grpc.sawSettings) return false;
    if (this.#wasRepeated) return false;
    this.#wasRepeated = true;
    return true;
  }

  /**
   * Whether the server lacks the old method, after a connection that broke by
   * chance looked like an old server's. What it answers is about a method that
   * nobody has asked for.
   */
  #wasTakenForOld(end: CallEnd, { isMultiplexed }: GitalyConnection): boolean {
    return !isMultiplexed && !this.#isKnownNew && isMethodUnknown(end) &&
      this.#order.request.service === "upload-pack";
  }

  async #callOn(connection: GitalyConnection): Promise<CallEnd> {
    const { request, context } = this.#order;
    const { stdout, stderr } = context.io;
    const attempt = {
      connection,
      request,
      metadata: await this.#fullMetadata(),
      stdin: this.#input.open(),
      outputs: { stdout, stderr },
      signal: context.signal,
      onBegun: context.onBegun,
    };
    const { signal } = context;
    const grace = { signal, graceMs: CANCEL_GRACE_MS };
    if (request.service !== "upload-pack") {
      return await withGrace(runStreamCall(attempt), grace);
    }
    if (!connection.isMultiplexed) {
      const end = await withGrace(runStreamCall(attempt), grace);
      // A server that lacks the old method is not as old as it seemed.
      if (isMethodUnknown(end)) this.#setup.pool.unlearn(this.#key);
      return end;
    }
    this.#seat ??= this.#setup.registry.register();
    const end = await withGrace(
      runSidechannelCall(attempt, this.#seat),
      grace,
    );
    return end.hasBegun || !isMethodUnknown(end)
      ? end
      : await withGrace(runStreamCall(attempt), grace);
  }

  /** The token is signed for each attempt, as it holds for half a minute. */
  async #fullMetadata(): Promise<GrpcMetadata> {
    const metadata = [...this.#metadata];
    if (this.#order.endpoint.token !== "") {
      metadata.push(["authorization", await this.#sign()]);
    }
    if (this.#attempts > 0) {
      metadata.push(["grpc-previous-rpc-attempts", String(this.#attempts)]);
    }
    return metadata;
  }

  /** The attempt's signature, made anew if making the connection took long. */
  #sign(): Promise<string> {
    const { endpoint: { token }, context } = this.#order;
    const nowMs = context.clock.nowMs();
    const signature = this.#signature;
    const ageMs = nowMs - (signature?.madeAtMs ?? 0);
    // A negative age is that of a clock that was put back meanwhile.
    if (signature !== undefined && ageMs >= 0 && ageMs < FRESH_MS) {
      return signature.value;
    }
    const value = this.#setup.signer.sign(token, nowMs);
    this.#signature = { value, madeAtMs: nowMs };
    return value;
  }

  /** One text for calls that we gave up, whichever carrier they ran on. */
  #withCause(end: CallEnd): CallEnd {
    const { signal } = this.#order.context;
    if (!signal.aborted || end.status.code !== GRPC_CODE.canceled) return end;
    this.lastFailure = signal.reason;
    return { ...end, status: CANCELED_STATUS };
  }

  #exhausted(end: CallEnd): CallEnd {
    const { message } = errorOfStatus(end.status, 0);
    const text =
      `max retries exhausted: failed after ${this.#attempts} attempts: ${message}`;
    return { ...end, status: { ...end.status, message: text } };
  }

  #cancelled(reason: unknown): CallEnd {
    this.lastFailure = reason;
    return endWithStatus(CANCELED_STATUS);
  }
}

/** Whether the server, or Praefect before it, has no sidechannel method. */
function isMethodUnknown({ status: { code, message } }: CallEnd): boolean {
  if (code === GRPC_CODE.unimplemented) return true;
  if (code !== GRPC_CODE.internal && code !== GRPC_CODE.unknown) return false;
  return message.endsWith(UNKNOWN_TO_PRAEFECT);
}
