/**
 * The SSH server: prepared once, then listening until it is told to stop.
 * Source: GitLab Shell 14.56.1, sshd.
 * @module
 */
import type { ApiClient } from "../api/client.ts";
import type { Config } from "../config/config.ts";
import { makeCorrelationId } from "../core/correlation_id.ts";
import { Admission, readAdmissionSettings } from "./admission.ts";
import { errorText } from "../core/errors.ts";
import type { Clock } from "../core/host.ts";
import type { Logger } from "../core/log.ts";
import { type Algorithms, resolveAlgorithms } from "./algorithms.ts";
import { Connection } from "./connection.ts";
import type {
  ApiPlace,
  ConnectionLimits,
  ConnectionServices,
} from "./connection_services.ts";
import { Goodbyes } from "./goodbye.ts";
import { type HostKeys, loadHostKeys } from "./host_keys.ts";
import {
  formatListenAddress,
  type ListenAddress,
  parseListenAddress,
} from "./listen_address.ts";
import { acceptAll, openListener } from "./listener.ts";
import { makeKexInit } from "./patch/kex_choice.ts";
import { readProxySettings, warnOfProxy } from "./proxy_policy.ts";
import { type Arrival, Reception } from "./reception.ts";
import { REKEY_LIMITS } from "./rekey_schedule.ts";
import type { SessionHandler } from "./session_handler.ts";
import { loadSsh2 } from "./ssh2_library.ts";
import type { Ssh2Client, Ssh2Library, Ssh2Offer } from "./ssh2_types.ts";
import { loadTrustedUserCas } from "./trusted_user_cas.ts";
import type { TransportOffer } from "./transport.ts";

const IDENT = "GitLab-SSHD";
const STRICT_MARKER = "kex-strict-s-v00@openssh.com";
const IDENT_TIMEOUT_MS = 10_000;
const IDLE_CHANNEL_TIMEOUT_MS = 60_000;
/** The reference waits ten seconds; Gitaly works for nobody meanwhile. */
const CLIENT_GONE_TIMEOUT_MS = 1_500;
/** A timer of more than 24 days would ring at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** What a server is made of. */
export interface SshServerOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly clock: Clock;
  /** Opens one connection's way to the internal API. */
  readonly openApi: (log: Logger, at: ApiPlace) => ApiClient;
  readonly handleSession: SessionHandler;
  /** The process environment; empty when left out. */
  readonly env?: (name: string) => string | undefined;
  /** Replaces limits that the configuration does not have. */
  readonly limits?: Partial<ConnectionLimits>;
}

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
 * an authority's file is bad, or a list cannot be offered.
 */
export async function prepareSshServer(
  options: SshServerOptions,
): Promise<SshServer> {
  const { config, log } = options;
  refuseMissing(config, log);
  const algorithms = resolveAlgorithms(config.sshd);
  for (const warning of algorithms.warnings) log.warn(warning);
  for (const warning of warnOfProxy(config.sshd)) log.warn(warning);
  const hostKeys = loadHostKeys(config.sshd.hostKeyFiles, log, {
    files: config.sshd.hostCertFiles,
    nowMs: options.clock.nowMs(),
  });
  const trustedCas = loadTrustedUserCas(config.sshd.trustedUserCaKeys, log);
  const ssh2 = await loadSsh2();
  const offer = buildOffer(ssh2, algorithms, hostKeys);
  return new SshServer(options, ssh2, { offer, trustedCas });
}

/** Says what of the configuration has no effect. */
function refuseMissing({ sshd }: Config, log: Logger): void {
  if (sshd.gssapi.enabled) {
    log.error("Unable to load GSSAPI library, gssapi-with-mic is disabled", {
      error_message: "this program loads no native library",
    });
  }
}

/** A server that is ready to listen. */
export class SshServer {
  readonly #options: SshServerOptions;
  readonly #services: ConnectionServices;
  readonly #connections = new Map<unknown, Connection>();
  readonly #served = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  readonly #admission: Admission;
  readonly #reception = new Reception();
  readonly #goodbyes = new Goodbyes(IDENT);

