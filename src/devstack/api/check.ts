/**
 * `GET /check`: are you there, and is Redis?
 * Source: GitLab Rails, lib/api/internal/base.rb.
 * @module
 */
import type { Endpoint } from "./endpoint.ts";

/** The endpoint. */
export const CHECK: Endpoint = {
  method: "GET",
  path: "/check",
  answer: (_request, { isRedisUp }) => ({
    status: 200,
    body: {
      api_version: "v4",
      gitlab_version: "18.9.0",
      gitlab_rev: "devstack",
      redis: isRedisUp,
    },
  }),
};
