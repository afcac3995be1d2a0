/**
 * `/allowed` on the wire: the question as GitLab Shell words it, the answer as
 * Go decodes it. Pure.
 * Source: GitLab Shell 14.56.1, access verifier.
 * @module
 */
import { stringifyGoJson } from "../core/go_text.ts";
import type {
  AccessAnswer,
  AccessQuestion,
  CustomAction,
  GitalyRepository,
  GitalyTarget,
  Identity,
} from "./access.ts";
import {
  readFields,
  toBoolean,
  toInteger,
  toText,
  toTextMap,
  toTexts,
} from "./go_fields.ts";
import { type JsonValue, parseFirstJson, toPlainJson } from "./go_json.ts";

/** A decoded answer whose fields may still be set. */
type Draft<T> = { -readonly [Name in keyof T]: T[Name] };

/** The JSON text of a question; empty members are left out, in Go's order. */
export function encodeQuestion(question: AccessQuestion): string {
  const { action, project, identity, namespacePath } = question;
  return stringifyGoJson({
    action,
    project,
    changes: "_any",
    protocol: "ssh",
    ...identityMember(identity),
    check_ip: normalizeCheckIp(question.remoteAddress) || undefined,
    namespace_path: namespacePath || undefined,
  });
}

/**
 * Reduces `host:port` to the host; any other text stays as it is.
 * @example
 * ```ts
 * import { normalizeCheckIp } from "./allowed.ts";
 * normalizeCheckIp("[2001:db8::1]:80"); // "2001:db8::1"
 * normalizeCheckIp("2001:db8::1"); // "2001:db8::1"
 * ```
 */
export function normalizeCheckIp(address: string): string {
  // What Go's net.SplitHostPort takes: one colon, or brackets before it.
  const [, bracketed, plain] =
    /^(?:\[([^[\]]*)\]|([^:[\]]*)):[^:[\]]*$/s.exec(address) ?? [];
  return bracketed ?? plain ?? address;
}

/**
 * Reads an answer.
 * @param httpStatus Any that is no error; 300 means a custom action.
 * @throws {ProtocolError} If a known field has the wrong type, or the body is
 * no JSON object and not `null`.
 */
export function decodeAnswer(
  httpStatus: number,
  body: Uint8Array,
): AccessAnswer {
  const answer = emptyAnswer(httpStatus);
  readFields(parseFirstJson(body), {
    status: (value) => answer.status = toBoolean(value),
    message: (value) => answer.message = toText(value),
    gl_repository: (value) => answer.glRepository = toText(value),
    gl_id: (value) => answer.glId = toText(value),
    gl_key_type: (value) => answer.glKeyType = toText(value),
    gl_key_id: (value) => answer.glKeyId = toInteger(value),
    gl_project_id: (value) => answer.glProjectId = toInteger(value),
    gl_root_namespace_id: (value) =>
      answer.glRootNamespaceId = toInteger(value),
    gl_username: (value) => answer.glUsername = toText(value),
    git_config_options: (value) => answer.gitConfigOptions = toTexts(value),
    gitaly: (value) => answer.gitaly = readGitaly(value, answer.gitaly),
    // Decoded and not used: the client's own GIT_PROTOCOL counts.
    git_protocol: (value) => void toText(value),
    gl_console_messages: (value) => answer.consoleMessages = toTexts(value),
    need_audit: (value) => answer.needAudit = toBoolean(value),
    retry_config: (value) => answer.retryConfig = toPlainJson(value),
    payload: (value) =>
      answer.customAction = readPayload(value, answer.customAction),
  });
  return answer;
}

/** Whom a question is about: exactly one member, or none. */
export function identityMember(identity: Identity): Record<string, string> {
  switch (identity.kind) {
    case "username":
      return nonEmpty("username", identity.username);
    case "kerberos":
      return nonEmpty("krb5principal", identity.principal);
    case "key":
      return nonEmpty("key_id", identity.keyId);
    case "none":
      return {};
  }
}

function nonEmpty(name: string, value: string): Record<string, string> {
  return value === "" ? {} : { [name]: value };
}

function readGitaly(value: JsonValue, before: GitalyTarget): GitalyTarget {
  const gitaly: Draft<GitalyTarget> = { ...before };
  readFields(value, {
    address: (value) => gitaly.address = toText(value),
    token: (value) => gitaly.token = toText(value),
    features: (value) =>
      gitaly.features = { ...gitaly.features, ...toTextMap(value) },
    repository: (value) =>
      gitaly.repository = readRepository(value, gitaly.repository),
  });
  return gitaly;
}

function readRepository(
  value: JsonValue,
  before: GitalyRepository,
): GitalyRepository {
  const repository: Draft<GitalyRepository> = { ...before };
  readFields(value, {
    storage_name: (value) => repository.storageName = toText(value),
    relative_path: (value) => repository.relativePath = toText(value),
    git_object_directory: (value) =>
      repository.gitObjectDirectory = toText(value),
    git_alternate_object_directories: (value) =>
      repository.gitAlternateObjectDirectories = toTexts(value),
    gl_repository: (value) => repository.glRepository = toText(value),
    gl_project_path: (value) => repository.glProjectPath = toText(value),
  });
  return repository;
}

function readPayload(value: JsonValue, before: CustomAction): CustomAction {
  let action = before;
  readFields(value, {
    action: (value) => void toText(value),
    data: (value) => action = readPayloadData(value, action),
  });
  return action;
}

function readPayloadData(value: JsonValue, before: CustomAction): CustomAction {
  const action: Draft<CustomAction> = { ...before };
  readFields(value, {
    api_endpoints: (value) => void toTexts(value),
    gl_username: (value) => void toText(value),
    gl_id: (value) => void toText(value),
    primary_repo: (value) => action.primaryRepo = toText(value),
    request_headers: (value) =>
      action.requestHeaders = {
        ...action.requestHeaders,
        ...toTextMap(value),
      },
    geo_proxy_fetch_ssh_direct_to_primary: (value) =>
      action.fetchDirectToPrimary = toBoolean(value),
    geo_proxy_push_ssh_direct_to_primary: (value) =>
      action.pushDirectToPrimary = toBoolean(value),
  });
  return action;
}

function emptyAnswer(httpStatus: number): Draft<AccessAnswer> {
  return {
    httpStatus,
    status: false,
    message: "",
    glRepository: "",
    glId: "",
    glKeyType: "",
    glKeyId: 0,
    glProjectId: 0,
    glRootNamespaceId: 0,
    glUsername: "",
    gitConfigOptions: [],
    gitaly: {
      address: "",
      token: "",
      features: {},
      repository: {
        storageName: "",
        relativePath: "",
        gitObjectDirectory: "",
        gitAlternateObjectDirectories: [],
        glRepository: "",
        glProjectPath: "",
      },
    },
    consoleMessages: [],
    needAudit: false,
    retryConfig: undefined,
    customAction: {
      primaryRepo: "",
      requestHeaders: {},
      fetchDirectToPrimary: false,
      pushDirectToPrimary: false,
    },
    cellAddress: "",
  };
}
