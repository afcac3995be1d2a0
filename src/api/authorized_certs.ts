/**
 * `/authorized_certs`: which user a group's certificate authority vouches for.
 * Pure: body to values.
 * Source: GitLab Shell 14.56.1, authorizedcerts.
 * @module
 */
import type { CertifiedUser } from "./client.ts";
import { readFields, toText } from "./go_fields.ts";
import { parseFirstJson } from "./go_json.ts";

/** @throws {ProtocolError} If the body does not decode. */
export function decodeCertifiedUser(body: Uint8Array): CertifiedUser {
  let username = "";
  let namespace = "";
  readFields(parseFirstJson(body), {
    username: (value) => username = toText(value),
    namespace: (value) => namespace = toText(value),
  });
  return { username, namespace };
}

/**
 * Refuses what the reference takes for nobody and for the whole instance.
 * @throws {Error} If the user or the namespace is missing.
 */
export function checkCertifiedUser(found: CertifiedUser): CertifiedUser {
  if (found.username === "") throw new Error("Certificate has no user");
  if (found.namespace === "") throw new Error("Certificate has no namespace");
  return found;
}
