/**
 * Who may do what, in the order and the words of GitLab Rails. Pure.
 * Source: GitLab Rails, lib/gitlab/git_access.rb.
 * @module
 */
import type { DevKey, DevProject, DevUser } from "./directory.ts";

/** Whom a request speaks for; nobody is a guest. */
export interface Actor {
  readonly user: DevUser | undefined;
  /** The key that was named, known or not by its owner. */
  readonly key: DevKey | undefined;
}

/** A refusal as `/allowed` answers it. */
export interface AccessRefusal {
  readonly status: 401 | 404;
  readonly message: string;
}

/** Texts that users of GitLab know. */
export const ACCESS_TEXT = {
  notFound:
    "The project you were looking for could not be found or you don't have permission to view it.",
  noPush: "You are not allowed to push code to this project.",
  noDeployPush: "This deploy key does not have write access to this project.",
  archived: "You can't push code to an archived project.",
  blocked: "Your account has been blocked.",
} as const;

/** @returns Why the action is refused; `undefined` if it is allowed. */
export function findRefusal(
  action: string,
  actor: Actor,
  project: DevProject | undefined,
): AccessRefusal | undefined {
  if (actor.user?.isBlocked) {
    return { status: 401, message: ACCESS_TEXT.blocked };
  }
  if (!project || !canSee(actor, project)) {
    return { status: 404, message: ACCESS_TEXT.notFound };
  }
  if (action !== "git-receive-pack") return undefined;
  return findPushRefusal(actor, project);
}

function findPushRefusal(
  actor: Actor,
  project: DevProject,
): AccessRefusal | undefined {
  const refuse = (message: string) => ({ status: 401, message } as const);
  if (project.isArchived) return refuse(ACCESS_TEXT.archived);
  if (actor.key?.type === "deploy_key") {
    const right = lookUp(actor.key.deployAccess, project.path);
    return right === "push" ? undefined : refuse(ACCESS_TEXT.noDeployPush);
  }
  const right = actor.user && lookUp(project.members, actor.user.username);
  return right === "push" ? undefined : refuse(ACCESS_TEXT.noPush);
}

function canSee({ user, key }: Actor, project: DevProject): boolean {
  if (project.visibility === "public") return true;
  if (lookUp(key?.deployAccess, project.path)) return true;
  if (!user) return false;
  return project.visibility === "internal" ||
    lookUp(project.members, user.username) !== undefined;
}

type Rights = DevProject["members"];

function lookUp(rights: Rights | undefined, name: string): string | undefined {
  return rights && Object.hasOwn(rights, name) ? rights[name] : undefined;
}
