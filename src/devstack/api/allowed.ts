/**
 * `POST /allowed`: may this key or user do this to that project?
 * Source: GitLab Rails, lib/api/internal/base.rb.
 * @module
 */
import { type Actor, findRefusal } from "./access_rule.ts";
import { type BodyRule, findBodyFaults } from "./body_rule.ts";
import type { DevProject } from "./directory.ts";
import type { ApiAnswer, ApiRequest, ApiState, Endpoint } from "./endpoint.ts";
import { forwardToPrimary } from "./geo.ts";

const BODY_RULE: BodyRule = new Map([
  ["action", {
    type: "string",
    isRequired: true,
    values: ["git-receive-pack", "git-upload-pack", "git-upload-archive"],
  }],
  ["project", { type: "string", isRequired: true }],
  ["changes", { type: "string", isRequired: true, values: ["_any"] }],
  ["protocol", { type: "string", isRequired: true, values: ["ssh"] }],
  ["key_id", { type: "string", isOmittedWhenEmpty: true }],
  ["username", { type: "string", isOmittedWhenEmpty: true }],
  ["krb5principal", { type: "string", isOmittedWhenEmpty: true }],
  ["check_ip", { type: "string", isOmittedWhenEmpty: true }],
  ["namespace_path", { type: "string", isOmittedWhenEmpty: true }],
]);
const IDENTITY_KEYS = ["key_id", "username", "krb5principal"];

const LIMIT_TEXT =
  "This endpoint has been requested too many times. Try again later.";

/** The endpoint. */
export const ALLOWED: Endpoint = {
  method: "POST",
  path: "/allowed",
  checkBody(body) {
    const faults = findBodyFaults(body, BODY_RULE);
    const identities = IDENTITY_KEYS.filter((key) => key in body);
    if (identities.length > 1) {
      faults.push(`body has ${identities.join(" and ")}`);
    }
    return faults;
  },
  answer(request, state) {
    // Rails counts before it looks at anything else, refused requests too.
    if (state.limiter.hit(limiterKeys(request, state))) return tooMany(state);
    const actor = findActor(request, state);
    const action = text(request, "action");
    const project = state.directory.project(text(request, "project"));
    const refusal = findRefusal(action, actor, project);
    if (refusal || !project) {
      const { status = 404, message = "" } = refusal ?? {};
      return { status, body: { status: false, message } };
    }
    const who = describeActor(actor);
    const order = {
      action,
      project,
      glId: who.gl_id ?? "",
      glUsername: who.gl_username ?? "",
    };
    return forwardToPrimary(state.geo, order, state.clock.nowMs()) ??
      { status: 200, body: describeAccess(actor, project, state) };
  },
};

function text({ body }: ApiRequest, key: string): string {
  const value = body[key];
  return typeof value === "string" ? value : "";
}

function limiterKeys(request: ApiRequest, state: ApiState): string[][] {
  const action = text(request, "action");
  const project = text(request, "project");
  const keyId = text(request, "key_id");
  const actor = keyId === ""
    ? ["user", text(request, "username") || text(request, "krb5principal")]
    : ["key", keyId];
  const keys = [[action, project, ...actor]];
  if (state.isLimitedByAddress) {
    keys.push([action, project, "ip", request.peerAddress]);
  }
  return keys;
}

function tooMany({ retryAfter, clock }: ApiState): ApiAnswer {
  const body = { message: { error: LIMIT_TEXT } };
  if (retryAfter.form === "absent") return { status: 429, body };
  const { seconds } = retryAfter;
  const value = retryAfter.form === "seconds"
    ? String(seconds)
    : new Date(clock.nowMs() + seconds * 1000).toUTCString();
  return { status: 429, body, headers: [["Retry-After", value]] };
}

function findActor(request: ApiRequest, { directory }: ApiState): Actor {
  const username = text(request, "username");
  if (username !== "") {
    return { user: directory.userByName(username), key: undefined };
  }
  const principal = text(request, "krb5principal");
  if (principal !== "") {
    return { user: directory.userByPrincipal(principal), key: undefined };
  }
  const key = directory.key(text(request, "key_id"));
  return { user: directory.user(key?.userId), key };
}

/** Whom the answer names. */
function describeActor(
  { user, key }: Actor,
): { gl_id?: string; gl_username?: string } {
  return {
    ...(user && { gl_id: `user-${user.id}`, gl_username: user.username }),
    ...(key && !user && { gl_id: `key-${key.id}` }),
  };
}

function describeAccess(
  actor: Actor,
  project: DevProject,
  state: ApiState,
): Record<string, unknown> {
  const { key } = actor;
  const glRepository = `project-${project.id}`;
  const gitaly = state.gitaly.get(project.storageName);
  const limit = project.pushSizeBytesMax;
  return {
    status: true,
    gl_repository: glRepository,
    gl_project_path: project.path,
    gl_project_id: project.id,
    gl_root_namespace_id: project.rootNamespaceId,
    ...describeActor(actor),
    ...(key && { gl_key_type: key.type, gl_key_id: key.id }),
    git_config_options: [
      ...state.gitConfigOptions,
      ...(limit === undefined ? [] : [`receive.maxInputSize=${limit}`]),
    ],
    gitaly: {
      repository: {
        storage_name: project.storageName,
        relative_path: project.relativePath,
        git_object_directory: "",
        git_alternate_object_directories: [],
        gl_repository: glRepository,
        gl_project_path: project.path,
      },
      address: gitaly?.address ?? "",
      // Rails says null where no token is configured.
      token: gitaly?.token ? gitaly.token : null,
      features: gitaly?.features ?? {},
    },
    gl_console_messages: project.consoleMessages ?? [],
    need_audit: project.needsAudit ?? false,
    ...(state.retryConfig !== undefined && { retry_config: state.retryConfig }),
  };
}
