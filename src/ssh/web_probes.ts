/**
 * Readiness and liveness over plain HTTP, for whoever decides where clients
 * are sent and what is started anew.
 * Source: GitLab Shell 14.56.1, sshd monitoring server.
 * @module
 */
import { errorText } from "../core/errors.ts";
import { formatListenAddress, parseListenAddress } from "./listen_address.ts";

/** Where to listen and what to answer. */
export interface WebProbesOptions {
  /** `host:port`. */
  readonly listen: string;
  readonly readinessPath: string;
  readonly livenessPath: string;
  /** Whether new connections are taken. */
  readonly isReady: () => boolean;
}

/** A listener that answers. */
export interface WebProbes {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Listens and answers: 200 or 503 for readiness, 200 for liveness, 404.
 * @throws {Error} If the address is bad or taken, or the two paths cannot be
 * told apart.
 */
export function startWebProbes(options: WebProbesOptions): WebProbes {
  const { readinessPath, livenessPath, isReady } = options;
  if (readinessPath === livenessPath || !readinessPath || !livenessPath) {
    throw new Error("readiness_probe and liveness_probe must be two paths");
  }
  const address = parseListenAddress(options.listen);
  const { hostname, port } = address;
  const answer = (request: Request): Response => {
    const { pathname } = new URL(request.url);
    if (pathname === livenessPath) return new Response(null, { status: 200 });
    if (pathname !== readinessPath) return new Response(null, { status: 404 });
    return new Response(null, { status: isReady() ? 200 : 503 });
  };
  try {
    const server = Deno.serve(
      { hostname: hostname || "::", port, onListen: () => {} },
      answer,
    );
    return { port: server.addr.port, close: () => server.shutdown() };
  } catch (error) {
    const reason = error instanceof Deno.errors.AddrInUse
      ? "bind: address already in use"
      : errorText(error);
    throw new Error(
      `listen tcp ${formatListenAddress(address)}: ${reason}`,
      { cause: error },
    );
  }
}
