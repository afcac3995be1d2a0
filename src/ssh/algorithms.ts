/**
 * Algorithm lists: what is offered when nothing is configured, and what
 * becomes of a configured list.
 * Source: GitLab Shell 14.56.1 (golang.org/x/crypto 0.54), sshd section.
 * @module
 */
import type { SshdConfig } from "../config/config.ts";
import { MLKEM_EXCHANGE } from "./patch/kex_choice.ts";

/** The lists to offer, and what the operator should know about them. */
export interface Algorithms {
  readonly keyExchange: readonly string[];
  readonly ciphers: readonly string[];
  readonly macs: readonly string[];
  /** What a user key may sign with. */
  readonly userKeys: readonly string[];
  /** Configured names that are left out; one sentence each. */
  readonly warnings: readonly string[];
}

/** One kind of algorithm, in Go's words and ours. */
interface AlgorithmKind {
  readonly key: string;
  /** In the order in which they are offered. */
  readonly defaults: readonly string[];
  /** Offered only when configured. */
  readonly optional: readonly string[];
  /** Names that the reference has and this server has not. */
  readonly missing: readonly string[];
}

const CURVE25519 = "curve25519-sha256";
const CURVE25519_ALIAS = "curve25519-sha256@libssh.org";

const KEY_EXCHANGE: AlgorithmKind = {
  key: "kex_algorithms",
  defaults: [
    MLKEM_EXCHANGE,
    CURVE25519,
    CURVE25519_ALIAS,
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group14-sha1",
  ],
  optional: ["diffie-hellman-group16-sha512", "diffie-hellman-group1-sha1"],
  missing: [
    // Row F10: ssh2 has no server side of it and ends the connection.
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group-exchange-sha1",
  ],
};

const CIPHERS: AlgorithmKind = {
  key: "ciphers",
  defaults: [
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
  ],
  optional: ["aes128-cbc", "3des-cbc"],
  missing: ["arcfour256", "arcfour128", "arcfour"],
};

const MACS: AlgorithmKind = {
  key: "macs",
  defaults: [
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
    "hmac-sha1",
    "hmac-sha1-96",
  ],
  optional: [],
  missing: [],
};

const USER_KEYS: AlgorithmKind = {
  key: "public_key_algorithms",
  defaults: [
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-256",
    "rsa-sha2-512",
    "ssh-rsa",
    "ssh-dss",
  ],
  optional: [],
  missing: [],
};

/**
 * Turns the configured lists into the lists to offer.
 * @throws {Error} If nothing of a configured list can be offered, or a user
 * key algorithm does not exist. The reference offers its defaults in the first
 * case and refuses every connection in the second; neither is what was asked.
 */
export function resolveAlgorithms(config: SshdConfig): Algorithms {
  const warnings: string[] = [];
  const keyExchange = resolve(KEY_EXCHANGE, config.kexAlgorithms, warnings);
  const ciphers = resolve(CIPHERS, config.ciphers, warnings);
  const macs = resolve(MACS, config.macs, warnings);
  refuseUnknown(USER_KEYS, config.publicKeyAlgorithms);
  const userKeys = resolve(USER_KEYS, config.publicKeyAlgorithms, warnings);
  return {
    keyExchange: withAlias(keyExchange),
    ciphers,
    macs,
    userKeys,
    warnings,
  };
}

function resolve(
  kind: AlgorithmKind,
  configured: readonly string[],
  warnings: string[],
): readonly string[] {
  if (configured.length === 0) return kind.defaults;
  const offered = configured.filter((name) =>
    kind.defaults.includes(name) || kind.optional.includes(name)
  );
  for (const name of configured) {
    if (offered.includes(name)) continue;
    const reason = kind.missing.includes(name)
      ? "this server does not have it"
      : "it is not known";
    warnings.push(
      `sshd.${kind.key}: ${JSON.stringify(name)} is left out: ${reason}`,
    );
  }
  if (offered.length === 0) {
    throw new Error(`sshd.${kind.key}: no name of the list can be offered`);
  }
  return offered;
}

function refuseUnknown(kind: AlgorithmKind, configured: readonly string[]) {
  const known = [...kind.defaults, ...kind.optional, ...kind.missing];
  const unknown = configured.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new Error(
    `ssh: unsupported public key authentication algorithm ${unknown}`,
  );
}

/** Old clients know the exchange by its first name only. */
function withAlias(names: readonly string[]): readonly string[] {
  const at = names.indexOf(CURVE25519);
  if (at < 0 || names.includes(CURVE25519_ALIAS)) return names;
  return names.toSpliced(at + 1, 0, CURVE25519_ALIAS);
}
