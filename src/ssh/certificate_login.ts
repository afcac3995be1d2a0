/**
 * Logins by certificate: whose authority is trusted, and for what.
 *
 * Authorities of the whole instance are files here, and the certificate's
 * identity is the GitLab user. Any other authority may be a group's: GitLab is
 * asked, and the login is bound to the group's namespace.
 * Source: GitLab Shell 14.56.1, sshd user certificates.
 * @module
 */
import { createHash } from "node:crypto";
import type { ApiClient } from "../api/client.ts";
import { errorText } from "../core/errors.ts";
import type { LogFields, Logger } from "../core/log.ts";
import { type Certificate, CERTIFICATE_KIND } from "./certificate.ts";
import {
  findCertificateFault,
  findKeyIdFault,
  findSourceFault,
  SOURCE_ADDRESS,
} from "./certificate_check.ts";
import type { Login, LoginDecision } from "./login.ts";
import { shorten } from "./shown_text.ts";
import type { TrustedUserCas } from "./trusted_user_cas.ts";

/** Turns group-level certificates on when it is `1`. */
export const GROUP_CERTIFICATES_VARIABLE = "FF_GITLAB_SHELL_SSH_CERTIFICATES";

/** A user name of GitLab's, and more than any list of addresses needs. */
const IDENTITY_CHARS_MAX = 255;
const ADDRESSES_CHARS_MAX = 1_024;

/** What logins by certificate are decided with. */
export interface CertificateLoginOptions {
  readonly trustedCas: TrustedUserCas;
  readonly api: Pick<ApiClient, "authorizedCertificate">;
  readonly log: Logger;
  /** The client's IP address, the proxy's account of it included. */
  readonly clientAddress: string;
  readonly nowMs: () => number;
  /** Read at every attempt. */
  readonly env: (name: string) => string | undefined;
}

/** A certificate that somebody offers. */
export interface OfferedCertificate {
  readonly user: string;
  readonly certificate: Certificate;
  /** The whole certificate. */
  readonly blob: Uint8Array;
}

/**
 * Decides on a certificate that may or may not be proven.
 * @throws {Error} If GitLab cannot be asked or refuses.
 */
export async function decideOnCertificate(
  offered: OfferedCertificate,
  options: CertificateLoginOptions,
  signal: AbortSignal,
): Promise<LoginDecision> {
  const { certificate } = offered;
  const log = options.log.with(recordFields(offered));
  const fault = findGeneralFault(offered, options, log);
  if (fault !== undefined) return { refusal: fault };
  const decision = options.trustedCas.has(certificate.authorityBlob)
    ? decideForInstance(certificate, log)
    : await decideForGroup(certificate, { ...options, log }, signal);
  return "login" in decision
    ? limitSource(decision.login, certificate, { ...options, log })
    : decision;
}

function findGeneralFault(
  { user, certificate }: OfferedCertificate,
  { nowMs }: CertificateLoginOptions,
  log: Logger,
): string | undefined {
  const { kind, subject } = certificate;
  if (kind !== CERTIFICATE_KIND.user) {
    log.warn("certificate rejected: not a user certificate", {
      cert_type: kind,
    });
    return `handleUserCertificate: cert has type ${kind}`;
  }
  const fault = subject.refusal ??
    findCertificateFault(certificate, user, nowMs());
  if (fault !== undefined) {
    log.warn("certificate rejected: validity check failed", {
      error_message: fault,
    });
  }
  return fault;
}

/** Nobody is asked: who does not exist is found out by the first command. */
function decideForInstance(
  { keyId }: Certificate,
  log: Logger,
): LoginDecision {
  const fault = findKeyIdFault(keyId);
  if (fault !== undefined) {
    log.warn("instance-level certificate rejected: invalid KeyId", {
      error_message: fault,
    });
    return { refusal: `handleUserCertificate: ${fault}` };
  }
  log.info(
    "user certificate is signed by a locally trusted CA (instance-level)",
    { certificate_username: keyId },
  );
  const identity = { kind: "username", username: keyId } as const;
  return { login: { identity, namespacePath: "" } };
}

async function decideForGroup(
  { keyId, authorityBlob }: Certificate,
  { api, env, log }: CertificateLoginOptions,
  signal: AbortSignal,
): Promise<LoginDecision> {
  if (env(GROUP_CERTIFICATES_VARIABLE) !== "1") {
    return { refusal: "handleUserCertificate: feature is disabled" };
  }
  try {
    const { username, namespace } = await api.authorizedCertificate(
      { authority: sha256Text(authorityBlob), identifier: keyId },
      signal,
    );
    log.info("user certificate is signed by a trusted key (group-level)", {
      certificate_username: username,
      certificate_namespace: namespace,
    });
    const identity = { kind: "username", username } as const;
    return { login: { identity, namespacePath: namespace } };
  } catch (error) {
    log.warn("user certificate is not signed by a trusted key", {
      error_message: errorText(error),
    });
    throw error;
  }
}

function limitSource(
  login: Login,
  { criticalOptions }: Certificate,
  { clientAddress, log }: CertificateLoginOptions,
): LoginDecision {
  const allowed = criticalOptions.get(SOURCE_ADDRESS);
  if (allowed === undefined) return { login };
  const { identity, namespacePath } = login;
  log.info("certificate authorized with source-address restriction", {
    source_address: shorten(allowed, ADDRESSES_CHARS_MAX),
    ...(identity.kind === "username" && {
      certificate_username: identity.username,
    }),
    ...(namespacePath !== "" && { certificate_namespace: namespacePath }),
  });
  const fault = findSourceFault(allowed, clientAddress);
  return fault === undefined ? { login } : { refusal: fault };
}

function recordFields(
  { user, certificate, blob }: OfferedCertificate,
): LogFields {
  return {
    ssh_user: shorten(user),
    public_key_fingerprint: `SHA256:${sha256Text(blob)}`,
    signing_ca_fingerprint: `SHA256:${sha256Text(certificate.authorityBlob)}`,
    certificate_identity: shorten(certificate.keyId, IDENTITY_CHARS_MAX),
  };
}

/** As fingerprints are written, without the name of the hash. */
function sha256Text(blob: Uint8Array): string {
  const hash = createHash("sha256").update(blob).digest();
  return hash.toBase64({ omitPadding: true });
}
