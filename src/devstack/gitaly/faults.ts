/**
 * Faults that a test can order, decided per connection and per call.
 * @module
 */
import type { ConnectionFault } from "./observed_socket.ts";
import type { CallRecord } from "./call_records.ts";
import type { StatusError } from "./status.ts";

/** Ways for a call to go wrong. */
export interface CallFault {
  /** Waits before anything is done. */
  readonly delayMs?: number;
  /** Ends the call with this status before anything is done. */
  readonly refusal?: StatusError;
  /** Answers OK without opening the sidechannel. */
  readonly omitsSidechannel?: boolean;
  /** Cuts the connection once git has written this much. */
  readonly cutAfterOutputBytes?: number;
  /** Ends the call with this status after git has done its work. */
  readonly finalStatus?: StatusError;
}

/** Asked once for each connection and each call; `undefined` is no fault. */
export interface GitalyFaults {
  /** @param id Counts connections from 1. */
  connection?(id: number): ConnectionFault | undefined;
  call?(call: CallRecord): CallFault | undefined;
}
