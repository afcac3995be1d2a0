/**
 * The whole configuration as values, defaults filled in. One type for all
 * programs; durations are milliseconds.
 * Source: GitLab Shell 14.56.1, config.yml.
 * @module
 */
import type { Secret } from "../core/secret.ts";

/** How the internal API is reached. */
export interface HttpSettings {
  readonly user: string;
  readonly password: Secret;
  /** Bound of one attempt, connect to last byte of the body. */
  readonly readTimeoutMs: number;
  readonly caFile: string;
  readonly caPath: string;
}

/** The built-in SSH server. */
export interface SshdConfig {
  readonly listen: string;
  readonly webListen: string;
  readonly proxyProtocol: boolean;
  readonly proxyPolicy: string;
  readonly proxyAllowed: readonly string[];
  readonly proxyHeaderTimeoutMs: number;
  readonly concurrentSessionsLimit: number;
  readonly clientAliveIntervalMs: number;
  readonly gracePeriodMs: number;
  readonly loginGraceTimeMs: number;
  /** `start:percent:full`, one number, or `none`. */
  readonly maxStartups: string;
  readonly perSourceMaxStartups: number;
  /** Bits for IPv4 and for IPv6, `32:64`. */
  readonly perSourceNetBlockSize: string;
  /** `yes`, `no`, or words such as `authfail:5`. */
  readonly perSourcePenalties: string;
  readonly perSourceExempt: readonly string[];
  readonly workers: number;
  readonly readinessProbe: string;
  readonly livenessProbe: string;
  readonly hostKeyFiles: readonly string[];
  readonly hostCertFiles: readonly string[];
  readonly trustedUserCaKeys: readonly string[];
  readonly macs: readonly string[];
  readonly kexAlgorithms: readonly string[];
  readonly ciphers: readonly string[];
  readonly publicKeyAlgorithms: readonly string[];
  readonly gssapi: {
    readonly enabled: boolean;
    readonly keytab: string;
    readonly servicePrincipalName: string;
    readonly libPath: string;
  };
}

/** The Topology Service of a GitLab made of Cells. */
export interface TopologyServiceConfig {
  readonly enabled: boolean;
  readonly address: string;
  readonly timeoutMs: number;
  readonly tls: {
    readonly enabled: boolean;
    readonly caFile: string;
    readonly certFile: string;
    readonly keyFile: string;
    readonly serverName: string;
    readonly insecureSkipVerify: boolean;
  };
  readonly cellEndpoint: { readonly scheme: string; readonly port: number };
}

/** Everything `config.yml` says. */
export interface Config {
  /** Directory of the file, as it was found; relative paths start here. */
  readonly rootDir: string;
  readonly user: string;
  /** Already percent-decoded; may be empty, which fails on first use. */
  readonly gitlabUrl: string;
  readonly gitlabRelativeUrlRoot: string;
  readonly gitlabTracing: string;
  /** Raw, line end included; trimmed where it signs. */
  readonly secret: Secret;
  readonly sslCertDir: string;
  /** Absolute unless `rootDir` is relative; empty when the file says `""`. */
  readonly logFile: string;
  readonly logLevel: string;
  readonly logFormat: string;
  /** `auth_file`, which gitlab-keys alone reads; empty when not given. */
  readonly authFile: string;
  readonly http: HttpSettings;
  readonly sshd: SshdConfig;
  readonly lfs: { readonly pureSshProtocol: boolean };
  readonly pat: {
    readonly enabled: boolean;
    readonly allowedScopes: readonly string[];
  };
  readonly topologyService: TopologyServiceConfig;
}
