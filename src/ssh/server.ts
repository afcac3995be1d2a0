/**
 * The SSH server: prepared once, then listening until it is told to stop. What
 * it read from files can be read again while it runs.
 * Source: GitLab Shell 14.56.1, sshd.
 * @module
 */
import type { Config } from "../config/config.ts";
import { makeCorrelationId } from "../core/correlation_id.ts";
import { errorText } from "../core/errors.ts";
import { Admission } from "./admission.ts";
import { Connection } from "./connection.ts";
import type { ConnectionServices } from "./connection_services.ts";
import { Goodbyes } from "./goodbye.ts";
import {
  formatListenAddress,
  type ListenAddress,
  parseListenAddress,
} from "./listen_address.ts";
import { acceptAll, openListener } from "./listener.ts";
import { type ProxySettings, readProxySettings } from "./proxy_policy.ts";
import { type Arrival, Reception } from "./reception.ts";
import { loadMaterial, type ServerMaterial } from "./server_material.ts";
import { ServerMetrics } from "./server_metrics.ts";
import type { SshServerOptions } from "./server_options.ts";
import { loadSsh2 } from "./ssh2_library.ts";
import type { Ssh2Client, Ssh2Library, Ssh2Server } from "./ssh2_types.ts";

const IDENT = "GitLab-SSHD";

/** A server that listens. */
export interface RunningSshServer {
  /** The address that was bound, with the port that was chosen. */
  readonly address: ListenAddress;
  /** Connections being served. */
  readonly connectionCount: number;
  /** Takes no new connections; the others go on. Idempotent. */
  stopListening(): void;
  /** Waits until the last connection has ended. */
  drained(): Promise<void>;
  /** Ends everything at once. */
  close(): Promise<void>;
  /**
   * Reads host keys, authorities, algorithms and limits again. Connections
   * that are open go on as they are.
   * @throws {Error} If a start with them would fail; nothing is then changed.
   */
  reload(config: Config): void;
}

/** Where to listen, if not where the configuration says. */
export interface ListenOptions {
  readonly address?: ListenAddress;
  /** Lets other threads listen on the same port. */
  readonly reusePort?: boolean;
}

/**
 * Prepares a server and listens on the configured address; port 0 takes any.
 * @throws {Error} As `prepareSshServer` and `SshServer.listen` do.
 */
export async function startSshServer(
  options: SshServerOptions,
): Promise<RunningSshServer> {
  const server = await prepareSshServer(options);
  return server.listen();
}

/**
 * Loads ssh2 and the host keys and settles the algorithm lists.
 * @throws {Error} If ssh2 is not the version we know, no host key can be used,
 * an authority's file is bad, or a list or a limit cannot be used.
 */
export async function prepareSshServer(
  options: SshServerOptions,
): Promise<SshServer> {
  const ssh2 = await loadSsh2();
  return new SshServer(options, ssh2, loadMaterial(options, ssh2));
}

/** A server that is ready to listen. */
export class SshServer {
  /** What this server counts. */
  readonly metrics: ServerMetrics;
  /** The gate; what other threads have seen goes there. */
  readonly admission: Admission;
  readonly #options: SshServerOptions;
  readonly #ssh2: Ssh2Library;
  readonly #ssh2Server: Ssh2Server;
  readonly #connections = new Map<unknown, Connection>();
  readonly #served = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  readonly #reception = new Reception();
  readonly #goodbyes = new Goodbyes(IDENT);
  #services: ConnectionServices;
  #proxy: ProxySettings | undefined;

