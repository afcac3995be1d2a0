/**
 * The values of one file by dotted path, and the step from there to the
 * `Config` that the rooms share.
 * @module
 */
import { Secret } from "../core/secret.ts";
import type { Config, SshdConfig, TopologyServiceConfig } from "./config.ts";
import { CONFIG_KEYS, type ConfigKey, type ConfigPath } from "./config_keys.ts";

type NumberType = "integer" | "seconds" | "duration" | "duration_text";

const READ_TIMEOUT_SECONDS = 300;
const TOPOLOGY_TIMEOUT_MS = 5_000;
// Go keeps durations as signed 64-bit numbers; seconds beyond count as unset.
const GO_INT64_MAX = 2 ** 63;
// A timer takes a signed 32-bit number of milliseconds and would fire at once
// on anything above; 24 days of waiting are as good as for ever.
const TIMER_MS_MAX = 2 ** 31 - 1;

/** What one key holds. */
export type ConfigValue = string | number | boolean | readonly string[];

/**
 * Values by path: those of the file, else the table's defaults, or Go's zero
 * values where there is not even a file.
 */
export class ConfigValues {
  readonly #rows = new Map<string, ConfigKey>();
  readonly #given = new Map<string, ConfigValue>();
  readonly #hasDefaults: boolean;

  constructor({ hasDefaults = true }: { hasDefaults?: boolean } = {}) {
    this.#hasDefaults = hasDefaults;
    for (const row of CONFIG_KEYS) this.#rows.set(row.path, row);
  }

  /** The row of the table, `undefined` for a key that no program reads. */
  row(path: string): ConfigKey | undefined {
    return this.#rows.get(path);
  }
  /** Keeps a value of the row's own type. */
  set(row: ConfigKey, value: ConfigValue): void {
    this.#given.set(row.path, value);
  }

  /** The value of a row, whatever its type: what the file says, or the default. */
  valueOf(row: ConfigKey): ConfigValue {
    return this.#get(row.path) ?? row.default;
  }
  /** Whether the file has a value for the row. */
  isGiven(row: ConfigKey): boolean {
    return this.#given.has(row.path);
  }

  text(path: ConfigPath<"string">): string {
    const value = this.#get(path);
    return typeof value === "string" ? value : "";
  }
  number(path: ConfigPath<NumberType>): number {
    const value = this.#get(path);
    return typeof value === "number" ? value : 0;
  }
  /** A duration, cut to what a timer can wait. */
  milliseconds(path: ConfigPath<"duration" | "duration_text">): number {
    return clampTimer(this.number(path));
  }
  flag(path: ConfigPath<"bool">): boolean {
    return this.#get(path) === true;
  }
  list(path: ConfigPath<"strings">): readonly string[] {
    const value = this.#get(path);
    return typeof value === "object" ? value : [];
  }

  #get(path: string): ConfigValue | undefined {
    const given = this.#given.get(path);
    if (given !== undefined || !this.#hasDefaults) return given;
    return this.#rows.get(path)?.default;
  }
}

/** What the file does not say as the programs need it. */
export interface ResolvedValues {
  readonly rootDir: string;
  readonly gitlabUrl: string;
  readonly secret: Secret;
  readonly logFile: string;
}

/** Makes the form that the rooms share. */
export function buildConfig(
  values: ConfigValues,
  { rootDir, gitlabUrl, secret, logFile }: ResolvedValues,
): Config {
  // The larger half concerns gitlab-sshd alone; other programs never ask.
  let sshd: SshdConfig | undefined;
  return {
    get sshd() {
      return sshd ??= buildSshd(values);
    },
    rootDir,
    user: values.text("user"),
    gitlabUrl,
    gitlabRelativeUrlRoot: values.text("gitlab_relative_url_root"),
    gitlabTracing: values.text("gitlab_tracing"),
    secret,
    sslCertDir: values.text("ssl_cert_dir"),
    logFile,
    logLevel: values.text("log_level"),
    logFormat: values.text("log_format"),
    authFile: values.text("auth_file"),
    http: {
      user: values.text("http_settings.user"),
      password: new Secret(values.text("http_settings.password")),
      readTimeoutMs: toReadTimeoutMs(
        values.number("http_settings.read_timeout"),
      ),
      caFile: values.text("http_settings.ca_file"),
      caPath: values.text("http_settings.ca_path"),
    },
    lfs: { pureSshProtocol: values.flag("lfs.pure_ssh_protocol") },
    pat: {
      enabled: values.flag("pat.enabled"),
      allowedScopes: values.list("pat.allowed_scopes"),
    },
    topologyService: buildTopologyService(values),
  };
}

