/**
 * What an access answer tells the access log.
 * Source: GitLab Shell 14.56.1, session data of commands.
 * @module
 */
import type { AccessAnswer } from "../api/access.ts";
import type { SessionData } from "./command.ts";

/** Nothing known yet. */
export const EMPTY_SESSION_DATA: SessionData = {
  username: "",
  project: "",
  rootNamespace: "",
  projectId: 0,
  rootNamespaceId: 0,
};

/** Picks the fields of the record from an answer of `/allowed`. */
export function sessionDataOf(answer: AccessAnswer): SessionData {
  const project = answer.gitaly.repository.glProjectPath;
  return {
    username: answer.glUsername,
    project,
    rootNamespace: project.split("/").find((part) => part !== "") ?? "",
    projectId: answer.glProjectId,
    rootNamespaceId: answer.glRootNamespaceId,
  };
}
