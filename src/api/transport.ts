/**
 * Connections to the internal API: made once per process, good or bad, and
 * shared by all its clients. One connection per attempt, never a proxy.
 * Source: GitLab Shell 14.56.1, HTTP client.
 * @module
 */
import type { Config } from "../config/config.ts";
import { errorText } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { ByteDuplex } from "../core/io.ts";
import { SocketDuplex, untilConnected } from "../core/socket_duplex.ts";
import {
  type ApiBase,
  type ConnectionPlan,
  isTls,
  parseGitlabUrl,
} from "./base_url.ts";
import type { WebTransport } from "./web_transport.ts";

/** What of the configuration decides how the API is reached. */
export type TransportConfig = Pick<
  Config,
  "gitlabUrl" | "gitlabRelativeUrlRoot" | "http"
>;
/** The environment as TLS looks at it. */
export type TransportHost = Pick<Host, "env" | "setEnv">;

/** The way to the internal API. */
export class ApiTransport {
  readonly #config: TransportConfig;
  readonly #host: TransportHost;
  #base: ApiBase | Error | undefined;
  #roots: Promise<readonly string[]> | undefined;
  #web: Promise<WebTransport> | undefined;

  /** Touches nothing yet. */
  constructor(config: TransportConfig, host: TransportHost) {
    this.#config = config;
    this.#host = host;
  }

  /**
   * Where requests go that are not for a cell. Opens no connection, so that
   * gitlab-sshd can ask at start.
   * @throws {Error} `error creating http client: …`, the same each time.
   */
  get base(): ApiBase {
    this.#base ??= findBase(this.#config);
    if (this.#base instanceof Error) throw this.#base;
    return this.#base;
  }

  /** Whether the configured GitLab is behind a socket with a path. */
  get usesSocket(): boolean {
    return this.base.socketPath !== undefined;
  }

  /** The way to the public URLs that the API names, loaded late. */
  web(): Promise<WebTransport> {
    return this.#web ??= import("./web_transport.ts")
      .then(({ WebTransport }) => new WebTransport(this.#host));
  }

  /**
   * Dials.
   * @throws {CertificateError} If the peer cannot prove who it is.
   * @throws {Error} If there is no connection.
   * @throws {unknown} `signal.reason`.
   */
  async connect(
    plan: ConnectionPlan,
    signal: AbortSignal,
  ): Promise<ByteDuplex> {
    signal.throwIfAborted();
    if (plan.kind === "unix") {
      const { path } = plan;
      // Stands at once or fails at once: there is nothing to give up.
      return new SocketDuplex(await Deno.connect({ transport: "unix", path }));
    }
    const { kind, hostname, port } = plan;
    // Deno would dial this machine.
    if (hostname === "") throw new Error("No host in request URL");
    if (kind === "tls") return await this.#connectTls(hostname, port, signal);
    const connecting = Deno.connect({ hostname, port, signal });
    return new SocketDuplex(await untilConnected(connecting, signal));
  }

  async #connectTls(
    hostname: string,
    port: number,
    signal: AbortSignal,
  ): Promise<ByteDuplex> {
    const { openTls } = await import("../core/tls_connect.ts");
    const roots = await (this.#roots ??= this.#loadRoots());
    return await openTls(
      { hostname, port, serverName: hostname, roots },
      signal,
    );
  }

  async #loadRoots(): Promise<readonly string[]> {
    const { forgetBuiltInRoots, loadTlsRoots } = await import(
      "../core/tls_roots.ts"
    );
    forgetBuiltInRoots(this.#host);
    const { caFile, caPath } = this.#config.http;
    return loadTlsRoots({ env: this.#host.env, caFile, caPath });
  }
}

function findBase(config: TransportConfig): ApiBase | Error {
  try {
    const base = parseGitlabUrl(config);
    if (isTls(base)) checkCaFile(config.http.caFile);
    return base;
  } catch (cause) {
    return new Error(`error creating http client: ${errorText(cause)}`, {
      cause,
    });
  }
}

/** What the file holds is another matter: without a certificate it is ignored. */
function checkCaFile(path: string): void {
  if (path === "") return;
  try {
    Deno.statSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`cannot find cafile '${path}': cafile not found`);
  }
}
