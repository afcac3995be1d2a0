/**
 * Lets ssh2 prove itself with a host certificate.
 * Row F19: ssh2 looks the host key up by the name that was chosen and puts the
 * same name on its signature, where a certificate is sent under the one and
 * signed for under the name of the key in it. So the exchange is told the
 * plain name, which also makes it choose the hash, and given the certified key.
 * Source: OpenSSH, PROTOCOL.certkeys; ssh2 1.17.0, lib/protocol/kex.js,
 * KeyExchange.parse and finish.
 * @module
 */
import { plainAlgorithm } from "../certificate.ts";
import type { Ssh2HostKey, Ssh2KeyExchange } from "../ssh2_types.ts";

/**
 * Adjusts an exchange that settled on a certificate; leaves others alone.
 * @param hostKeys By the names that are offered.
 */
export function patchHostCertificate(
  exchange: Ssh2KeyExchange,
  hostKeys: Readonly<Record<string, Ssh2HostKey>>,
): void {
  const { serverHostKey } = exchange.negotiated;
  const plain = plainAlgorithm(serverHostKey);
  if (plain === serverHostKey) return;
  const certified = hostKeys[serverHostKey];
  exchange.negotiated.serverHostKey = plain;
  Object.defineProperty(exchange, "_hostKey", {
    configurable: true,
    enumerable: true,
    get: () => certified,
    // What ssh2 found by the plain name, and its cleaning up.
    set: () => {},
  });
}
