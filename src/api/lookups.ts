/**
 * The small questions of the internal API: who is this, whose key is this, is
 * anybody there. Pure: values to query and body to values.
 * Source: GitLab Shell 14.56.1, discover, authorizedkeys and healthcheck.
 * @module
 */
import type { Identity } from "./access.ts";
import { identityMember } from "./allowed.ts";
import type { AuthorizedKey, DiscoveredUser, HealthReport } from "./client.ts";
import { readFields, toBoolean, toInteger, toText } from "./go_fields.ts";
import { parseFirstJson } from "./go_json.ts";

/**
 * The query of `/discover`.
 * @throws {Error} `who='' is invalid`, if there is nobody to ask about.
 */
export function discoverQuery(identity: Identity): Record<string, string> {
  const query = identityMember(identity);
  if (Object.keys(query).length === 0) throw new Error("who='' is invalid");
  return query;
}

/** @throws {ProtocolError} If the body does not decode; `null` is nobody. */
export function decodeUser(body: Uint8Array): DiscoveredUser {
  let id = 0;
  let username = "";
  readFields(parseFirstJson(body), {
    id: (value) => id = toInteger(value),
    username: (value) => username = toText(value),
    name: (value) => void toText(value),
  });
  return { id, username };
}

/** @throws {ProtocolError} If the body does not decode. */
export function decodeKey(body: Uint8Array): AuthorizedKey {
  let id = 0;
  let key = "";
  readFields(parseFirstJson(body), {
    id: (value) => id = toInteger(value),
    key: (value) => key = toText(value),
  });
  return { id, key };
}

/** @throws {ProtocolError} If the body does not decode. */
export function decodeHealth(body: Uint8Array): HealthReport {
  let hasRedis = false;
  readFields(parseFirstJson(body), {
    api_version: (value) => void toText(value),
    gitlab_version: (value) => void toText(value),
    gitlab_rev: (value) => void toText(value),
    redis: (value) => hasRedis = toBoolean(value),
  });
  return { hasRedis };
}
