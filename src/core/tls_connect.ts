/**
 * TLS connections that are verified as a Go client verifies them: TLS 1.2 or
 * later, chain and name checked always.
 * Source: Go 1.24, crypto/tls and crypto/x509 (Certificate.Verify).
 * @module
 */
import { CertificateError } from "./errors.ts";
import type { ByteDuplex } from "./io.ts";
import { SocketDuplex, untilConnected } from "./socket_duplex.ts";
import { dropUnusableRoots } from "./tls_roots.ts";

/** Whom to connect to, and how to know that it is them. */
export interface TlsTarget {
  /** Name or address to dial; IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Name or address that the certificate must bear. */
  readonly serverName: string;
  /** Trusted certificates, one PEM text each. */
  readonly roots: readonly string[];
  /** Protocols to offer; none are when left out. Any answer is accepted. */
  readonly alpnProtocols?: readonly string[];
  /** Opens what TLS runs over, through a proxy say; dials `hostname` where absent. */
  readonly connect?: (signal: AbortSignal) => Promise<Deno.TcpConn>;
  /** Most that one read brings, in bytes. */
  readonly readBytes?: number;
  /** What we show a peer that asks who we are; PEM. Not through `connect`. */
  readonly clientCertificate?: { readonly cert: string; readonly key: string };
}

/**
 * Dials and shakes hands.
 * @throws {CertificateError} If the peer cannot prove who it is.
 * @throws {Error} If there is no connection, or no TLS on it.
 * @throws {unknown} `signal.reason`.
 */
export async function openTls(
  target: TlsTarget,
  signal: AbortSignal,
): Promise<ByteDuplex> {
  try {
    return await dialTls(target, signal);
  } catch (error) {
    if (error instanceof RootsError) {
      const roots = dropUnusableRoots(target.roots);
      // All good ones: then it was something else.
      if (roots.length === target.roots.length) throw error;
      return await openTls({ ...target, roots }, signal);
    }
    if (!(error instanceof CertificateError) || target.connect) throw error;
    if (!error.message.includes("CaUsedAsEndEntity")) throw error;
    return await dialSelfSigned(target, { cause: error, signal });
  }
}

/** Deno would not take the list of roots. */
class RootsError extends Error {
  override name = "RootsError";
}

async function dialTls(
  target: TlsTarget,
  signal: AbortSignal,
): Promise<ByteDuplex> {
  if (target.clientCertificate) return await dialKnown(target, signal);
  const { hostname, port, serverName, roots, alpnProtocols } = target;
  const tcp = await untilConnected(
    target.connect?.(signal) ?? Deno.connect({ hostname, port, signal }),
    signal,
  );
  // As Go does: what is said must not wait for the answer to what was said.
  tcp.setNoDelay(true);
  let tls: Deno.TlsConn;
  try {
    tls = await Deno.startTls(tcp, {
      hostname: serverName,
      caCerts: [...roots],
      ...(alpnProtocols && { alpnProtocols: [...alpnProtocols] }),
    });
  } catch (cause) {
    closeQuietly(tcp);
    throw new RootsError("Cannot set TLS up", { cause });
  }
  return await shakeHands(tls, target, signal);
}

/** @throws {CertificateError} If the peer cannot prove who it is. */
async function shakeHands(
  tls: Deno.TlsConn,
  { readBytes }: TlsTarget,
  signal: AbortSignal,
): Promise<ByteDuplex> {
  const duplex = new SocketDuplex(tls, readBytes);
  const giveUp = () => duplex.close();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    if (signal.aborted) throw signal.reason;
    await tls.handshake();
    return duplex;
  } catch (error) {
    duplex.close();
    if (signal.aborted) throw signal.reason;
    throw asCertificateError(error);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** Dials a peer that wants to know who we are. */
async function dialKnown(
  target: TlsTarget,
  signal: AbortSignal,
): Promise<ByteDuplex> {
  const { hostname, port, serverName, roots, alpnProtocols } = target;
  if (target.connect) {
    throw new Error("Cannot show a client certificate through a proxy");
  }
  // Deno shows one only to the name that it dials.
  if (serverName !== hostname) {
    const { openNodeTls } = await import("./tls_node.ts");
    return await openNodeTls(target, signal);
  }
  const connecting = Deno.connectTls({
    hostname,
    port,
    caCerts: [...roots],
    ...target.clientCertificate,
    ...(alpnProtocols && { alpnProtocols: [...alpnProtocols] }),
  });
  return await shakeHands(
    await untilConnected(connecting, signal),
    target,
    signal,
  );
}

/** @returns rustls's refusal of a certificate as our class, else `error`. */
function asCertificateError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (!error.message.startsWith("invalid peer certificate")) return error;
  return new CertificateError(error.message, { cause: error });
}

/**
 * A certificate that is its own root and marked as an authority, as `openssl
 * req -x509` makes them and GitLab's instructions have them. Go takes such a
 * certificate if it is in the pool as it stands; rustls never does. The second
 * dial is made only if some root bears the name that was dialled, so a peer
 * that nobody trusts sees one connection.
 */
async function dialSelfSigned(
  target: TlsTarget,
  { cause, signal }: { cause: CertificateError; signal: AbortSignal },
): Promise<ByteDuplex> {
  const roots = target.roots.filter((pem) => mentions(pem, target.serverName));
  if (roots.length === 0) throw cause;
  const { openNodeTls } = await import("./tls_node.ts");
  try {
    return await openNodeTls({ ...target, roots }, signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new CertificateError(cause.message, { cause: error });
  }
}

/** Whether the certificate's bytes hold the name, a wildcard for it, or the address. */
function mentions(pem: string, serverName: string): boolean {
  const der = atob(pem.split("\n")[1] ?? "").toLowerCase();
  const name = serverName.toLowerCase();
  if (der.includes(name)) return true;
  const parent = name.indexOf(".");
  if (parent > 0 && der.includes(`*${name.slice(parent)}`)) return true;
  const octets = /^\d+\.\d+\.\d+\.\d+$/.test(name) ? name.split(".") : [];
  if (octets.length > 0) {
    // Lower case like the bytes it is looked for in, where 65 has become 97.
    const bytes = String.fromCharCode(...octets.map(Number)).toLowerCase();
    return der.includes(bytes);
  }
  // An IPv6 address is not worth parsing here: the check itself is node:tls's.
  return name.includes(":");
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // startTls() has taken it over, and closed it.
  }
}
