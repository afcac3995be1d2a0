/**
 * The steps of a probe of the internal API, each with its remedy.
 * @module
 */
import type { Config } from "../config/config.ts";
import { CertificateError, errorChainText, errorText } from "../core/errors.ts";
import type { ByteDuplex } from "../core/io.ts";
import type { Clock } from "../core/host.ts";
import { Deadline } from "../core/deadline.ts";
import { collectBody, Exchange } from "./exchange.ts";
import {
  type ConnectionPlan,
  internalApiPath,
  placeRequest,
  type RequestPlace,
} from "./base_url.ts";
import { encodeRequestHead, type HeaderLine } from "./http1_request.ts";
import type { ResponseHead } from "./http1_response.ts";
import { decodeHealth } from "./lookups.ts";
import { isRedirect, refusalError } from "./refusal.ts";
import { TokenMinter } from "./token.ts";
import type { ApiTransport } from "./transport.ts";

/** What a probe is made with. */
export interface ApiProbeSetup {
  readonly transport: ApiTransport;
  readonly config: Pick<Config, "secret" | "http">;
  readonly correlationId: string;
  readonly clock: Clock;
  /** Limit of each step. */
  readonly timeoutMs: number;
}

/** A token is good for a minute; half of it leaves room for the way. */
const CLOCK_SKEW_MS_MAX = 30_000;
const BODY_BYTES_MAX = 64 * 1024;

/** A step failed for a reason that has a remedy. */
export class ProbeError extends Error {
  override name = "ProbeError";
  readonly advice: string;
  constructor(message: string, advice: string, options?: ErrorOptions) {
    super(message, options);
    this.advice = advice;
  }
}

/** The steps; each relies on those before it. */
export class ApiProbe {
  readonly #setup: ApiProbeSetup;
  #place: RequestPlace | undefined;
  #socketError: unknown;
  #head: ResponseHead | undefined;
  #body: Uint8Array | undefined;
  #answeredMs = 0;

  constructor(setup: ApiProbeSetup) {
    this.#setup = setup;
  }

  address(): Promise<string> {
    const { transport } = this.#setup;
    try {
      const place = placeRequest(transport.base, internalApiPath("/check"));
      this.#place = place;
      const { connection } = place;
      return Promise.resolve(
        connection.kind === "unix"
          ? `socket ${connection.path}`
          : `${connection.hostname} port ${connection.port}` +
            (connection.kind === "tls" ? ", TLS" : ""),
      );
    } catch (cause) {
      throw new ProbeError(
        errorText(cause),
        "correct gitlab_url in config.yml: http://host, https://host or " +
          "http+unix://%2Fpath%2Fto%2Fsocket",
        { cause },
      );
    }
  }

