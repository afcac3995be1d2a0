/**
 * `GET /authorized_keys`: which key of GitLab's is this one?
 * Source: GitLab Rails, lib/api/internal/base.rb.
 * @module
 */
import type { Endpoint } from "./endpoint.ts";

const CREATED_AT = "2026-01-01T00:00:00.000Z";

/** The endpoint. */
export const AUTHORIZED_KEYS: Endpoint = {
  method: "GET",
  path: "/authorized_keys",
  answer({ query }, { directory }) {
    const key = directory.keyByBlob(query.get("key") ?? "");
    if (!key) return { status: 404, body: { message: "404 Key Not Found" } };
    const body = {
      id: key.id,
      title: key.publicKey.split(" ").slice(2).join(" "),
      key: key.publicKey,
      created_at: CREATED_AT,
      expires_at: null,
    };
    return { status: 200, body };
  },
};
