/**
 * `POST /personal_access_token`: a token for the user's own account.
 * Source: GitLab Rails, lib/api/internal/base.rb.
 * @module
 */
import { randomBytes } from "node:crypto";
import {
  accountRule,
  findAccount,
  findAccountFaults,
  refuse,
} from "./account_owner.ts";
import type { Endpoint } from "./endpoint.ts";

const TOKEN_BYTES = 15;
const SCOPES = [
  "api",
  "create_runner",
  "read_api",
  "read_repository",
  "read_user",
  "write_repository",
];
const RULE = accountRule({
  name: { type: "string", isRequired: true },
  scopes: { type: "array", isRequired: true, isNullable: true },
  expires_at: { type: "string", isRequired: true },
});

/** The endpoint. */
export const PERSONAL_ACCESS_TOKEN: Endpoint = {
  method: "POST",
  path: "/personal_access_token",
  checkBody: (body) => findAccountFaults(body, RULE),
  answer(request, state) {
    const user = findAccount(
      request,
      state,
      "Deploy keys cannot be used to create personal access tokens",
    );
    if (typeof user === "string") return refuse(user);
    const { name, scopes, expires_at: expiresAt } = request.body;
    if (name === "") return refuse("No token name specified");
    if (!Array.isArray(scopes)) return refuse("No token scopes specified");
    const unknown = scopes.find((scope) => !SCOPES.includes(scope));
    if (unknown !== undefined) {
      const valid = `[${SCOPES.map((scope) => `"${scope}"`).join(", ")}]`;
      return refuse(`Invalid scope: '${unknown}'. Valid scopes are: ${valid}`);
    }
    if (!isDate(expiresAt)) {
      return refuse(`Invalid token expiry date: '${expiresAt}'`);
    }
    const token = `glpat-${randomBytes(TOKEN_BYTES).toString("base64url")}`;
    const made = { token, scopes, expires_at: expiresAt };
    state.tokens.set(token, { userId: user.id, ...made });
    return { status: 200, body: { success: true, ...made } };
  },
};

function isDate(value: unknown): boolean {
  return typeof value === "string" && /^\d{4}-\d\d-\d\d$/.test(value) &&
    !Number.isNaN(Date.parse(value));
}