function buildSshd(values: ConfigValues): SshdConfig {
  return {
    listen: values.text("sshd.listen"),
    webListen: values.text("sshd.web_listen"),
    proxyProtocol: values.flag("sshd.proxy_protocol"),
    proxyPolicy: values.text("sshd.proxy_policy"),
    proxyAllowed: values.list("sshd.proxy_allowed"),
    proxyHeaderTimeoutMs: values.milliseconds("sshd.proxy_header_timeout"),
    concurrentSessionsLimit: values.number("sshd.concurrent_sessions_limit"),
    clientAliveIntervalMs: values.milliseconds("sshd.client_alive_interval"),
    gracePeriodMs: values.milliseconds("sshd.grace_period"),
    loginGraceTimeMs: values.milliseconds("sshd.login_grace_time"),
    maxStartups: values.text("sshd.max_startups"),
    perSourceMaxStartups: values.number("sshd.per_source_max_startups"),
    perSourceNetBlockSize: values.text("sshd.per_source_net_block_size"),
    perSourcePenalties: values.text("sshd.per_source_penalties"),
    perSourceExempt: values.list("sshd.per_source_exempt"),
    workers: values.number("sshd.workers"),
    readinessProbe: values.text("sshd.readiness_probe"),
    livenessProbe: values.text("sshd.liveness_probe"),
    hostKeyFiles: values.list("sshd.host_key_files"),
    hostCertFiles: values.list("sshd.host_cert_files"),
    trustedUserCaKeys: values.list("sshd.trusted_user_ca_keys"),
    macs: values.list("sshd.macs"),
    kexAlgorithms: values.list("sshd.kex_algorithms"),
    ciphers: values.list("sshd.ciphers"),
    publicKeyAlgorithms: values.list("sshd.public_key_algorithms"),
    gssapi: {
      enabled: values.flag("sshd.gssapi.enabled"),
      keytab: values.text("sshd.gssapi.keytab"),
      servicePrincipalName: values.text("sshd.gssapi.service_principal_name"),
      libPath: values.text("sshd.gssapi.libpath"),
    },
  };
}

function buildTopologyService(values: ConfigValues): TopologyServiceConfig {
  return {
    enabled: values.flag("topology_service.enabled"),
    address: values.text("topology_service.address"),
    timeoutMs: values.milliseconds("topology_service.timeout") ||
      TOPOLOGY_TIMEOUT_MS,
    tls: {
      enabled: values.flag("topology_service.tls.enabled"),
      caFile: values.text("topology_service.tls.ca_file"),
      certFile: values.text("topology_service.tls.cert_file"),
      keyFile: values.text("topology_service.tls.key_file"),
      serverName: values.text("topology_service.tls.server_name"),
      insecureSkipVerify: values.flag(
        "topology_service.tls.insecure_skip_verify",
      ),
    },
    cellEndpoint: {
      scheme: values.text("topology_service.cell_endpoint.scheme"),
      port: values.number("topology_service.cell_endpoint.port"),
    },
  };
}

function toReadTimeoutMs(seconds: number): number {
  const isSet = seconds > 0 && seconds < GO_INT64_MAX;
  return clampTimer((isSet ? seconds : READ_TIMEOUT_SECONDS) * 1000);
}

function clampTimer(ms: number): number {
  return Math.min(Math.max(ms, -TIMER_MS_MAX), TIMER_MS_MAX);
}
