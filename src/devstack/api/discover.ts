/**
 * `GET /discover`: who is this?
 * Source: GitLab Rails, lib/api/internal/base.rb.
 * @module
 */
import type { Endpoint } from "./endpoint.ts";

/** The endpoint. Nobody is answered with `null`, not with an error. */
export const DISCOVER: Endpoint = {
  method: "GET",
  path: "/discover",
  answer({ query }, { directory }) {
    const username = query.get("username");
    const keyId = query.get("key_id");
    const principal = query.get("krb5principal");
    const user = username !== null
      ? directory.userByName(username)
      : keyId !== null
      ? directory.user(directory.key(keyId)?.userId)
      : directory.userByPrincipal(principal ?? "");
    const body = user &&
      { id: user.id, name: user.name, username: user.username };
    return { status: 200, body: body ?? null };
  },
};
