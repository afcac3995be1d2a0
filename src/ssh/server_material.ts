/**
 * What a server reads from its configuration and from the files that it names:
 * at a start, and again when it is told to.
 * Source: GitLab Shell 14.56.1, sshd server configuration.
 * @module
 */
import type { Config } from "../config/config.ts";
import type { Logger } from "../core/log.ts";
import { type AdmissionSettings, readAdmissionSettings } from "./admission.ts";
import { type Algorithms, resolveAlgorithms } from "./algorithms.ts";
import type { ConnectionLimits } from "./connection_services.ts";
import { type HostKeys, loadHostKeys } from "./host_keys.ts";
import { makeKexInit } from "./patch/kex_choice.ts";
import { warnOfProxy } from "./proxy_policy.ts";
import { REKEY_LIMITS } from "./rekey_schedule.ts";
import type { SshServerOptions } from "./server_options.ts";
import type { Ssh2Library, Ssh2Offer } from "./ssh2_types.ts";
import type { TransportOffer } from "./transport.ts";
import { loadTrustedUserCas, type TrustedUserCas } from "./trusted_user_cas.ts";

const STRICT_MARKER = "kex-strict-s-v00@openssh.com";
const IDENT_TIMEOUT_MS = 10_000;
const IDLE_CHANNEL_TIMEOUT_MS = 60_000;
/** The reference waits ten seconds; Gitaly works for nobody meanwhile. */
const CLIENT_GONE_TIMEOUT_MS = 1_500;
/** A pager may be left open for a while; Gitaly is kept busy meanwhile. */
const STALLED_TIMEOUT_MS = 15 * 60_000;
/** A timer of more than 24 days would ring at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** All of it. */
export interface ServerMaterial {
  readonly offer: TransportOffer;
  readonly trustedCas: TrustedUserCas;
  readonly admission: AdmissionSettings;
  readonly limits: ConnectionLimits;
  readonly user: string;
}

/**
 * Reads all of it; what can be left out is logged.
 * @throws {Error} If no host key can be used, an authority's file is bad, or a
 * list or a limit cannot be used.
 */
export function loadMaterial(
  options: Pick<
    SshServerOptions,
    "config" | "log" | "clock" | "limits"
  >,
  ssh2: Ssh2Library,
): ServerMaterial {
  const { config, log, clock } = options;
  const { sshd } = config;
  refuseMissing(config, log);
  const admission = readAdmissionSettings(sshd);
  const algorithms = resolveAlgorithms(sshd);
  for (const warning of algorithms.warnings) log.warn(warning);
  for (const warning of warnOfProxy(sshd)) log.warn(warning);
  const hostKeys = loadHostKeys(sshd.hostKeyFiles, log, {
    files: sshd.hostCertFiles,
    nowMs: clock.nowMs(),
  });
  return {
    offer: buildOffer(ssh2, algorithms, hostKeys),
    trustedCas: loadTrustedUserCas(sshd.trustedUserCaKeys, log),
    admission,
    limits: limitsOf(options),
    user: config.user,
  };
}

/** Says what of the configuration has no effect. */
function refuseMissing({ sshd }: Config, log: Logger): void {
  if (sshd.gssapi.enabled) {
    log.error("Unable to load GSSAPI library, gssapi-with-mic is disabled", {
      error_message: "this program loads no native library",
    });
  }
}

function limitsOf(
  { config, limits }: Pick<SshServerOptions, "config" | "limits">,
): ConnectionLimits {
  const { sshd } = config;
  return {
    identMs: IDENT_TIMEOUT_MS,
    loginGraceMs: Math.min(sshd.loginGraceTimeMs, TIMER_MS_MAX),
    keepaliveMs: Math.min(sshd.clientAliveIntervalMs, TIMER_MS_MAX),
    sessionsMax: sshd.concurrentSessionsLimit,
    idleChannelMs: IDLE_CHANNEL_TIMEOUT_MS,
    clientGoneMs: CLIENT_GONE_TIMEOUT_MS,
    stalledMs: STALLED_TIMEOUT_MS,
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