  constructor(
    options: SshServerOptions,
    ssh2: Ssh2Library,
    material: ServerMaterial,
  ) {
    const { log, clock, sharing } = options;
    const metrics = options.metrics ?? new ServerMetrics();
    this.metrics = metrics;
    this.#ssh2 = ssh2;
    this.#ssh2Server = new ssh2.Server({ hostKeys: [], ident: IDENT });
    this.#ssh2Server.on("connection", (client: Ssh2Client) => {
      this.#connections.get(client._sock)?.attach(client);
    });
    this.#options = options;
    this.admission = new Admission({
      settings: material.admission,
      log,
      clock,
      onRefusal: (reason) => metrics.refusedConnections.add(1, [reason]),
      ...sharing,
    });
    this.#services = this.#servicesFrom(material);
    this.#addLevels();
  }

  /**
   * @throws {Error} `listen tcp …` if the address is bad or taken, `invalid
   * policy configuration: …` if the list of balancers is.
   */
  listen({ address, reusePort = false }: ListenOptions = {}): RunningSshServer {
    const { config, log, clock } = this.#options;
    this.#proxy = readProxySettings(config.sshd);
    const listener = openListener(
      address ?? parseListenAddress(config.sshd.listen),
      { reusePort },
    );
    const { hostname, port } = listener.addr;
    const { publicKeyAlgorithms } = config.sshd;
    const tcp_address = formatListenAddress({ hostname, port });
    // Of threads that share a port the first one says so.
    if (!address) {
      if (this.#proxy) log.info("Proxy protocol is enabled", { tcp_address });
      log.info("Listening for SSH connections", {
        tcp_address,
        ...(publicKeyAlgorithms.length > 0 && {
          supported_public_key_algorithms: publicKeyAlgorithms,
        }),
      });
    }
    const { signal } = this.#stop;
    acceptAll(listener, (tcp) => this.#receive(tcp), { log, clock, signal });
    const stopListening = () => {
      if (signal.aborted) return;
      this.#stop.abort();
      listener.close();
    };
    return this.#running({ hostname, port }, stopListening);
  }

  #running(
    address: ListenAddress,
    stopListening: () => void,
  ): RunningSshServer {
    const connections = this.#connections;
    const drained = async () => {
      while (this.#served.size > 0) await Promise.all(this.#served);
    };
    return {
      address,
      get connectionCount() {
        return connections.size;
      },
      stopListening,
      drained,
      close: () => {
        stopListening();
        this.#reception.close();
        for (const connection of connections.values()) {
          connection.close("server is shutting down");
        }
        return drained();
      },
      reload: (config) => this.#reload(config),
    };
  }

  #reload(config: Config): void {
    const material = loadMaterial({ ...this.#options, config }, this.#ssh2);
    const proxy = readProxySettings(config.sshd);
    this.#services = this.#servicesFrom(material);
    this.#proxy = proxy;
    this.admission.update(material.admission);
  }

  #servicesFrom(
    { offer, trustedCas, limits, user }: ServerMaterial,
  ): ConnectionServices {
    const { clock, openApi, handleSession, env } = this.#options;
    return {
      ssh2: this.#ssh2,
      ssh2Server: this.#ssh2Server,
      offer,
      user,
      trustedCas,
      env: env ?? (() => undefined),
      limits,
      metrics: this.metrics,
      clock,
      openApi,
      handleSession,
    };
  }

  #addLevels(): void {
    const { registry } = this.metrics;
    registry.readGauge({
      name: "gitlab_shell_sshd_unauthenticated_connections",
      help: "Connections that have not logged in yet.",
      // Threads that share a port share this count too.
      join: "max",
    }, () => this.admission.startupCount);
    registry.readGauge({
      name: "gitlab_shell_sshd_penalised_sources",
      help: "Sources that something is held against.",
      join: "max",
    }, () => this.admission.penaltyCount);
  }

  #receive(tcp: Deno.TcpConn): void {
    const { log, clock } = this.#options;
    setTcpOptions(tcp);
    this.metrics.inFlightConnections.add(1);
    const received = this.#reception.receive(tcp, {
      admission: this.admission,
      goodbyes: this.#goodbyes,
      proxy: this.#proxy,
      log,
      clock,
    }).then((arrival) => arrival && this.#serve(arrival));
    this.#track(received);
  }

  async #serve(arrival: Arrival): Promise<void> {
    const { log, clock } = this.#options;
    const correlationId = makeCorrelationId(clock.nowMs());
    const connection = new Connection(arrival, this.#services, {
      log,
      correlationId,
    });
    const { socket } = connection;
    this.#connections.set(socket, connection);
    try {
      await connection.serve();
    } catch (error) {
      // A bug of ours costs its own connection.
      socket.destroy();
      arrival.ticket.leave();
      arrival.ticket.punish("crash");
      log.error("panic handling connection", {
        correlation_id: correlationId,
        recovered_error: errorText(error),
      });
    } finally {
      this.#connections.delete(socket);
    }
  }

  /** Keeps the server from ending before this has. */
  #track(work: Promise<void>): void {
    const { log } = this.#options;
    const tracked = work.catch((error) => {
      log.error("panic handling connection", {
        recovered_error: errorText(error),
      });
    }).finally(() => {
      this.metrics.inFlightConnections.add(-1);
      this.#served.delete(tracked);
    });
    this.#served.add(tracked);
  }
}

/** As Go sets them on every connection. */
function setTcpOptions(tcp: Deno.TcpConn): void {
  try {
    tcp.setNoDelay(true);
    tcp.setKeepAlive(true);
  } catch {
    // Reset before it was accepted; reading from it will tell.
  }
}