  /** The system resolves while it dials, so one dial tells of both. */
  async name(): Promise<string | undefined> {
    const { connection } = this.#known(this.#place);
    if (connection.kind === "unix") return undefined;
    const { hostname, port } = connection;
    let text = `${hostname} is an address`;
    try {
      const conn = await this.#within((signal) =>
        Deno.connect({ hostname, port, signal })
      );
      const { remoteAddr } = conn;
      conn.close();
      if (!isAddress(hostname)) text = `${hostname} is ${remoteAddr.hostname}`;
    } catch (cause) {
      if (/lookup address|resolve|no such host/i.test(errorText(cause))) {
        throw new ProbeError(
          `${hostname} is not known: ${errorText(cause)}`,
          "correct the host in gitlab_url, or /etc/hosts or DNS on this machine",
          { cause },
        );
      }
      this.#socketError = cause;
      if (!isAddress(hostname)) text = `${hostname} is known`;
    }
    return text;
  }

  async socket(): Promise<string> {
    const { connection } = this.#known(this.#place);
    if (connection.kind === "unix") {
      const { path } = connection;
      const conn = await Deno.connect({ transport: "unix", path })
        .catch((cause) => {
          throw new ProbeError(
            `${path}: ${errorText(cause)}`,
            adviseUnix(cause),
            { cause },
          );
        });
      conn.close();
      return `${path} takes connections`;
    }
    if (this.#socketError !== undefined) {
      throw new ProbeError(
        `${connection.hostname} port ${connection.port}: ` +
          errorText(this.#socketError),
        "see that GitLab runs, that it listens there (gitlab_url), and that " +
          "no firewall or SELinux rule is between",
        { cause: this.#socketError },
      );
    }
    return `port ${connection.port} takes connections`;
  }

  async tls(): Promise<string | undefined> {
    const { connection } = this.#known(this.#place);
    if (connection.kind !== "tls") return undefined;
    try {
      const duplex = await this.#connect(connection);
      duplex.close();
      return `certificate of ${connection.hostname} verified`;
    } catch (cause) {
      throw new ProbeError(
        errorChainText(cause),
        cause instanceof CertificateError
          ? "name the authority in http_settings.ca_file, or correct the " +
            "certificate's names and dates"
          : "see that the port speaks TLS 1.2 or later",
        { cause },
      );
    }
  }

  async answer(): Promise<string> {
    const place = this.#known(this.#place);
    const { clock } = this.#setup;
    const startMs = clock.monotonicMs();
    const head = encodeRequestHead({
      method: "GET",
      target: place.target,
      host: place.host,
      headers: await this.#headers(place),
    });
    await this.#within(async (signal) => {
      const connection = await this.#setup.transport.connect(
        place.connection,
        signal,
      );
      using exchange = new Exchange(connection, signal);
      await exchange.send(head);
      this.#head = await exchange.readHead();
      this.#answeredMs = clock.nowMs();
      this.#body = await collectBody(exchange, BODY_BYTES_MAX)
        .catch(() => undefined);
    });
    const { status, headers } = this.#known(this.#head);
    const took = (clock.monotonicMs() - startMs).toFixed(0);
    if (isRedirect(status)) {
      throw new ProbeError(
        `redirect (${status}) to ${headers.get("location")?.[0] ?? "nowhere"}`,
        "redirects are never followed: put the final address into gitlab_url",
      );
    }
    if (status >= 500) {
      throw new ProbeError(
        `status ${status}`,
        "GitLab itself is at fault: see the log of its web service",
      );
    }
    if (status === 404) {
      throw new ProbeError(
        "status 404: no internal API there",
        "correct gitlab_url and gitlab_relative_url_root",
      );
    }
    return `status ${status} after ${took} ms`;
  }

  /** Judged before the token: a wrong clock makes a good token look bad. */
  clock(): Promise<string | undefined> {
    const date = this.#known(this.#head).headers.get("date")?.[0];
    const theirMs = date === undefined ? NaN : Date.parse(date);
    if (Number.isNaN(theirMs)) return Promise.resolve(undefined);
    const skewMs = this.#answeredMs - theirMs;
    // Their date has whole seconds.
    const seconds = Math.trunc(skewMs / 1_000);
    if (Math.abs(skewMs) <= CLOCK_SKEW_MS_MAX) {
      return Promise.resolve(
        Math.abs(seconds) <= 1
          ? "this machine and GitLab agree"
          : describeSkew(seconds),
      );
    }
    throw new ProbeError(
      describeSkew(seconds),
      "set the clocks (NTP): tokens are good for 60 seconds, so GitLab " +
        "refuses or will refuse them",
    );
  }

  token(): Promise<string> {
    const { status } = this.#known(this.#head);
    if (status === 401 || status === 403) {
      throw new ProbeError(
        `${refusalError(status, this.#body).message || `status ${status}`}`,
        "the secret is not GitLab's: compare the file that secret_file names " +
          "with GitLab's own .gitlab_shell_secret",
      );
    }
    if (status >= 400) throw refusalError(status, this.#body);
    return Promise.resolve("accepted: the secret matches");
  }

  redis(): Promise<string> {
    let hasRedis: boolean;
    try {
      hasRedis = decodeHealth(this.#body ?? new Uint8Array()).hasRedis;
    } catch (cause) {
      throw new ProbeError(
        "the answer is not GitLab's",
        "something else than GitLab answers there: correct gitlab_url",
        { cause },
      );
    }
    if (hasRedis) return Promise.resolve("GitLab reaches its Redis");
    throw new ProbeError(
      "GitLab does not reach its Redis",
      "see that Redis runs on the GitLab server",
    );
  }

  async #headers(place: RequestPlace): Promise<HeaderLine[]> {
    const { config: { secret, http }, clock, correlationId } = this.#setup;
    const token = await new TokenMinter(secret).mint(clock.nowMs())
      .catch((cause) => {
        throw new ProbeError(
          errorText(cause),
          "put GitLab's secret into the file that secret_file names",
          { cause },
        );
      });
    const credentials = http.user !== "" && !http.password.isEmpty
      ? `${http.user}:${http.password.reveal()}`
      : place.urlCredentials;
    const basic = credentials === undefined
      ? []
      : [["Authorization", basicAuth(credentials)] as const];
    return [
      ["User-Agent", "GitLab-Shell"],
      ["Connection", "close"],
      ...basic,
      ["Content-Type", "application/json"],
      ["Gitlab-Shell-Api-Request", token.text],
      ["X-Request-Id", correlationId],
    ];
  }

  #connect(plan: ConnectionPlan): Promise<ByteDuplex> {
    return this.#within((signal) =>
      this.#setup.transport.connect(plan, signal)
    );
  }

  async #within<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { timeoutMs } = this.#setup;
    using deadline = new Deadline(timeoutMs);
    try {
      return await work(deadline.signal);
    } catch (error) {
      if (!deadline.signal.aborted) throw error;
      throw new Error(`no answer within ${timeoutMs / 1_000} s`, {
        cause: error,
      });
    }
  }

  #known<T>(value: T | undefined): T {
    if (value === undefined) throw new TypeError("A step was left out");
    return value;
  }
}

function adviseUnix(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) {
    return "see that GitLab Workhorse runs and listens there, and that the " +
      "path in gitlab_url is right";
  }
  return error instanceof Deno.errors.PermissionDenied
    ? "let the account that runs gitlab-shell read and write the socket and " +
      "enter the folders above it; look for SELinux denials"
    : "see that GitLab Workhorse runs: a socket without a server stays behind";
}

function isAddress(hostname: string): boolean {
  return hostname.includes(":") || /^[\d.]+$/.test(hostname);
}

function basicAuth(credentials: string): string {
  return `Basic ${new TextEncoder().encode(credentials).toBase64()}`;
}

function describeSkew(seconds: number): string {
  return seconds > 0
    ? `this machine is ${seconds} s ahead of GitLab`
    : `this machine is ${-seconds} s behind GitLab`;
}
