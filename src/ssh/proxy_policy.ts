/**
 * Whose PROXY headers count. Pure.
 * Source: GitLab Shell 14.56.1, sshd; go-proxyproto.
 * @module
 */
import type { SshdConfig } from "../config/config.ts";
import { AddressList } from "./address_list.ts";

/** What becomes of a header and of its absence. */
export type ProxyPolicy = "use" | "require" | "reject" | "ignore";

const POLICIES: ReadonlyMap<string, ProxyPolicy> = new Map([
  ["", "use"],
  ["use", "use"],
  ["require", "require"],
  ["reject", "reject"],
  ["ignore", "ignore"],
]);

/** Go's library takes a timeout of 0 to mean this. */
const HEADER_TIMEOUT_MS = 10_000;

/** Settings of the PROXY protocol, read once. */
export interface ProxySettings {
  /** How long a header may take; Infinity for no limit. */
  readonly timeoutMs: number;
  /** The setting that the policy comes from, for the log. */
  readonly setting: "sshd.proxy_allowed" | "sshd.proxy_policy";
  /** @param peer Address of the other end of the TCP connection. */
  policyFor(peer: string): ProxyPolicy;
}

type ProxyConfig = Pick<
  SshdConfig,
  | "proxyProtocol"
  | "proxyPolicy"
  | "proxyAllowed"
  | "proxyHeaderTimeoutMs"
  | "loginGraceTimeMs"
>;

/**
 * Reads the settings.
 * @returns `undefined` if headers are not expected at all.
 * @throws {Error} `invalid policy configuration: …` for an entry of
 * `proxy_allowed` that is no address.
 */
export function readProxySettings(
  config: ProxyConfig,
): ProxySettings | undefined {
  if (!config.proxyProtocol) return undefined;
  const timeoutMs = toTimeoutMs(config);
  if (config.proxyAllowed.length > 0) {
    const allowed = readAllowed(config.proxyAllowed);
    return {
      timeoutMs,
      setting: "sshd.proxy_allowed",
      policyFor: (peer) => allowed.has(peer) ? "use" : "reject",
    };
  }
  const policy = POLICIES.get(config.proxyPolicy.toLowerCase()) ?? "use";
  return { timeoutMs, setting: "sshd.proxy_policy", policyFor: () => policy };
}

/**
 * What is odd about the settings though they work.
 * @returns Sentences for the operator.
 */
export function warnOfProxy(config: ProxyConfig): string[] {
  const { proxyProtocol, proxyPolicy, proxyAllowed } = config;
  const warnings: string[] = [];
  const isUnknown = !POLICIES.has(proxyPolicy.toLowerCase());
  if (proxyProtocol && isUnknown && proxyAllowed.length === 0) {
    const word = JSON.stringify(proxyPolicy);
    warnings.push(`sshd.proxy_policy: ${word} is unknown and means use`);
  }
  const policy = POLICIES.get(proxyPolicy.toLowerCase()) ?? "use";
  if (proxyProtocol && policy === "use" && proxyAllowed.length === 0) {
    warnings.push(
      "sshd.proxy_policy is use and sshd.proxy_allowed is empty: anybody can " +
        "send a PROXY header and forge an address; name the balancers in " +
        "sshd.proxy_allowed",
    );
  }
  if (!proxyProtocol && (proxyPolicy !== "" || proxyAllowed.length > 0)) {
    warnings.push(
      "sshd.proxy_policy and sshd.proxy_allowed have no effect: " +
        "sshd.proxy_protocol is false",
    );
  }
  return warnings;
}

function readAllowed(entries: readonly string[]): AddressList {
  try {
    return new AddressList(entries);
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`invalid policy configuration: ${text}`, { cause });
  }
}

/** Without a limit of its own a header is bounded as the whole login is. */
function toTimeoutMs(
  { proxyHeaderTimeoutMs, loginGraceTimeMs }: ProxyConfig,
): number {
  if (proxyHeaderTimeoutMs > 0) return proxyHeaderTimeoutMs;
  if (proxyHeaderTimeoutMs === 0) return HEADER_TIMEOUT_MS;
  return loginGraceTimeMs > 0 ? loginGraceTimeMs : Infinity;
}
