/**
 * Tells of every key exchange at the moment ssh2 makes it, so that what is
 * wrong in one can be set right before it computes anything.
 * Rows F7 and F9, and the checks of `peer_public.ts`: ssh2 offers no event
 * between negotiation and computation, but it assigns the new exchange to a
 * member of the protocol, for the first exchange and for each rekey alike.
 * Source: ssh2 1.17.0, lib/protocol/kex.js, handleKexInit.
 * @module
 */
import type { Ssh2KeyExchange, Ssh2Protocol } from "../ssh2_types.ts";

/** Calls `adjust` with each key exchange of this connection. */
export function onKeyExchange(
  protocol: Ssh2Protocol,
  adjust: (exchange: Ssh2KeyExchange) => void,
): void {
  let current = protocol._kex;
  Object.defineProperty(protocol, "_kex", {
    configurable: true,
    enumerable: true,
    get: () => current,
    set: (exchange: Ssh2KeyExchange | undefined) => {
      if (exchange && exchange !== current) adjust(exchange);
      current = exchange;
    },
  });
}
