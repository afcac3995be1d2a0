/**
 * `POST /lfs_authenticate`: the way to a project's LFS objects.
 * Source: GitLab Rails, lib/api/internal/base.rb.
 * @module
 */
import { randomBytes } from "node:crypto";
import { type BodyRule, findBodyFaults } from "./body_rule.ts";
import type { ApiRequest, ApiState, Endpoint } from "./endpoint.ts";

const TOKEN_BYTES = 24;
const LIFETIME_SECONDS = 7200;
const RULE: BodyRule = new Map([
  ["operation", {
    type: "string",
    isRequired: true,
    values: ["download", "upload"],
  }],
  ["project", { type: "string", isRequired: true }],
  ["key_id", { type: "string", isOmittedWhenEmpty: true }],
  ["user_id", { type: "string", isOmittedWhenEmpty: true }],
]);

/** The endpoint. It trusts that `/allowed` has been asked. */
export const LFS_AUTHENTICATE: Endpoint = {
  method: "POST",
  path: "/lfs_authenticate",
  checkBody(body) {
    const faults = findBodyFaults(body, RULE);
    const isTwice = "key_id" in body && "user_id" in body;
    return isTwice ? [...faults, "body has key_id and user_id"] : faults;
  },
  answer(request, state) {
    const { body } = request;
    const project = state.directory.project(String(body["project"]));
    const username = findUsername(request, state);
    if (!project || username === undefined) {
      return { status: 404, body: { message: "404 Not Found" } };
    }
    const token = randomBytes(TOKEN_BYTES).toString("base64url");
    state.lfsGrants.set(token, {
      username,
      projectPath: project.path,
      operation: body["operation"] === "upload" ? "upload" : "download",
      expiresMs: state.clock.nowMs() + LIFETIME_SECONDS * 1000,
    });
    return {
      status: 200,
      body: {
        username,
        lfs_token: token,
        repository_http_path: `${
          state.lfsUrl || state.webUrl
        }/${project.path}.git`,
        expires_in: LIFETIME_SECONDS,
      },
    };
  },
};

function findUsername(
  { body }: ApiRequest,
  { directory }: ApiState,
): string | undefined {
  const { key_id: keyId, user_id: userId } = body;
  if (typeof keyId !== "string") {
    return directory.user(Number(userId))?.username;
  }
  const key = directory.key(keyId);
  return key?.type === "deploy_key"
    ? `lfs+deploy-key-${key.id}`
    : directory.user(key?.userId)?.username;
}
