/**
 * Readiness, liveness and metrics over plain HTTP, for whoever decides where
 * clients are sent, what is started anew, and how all of it is.
 * Source: GitLab Shell 14.56.1, sshd monitoring server.
 * @module
 */
import { errorText } from "../core/errors.ts";
import { formatListenAddress, parseListenAddress } from "./listen_address.ts";

const METRICS_PATH = "/metrics";
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Where to listen and what to answer. */
export interface WebProbesOptions {
  /** `host:port`. */
  readonly listen: string;
  readonly readinessPath: string;
  readonly livenessPath: string;
  /** Whether new connections are taken. */
  readonly isReady: () => boolean;
  /** The metrics as text. */
  readonly metrics: () => Promise<string>;
}

/** A listener that answers. */
export interface WebProbes {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Listens and answers: 200 or 503 for readiness, 200 for liveness, the
 * metrics, or 404.
 * @throws {Error} If the address is bad or taken, or the two paths cannot be
 * told apart.
 */
export function startWebProbes(options: WebProbesOptions): WebProbes {
  const { readinessPath, livenessPath, isReady, metrics } = options;
  if (readinessPath === livenessPath || !readinessPath || !livenessPath) {
    throw new Error("readiness_probe and liveness_probe must be two paths");
  }
  const address = parseListenAddress(options.listen);
  const { hostname, port } = address;
  const answer = (request: Request): Response | Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (pathname === METRICS_PATH) return answerMetrics(metrics);
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

async function answerMetrics(
  metrics: () => Promise<string>,
): Promise<Response> {
  try {
    const headers = { "Content-Type": METRICS_TYPE };
    return new Response(await metrics(), { headers });
  } catch {
    return new Response(null, { status: 500 });
  }
}
