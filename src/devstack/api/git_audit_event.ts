/**
 * `POST /shellhorse/git_audit_event`: a Git operation has ended well.
 * Source: GitLab Rails, ee/lib/ee/api/internal/base.rb; GitLab Shell 14.56.1.
 * @module
 */
import { type BodyRule, findBodyFaults } from "./body_rule.ts";
import type { Endpoint } from "./endpoint.ts";

const RULE: BodyRule = new Map([
  ["action", {
    type: "string",
    isRequired: true,
    values: ["git-receive-pack", "git-upload-pack"],
  }],
  ["protocol", { type: "string", isRequired: true, values: ["ssh"] }],
  ["gl_repository", { type: "string", isRequired: true }],
  ["username", { type: "string", isRequired: true }],
  ["key_id", { type: "integer", isOmittedWhenEmpty: true }],
  ["packfile_stats", { type: "object" }],
  ["check_ip", { type: "string", isOmittedWhenEmpty: true }],
  ["changes", { type: "string", isRequired: true, values: ["_any"] }],
  ["namespace_path", { type: "string", isOmittedWhenEmpty: true }],
]);

/** The endpoint. */
export const GIT_AUDIT_EVENT: Endpoint = {
  method: "POST",
  path: "/shellhorse/git_audit_event",
  checkBody(body) {
    const faults = findBodyFaults(body, RULE);
    const isPush = body["action"] === "git-receive-pack";
    return isPush && "packfile_stats" in body
      ? [...faults, "a push has packfile_stats"]
      : faults;
  },
  answer({ body }, { auditEvents }) {
    auditEvents.add(body);
    return { status: 200, body: {} };
  },
};
