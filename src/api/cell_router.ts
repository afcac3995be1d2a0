/**
 * Finds the cell that a call of the internal API has to go to. Whatever goes
 * wrong, the call then goes where it would go without cells.
 * Source: GitLab Shell 14.56.1, topology; internal-api.md 6.5.
 * @module
 */
import { Deadline } from "../core/deadline.ts";
import { errorChainText, GitalyError, GRPC_CODE } from "../core/errors.ts";
import type { Clock } from "../core/host.ts";
import type { Logger } from "../core/log.ts";
import type { ApiBase } from "./base_url.ts";
import {
  type CellClaim,
  type CellEndpoint,
  formatCellBase,
} from "./cell_claim.ts";

/** Questions for one call. */
export const CLASSIFY_ATTEMPTS_MAX = 3;
const WAIT_MS = 50;
const WAIT_FACTOR = 1.5;
const WAIT_MS_MAX = 250;
/** Each wait is drawn from this much below to this much above its value. */
const JITTER = 0.5;
/** Statuses that may be better next time; so may all that is no status. */
const RETRIED: ReadonlySet<number> = new Set([
  GRPC_CODE.unknown,
  GRPC_CODE.deadlineExceeded,
  GRPC_CODE.resourceExhausted,
  GRPC_CODE.aborted,
  GRPC_CODE.internal,
  GRPC_CODE.unavailable,
]);

/** What the Topology Service answers. */
export interface CellClassification {
  /** Whether it names a cell at all. */
  readonly isProxied: boolean;
  readonly address: string;
}

/** The Topology Service; gRPC is behind it. */
export interface TopologyService {
  /**
   * Asks once.
   * @throws {GitalyError} A status other than OK.
   * @throws {Error} If there is no connection.
   */
  classify(
    claim: CellClaim,
    call: { readonly correlationId: string; readonly signal: AbortSignal },
  ): Promise<CellClassification>;
  close(): void;
}

/** Who asks. */
export interface RouteContext {
  /** Carries the correlation id. */
  readonly log: Logger;
  readonly correlationId: string;
  readonly signal: AbortSignal | undefined;
}

/** What a router is made with. */
export interface CellRouterOptions {
  readonly service: TopologyService;
  /** Bound of one attempt. */
  readonly timeoutMs: number;
  readonly cellEndpoint: CellEndpoint;
  readonly clock: Clock;
  /** From 0 to 1, as `Math.random`, which it is if left out. */
  readonly random?: () => number;
  /** Told of each attempt and how long it took. */
  readonly onAttempt?: ((isOk: boolean, elapsedMs: number) => void) | undefined;
}

/** Asks a Topology Service, anew for every call: nothing is remembered. */
export class CellRouter {
  readonly #options: CellRouterOptions;

  constructor(options: CellRouterOptions) {
    this.#options = options;
  }

  /**
   * Finds the cell that `claim` belongs to. Never rejects: whoever is
   * cancelled learns of it from the call itself.
   * @returns `undefined` for the configured GitLab.
   */
  async route(
    claim: CellClaim,
    context: RouteContext,
  ): Promise<ApiBase | undefined> {
    const answer = await this.#ask(claim, context);
    if (!answer) return undefined;
    const { log } = context;
    if (!answer.isProxied) {
      log.debug(
        "Topology Service returned non-PROXY response, " +
          "falling back to default host",
      );
      return undefined;
    }
    const { address } = answer;
    if (address === "") {
      log.warn(
        "Topology Service returned a PROXY action with an empty cell " +
          "address, falling back to default host",
      );
      return undefined;
    }
    const url = formatCellBase(address, this.#options.cellEndpoint);
    if (url === undefined) {
      log.warn(
        "Topology Service returned an unusable cell address, " +
          "falling back to default host",
        { cell_address: address },
      );
      return undefined;
    }
    log.debug("Topology Service resolved cell address", { cell_address: url });
    // A cell is another machine, whatever socket the default is behind.
    return { url, socketPath: undefined };
  }

  /** Ends the connection. */
  close(): void {
    this.#options.service.close();
  }

  /** @returns `undefined` if nothing could be learnt. */
  async #ask(
    claim: CellClaim,
    { log, correlationId, signal }: RouteContext,
  ): Promise<CellClassification | undefined> {
    const { service, timeoutMs, clock, onAttempt } = this.#options;
    for (let number = 1;; number++) {
      const startMs = clock.monotonicMs();
      let failure: unknown;
      try {
        using deadline = new Deadline(timeoutMs, signal);
        const answer = await service.classify(claim, {
          correlationId,
          signal: deadline.signal,
        });
        onAttempt?.(true, clock.monotonicMs() - startMs);
        return answer;
      } catch (error) {
        onAttempt?.(false, clock.monotonicMs() - startMs);
        failure = error;
      }
      if (signal?.aborted) return undefined;
      const error_message = errorChainText(failure);
      if (number === CLASSIFY_ATTEMPTS_MAX || !isRetried(failure)) {
        log.warn(
          "Topology Service classify failed after retries, " +
            "falling back to default host",
          { max_attempts: CLASSIFY_ATTEMPTS_MAX, error_message },
        );
        return undefined;
      }
      const waitMs = this.#waitMs(number);
      log.info("Topology Service classify attempt failed, retrying", {
        retry_in_s: waitMs / 1000,
        error_message,
      });
      try {
        await clock.sleep(waitMs, signal);
      } catch {
        return undefined;
      }
    }
  }

  #waitMs(number: number): number {
    const { random = Math.random } = this.#options;
    const waitMs = Math.min(WAIT_MS * WAIT_FACTOR ** (number - 1), WAIT_MS_MAX);
    return waitMs * (1 - JITTER + 2 * JITTER * random());
  }
}

function isRetried(failure: unknown): boolean {
  return !(failure instanceof GitalyError) || RETRIED.has(failure.code);
}