  constructor(
    options: SshServerOptions,
    ssh2: Ssh2Library,
    { offer, trustedCas }: Pick<ConnectionServices, "offer" | "trustedCas">,
  ) {
    const { config, clock, openApi, handleSession } = options;
    const ssh2Server = new ssh2.Server({ hostKeys: [], ident: IDENT });
    ssh2Server.on("connection", (client: Ssh2Client) => {
      this.#connections.get(client._sock)?.attach(client);
    });
    this.#options = options;
    this.#admission = new Admission({
      settings: readAdmissionSettings(config.sshd),
      log: options.log,
      clock,
    });
    this.#services = {
      ssh2,
      ssh2Server,
      offer,
      user: config.user,
      trustedCas,
      env: options.env ?? (() => undefined),
      limits: limitsOf(options),
      clock,
      openApi,
      handleSession,
    };
  }

  /**
   * @throws {Error} `listen tcp …` if the address is bad or taken, `invalid
   * policy configuration: …` if a list of addresses is.
   */
  listen(): RunningSshServer {
    const { config, log, clock } = this.#options;
    const proxy = readProxySettings(config.sshd);
    const listener = openListener(parseListenAddress(config.sshd.listen));
    const { hostname, port } = listener.addr;
    const address = { hostname, port };
    const { publicKeyAlgorithms } = config.sshd;
    const tcp_address = formatListenAddress(address);
    if (proxy) log.info("Proxy protocol is enabled", { tcp_address });
    log.info("Listening for SSH connections", {
      tcp_address,
      ...(publicKeyAlgorithms.length > 0 && {
        supported_public_key_algorithms: publicKeyAlgorithms,
      }),
    });
    const { signal } = this.#stop;
    const around = {
      admission: this.#admission,
      goodbyes: this.#goodbyes,
      proxy,
      log,
      clock,
    };
    const receive = (tcp: Deno.TcpConn) => {
      setTcpOptions(tcp);
      const received = this.#reception.receive(tcp, around)
        .then((arrival) => arrival && this.#serve(arrival));
      this.#track(received);
    };
    acceptAll(listener, receive, { log, clock, signal });
    const stopListening = () => {
      if (signal.aborted) return;
      this.#stop.abort();
      listener.close();
    };
    return this.#running(address, stopListening);
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
    };
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
    }).finally(() => this.#served.delete(tracked));
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

function limitsOf({ config, limits }: SshServerOptions): ConnectionLimits {
  const { sshd } = config;
  return {
    identMs: IDENT_TIMEOUT_MS,
    loginGraceMs: Math.min(sshd.loginGraceTimeMs, TIMER_MS_MAX),
    keepaliveMs: Math.min(sshd.clientAliveIntervalMs, TIMER_MS_MAX),
    sessionsMax: sshd.concurrentSessionsLimit,
    idleChannelMs: IDLE_CHANNEL_TIMEOUT_MS,
    clientGoneMs: CLIENT_GONE_TIMEOUT_MS,
    rekey: REKEY_LIMITS,
    ...limits,
  };
}

/** Rows F6 and F18: ssh2's own lists cannot be made to say what we offer. */
function buildOffer(
  ssh2: Ssh2Library,
  algorithms: Algorithms,
  hostKeys: HostKeys,
): TransportOffer {
  const direction = {
    cipher: algorithms.ciphers,
    mac: algorithms.macs,
    compress: ["none"],
    lang: [],
  };
  const lists: Ssh2Offer = {
    kex: algorithms.keyExchange,
    serverHostKey: hostKeys.algorithms,
    cs: direction,
    sc: direction,
  };
  return {
    lists,
    first: makeKexInit(ssh2, lists, [STRICT_MARKER]),
    later: makeKexInit(ssh2, lists),
    hostKeys: hostKeys.byAlgorithm,
    signatureAlgorithms: algorithms.userKeys,
  };
}
