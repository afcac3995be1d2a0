/**
 * `/lfs_authenticate`: the way to a project's LFS objects over HTTP. Pure.
 * Source: GitLab Shell 14.56.1, lfsauthenticate.
 * @module
 */
import { stringifyGoJson } from "../core/go_text.ts";
import type { AccessAnswer, Identity } from "./access.ts";
import { readFields, toInteger, toText } from "./go_fields.ts";
import { parseFirstJson } from "./go_json.ts";

/** What is asked, once `/allowed` has said yes. */
export interface LfsQuestion {
  readonly operation: "download" | "upload";
  /** The repository argument exactly as the user typed it. */
  readonly project: string;
  readonly identity: Identity;
  /** What `/allowed` answered: it names the user, and the cell if there is one. */
  readonly access: Pick<AccessAnswer, "glId" | "cellAddress">;
}

/** Where the objects are, and what opens the door. */
export interface LfsAccess {
  readonly username: string;
  /** The password that goes with `username`: never for a record. */
  readonly lfsToken: string;
  /** `https://gitlab.example/group/project.git`; may be empty. */
  readonly repositoryHttpPath: string;
  /** In seconds; 0 if it was not said. */
  readonly expiresInSeconds: number;
}

/** The JSON text of a question. */
export function encodeLfsQuestion(question: LfsQuestion): string {
  const { operation, project, identity, access } = question;
  const who = identity.kind === "key" && identity.keyId !== ""
    ? { key_id: identity.keyId }
    : { user_id: access.glId.replace(/^user-/, "") || undefined };
  return stringifyGoJson({ operation, project, ...who });
}

/** @throws {ProtocolError} If the body does not decode. */
export function decodeLfsAccess(body: Uint8Array): LfsAccess {
  const access = {
    username: "",
    lfsToken: "",
    repositoryHttpPath: "",
    expiresInSeconds: 0,
  };
  readFields(parseFirstJson(body), {
    username: (value) => access.username = toText(value),
    lfs_token: (value) => access.lfsToken = toText(value),
    repository_http_path: (value) => access.repositoryHttpPath = toText(value),
    expires_in: (value) => access.expiresInSeconds = toInteger(value),
  });
  return access;
}

/**
 * The header that opens the door: `Basic`, then Base64 of name and token.
 * @example
 * ```ts
 * import { formatLfsAuthorization } from "./lfs_authenticate.ts";
 * formatLfsAuthorization({ username: "john", lfsToken: "sometoken" });
 * // "Basic am9objpzb21ldG9rZW4="
 * ```
 */
export function formatLfsAuthorization(
  { username, lfsToken }: Pick<LfsAccess, "username" | "lfsToken">,
): string {
  const pair = new TextEncoder().encode(`${username}:${lfsToken}`);
  return `Basic ${pair.toBase64()}`;
}
