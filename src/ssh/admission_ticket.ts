/**
 * What a connection holds of the gate until it has logged in or has ended.
 * @module
 */
import type { AdmissionRefusal } from "./admission.ts";
import type { Offence } from "./penalties.ts";

/** A place among the connections of one source. */
export interface SourcePlace {
  /** Nothing is held against it where this is `undefined`. */
  readonly source: string | undefined;
  readonly leave: () => void;
}

/** The place of whom no rule is about. */
export const FREE_PLACE: SourcePlace = { source: undefined, leave: () => {} };

/** What a ticket asks of the gate. */
export interface TicketGate {
  leave(): void;
  bind(address: string): SourcePlace | AdmissionRefusal;
  punish(source: string, offence: Offence): void;
}

/** One connection's place at the gate, until it has logged in or has ended. */
export class AdmissionTicket {
  readonly #gate: TicketGate;
  #place: SourcePlace = FREE_PLACE;
  #isOver = false;

  constructor(gate: TicketGate) {
    this.#gate = gate;
  }

  /**
   * Says whose connection it is.
   * @param address The client's, not the balancer's.
   * @returns Why it must go, if it must; it has then left already.
   */
  bind(address: string): AdmissionRefusal | undefined {
    const place = this.#gate.bind(address);
    if (typeof place !== "string") {
      this.#place = place;
      return undefined;
    }
    this.leave();
    return place;
  }

  /** The connection has logged in, or has ended. Idempotent. */
  leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#gate.leave();
    this.#place.leave();
  }

  /** Holds something against the source, if it has one. */
  punish(offence: Offence): void {
    const { source } = this.#place;
    if (source !== undefined) this.#gate.punish(source, offence);
  }
}
