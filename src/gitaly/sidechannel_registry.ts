/**
 * Which call waits for which sidechannel. One registry serves all connections
 * of a process, as the numbers must not repeat; a sidechannel is handed over
 * only where it comes on the connection that its call went out on, so that one
 * server cannot take another's.
 * Source: Gitaly 18.9, sidechannel protocol.
 * @module
 */
import type { YamuxStream } from "./yamux_stream.ts";

/** The place of one call, for all its attempts. */
export interface SidechannelSeat {
  /** Decimal text for the metadata `gitaly-sidechannel-id`. */
  readonly id: string;
  /** Whether a server has opened the sidechannel. */
  readonly isTaken: boolean;
  /**
   * Waits for the sidechannel on `connection`, and on no other any more.
   * @param onArrival Gets the stream behind its handshake; `ok` is not sent yet.
   */
  expect(connection: object, onArrival: (stream: YamuxStream) => void): void;
  /** Gives the place up; a sidechannel that comes later is refused. Idempotent. */
  leave(): void;
}

interface Waiter {
  readonly connection: object;
  readonly onArrival: (stream: YamuxStream) => void;
}

/** Hands each sidechannel to the call that waits for it, once. */
export class SidechannelRegistry {
  readonly #waiters = new Map<bigint, Waiter>();
  #nextId = 0n;

  /** Calls that wait. */
  get size(): number {
    return this.#waiters.size;
  }

  /** Makes a place for a call. */
  register(): SidechannelSeat {
    const id = this.#nextId++;
    const seat = {
      id: String(id),
      isTaken: false,
      expect: (connection: object, onArrival: Waiter["onArrival"]) => {
        this.#waiters.set(id, {
          connection,
          onArrival(stream) {
            seat.isTaken = true;
            onArrival(stream);
          },
        });
      },
      leave: () => void this.#waiters.delete(id),
    };
    return seat;
  }

  /**
   * Hands `stream` to the call that waits for `id`.
   * @returns `false` if there is none on this connection.
   */
  handOver(connection: object, id: bigint, stream: YamuxStream): boolean {
    const waiter = this.#waiters.get(id);
    if (waiter?.connection !== connection) return false;
    this.#waiters.delete(id);
    waiter.onArrival(stream);
    return true;
  }
}
