/**
 * Whose account a request is about, in the words of GitLab Rails.
 * Source: GitLab Rails, lib/api/internal/base.rb.
 * @module
 */
import { type BodyRule, findBodyFaults, type KeyRule } from "./body_rule.ts";
import type { DevUser } from "./directory.ts";
import type { ApiAnswer, ApiRequest, ApiState } from "./endpoint.ts";

/** Keys that name an account, before those of the endpoint itself. */
export function accountRule(
  more: Readonly<Record<string, KeyRule>> = {},
): BodyRule {
  return new Map<string, KeyRule>([
    ["key_id", { type: "string", isOmittedWhenEmpty: true }],
    ["user_id", { type: "integer", isOmittedWhenEmpty: true }],
    ...Object.entries(more),
  ]);
}

/** Checks a body by its rule, and that it names one account at most. */
export function findAccountFaults(
  body: ApiRequest["body"],
  rule: BodyRule,
): string[] {
  const faults = findBodyFaults(body, rule);
  const isTwice = "key_id" in body && "user_id" in body;
  return isTwice ? [...faults, "body has key_id and user_id"] : faults;
}

/**
 * Finds the user.
 * @param deployKeyText What somebody with a deploy key is told.
 * @returns Why not, as text.
 */
export function findAccount(
  { body }: ApiRequest,
  { directory }: ApiState,
  deployKeyText: string,
): DevUser | string {
  const { key_id: keyId, user_id: userId } = body;
  if (typeof keyId !== "string") {
    const user = directory.user(Number(userId ?? 0));
    return user ?? "Could not find the given user";
  }
  const key = directory.key(keyId);
  if (!key) return "Could not find the given key";
  if (key.type === "deploy_key") return deployKeyText;
  const user = directory.user(key.userId);
  return user ?? "Could not find a user for the given key";
}

/** A refusal, which Rails answers with status 200. */
export function refuse(message: string): ApiAnswer {
  return { status: 200, body: { success: false, message } };
}
