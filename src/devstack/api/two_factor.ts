/**
 * `POST /two_factor_recovery_codes`, `/two_factor_manual_otp_check` and
 * `/two_factor_push_otp_check`.
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

const CODE_COUNT = 10;
const CODE_BYTES = 8;
const NO_TWO_FACTOR = "Two-factor authentication is not enabled for this user";
const NO_DEPLOY_KEY = "Deploy keys cannot be used for Two Factor";
const OWNER = accountRule();
const OWNER_AND_OTP = accountRule({
  otp_attempt: { type: "string", isOmittedWhenEmpty: true },
});

/** Makes codes; those that were made before are void. Takes keys alone. */
export const RECOVERY_CODES: Endpoint = {
  method: "POST",
  path: "/two_factor_recovery_codes",
  checkBody: (body) => findAccountFaults(body, OWNER),
  answer(request, state) {
    const text = "Deploy keys cannot be used to retrieve recovery codes";
    if (!("key_id" in request.body)) {
      return refuse("Could not find the given key");
    }
    const user = findAccount(request, state, text);
    if (typeof user === "string") return refuse(user);
    if (user.otp === undefined) return refuse(NO_TWO_FACTOR);
    const codes = Array.from(
      { length: CODE_COUNT },
      () => randomBytes(CODE_BYTES).toString("hex"),
    );
    state.recoveryCodes.set(user.id, codes);
    return { status: 200, body: { success: true, recovery_codes: codes } };
  },
};

/** Checks a password that the user typed. */
export const MANUAL_OTP: Endpoint = {
  method: "POST",
  path: "/two_factor_manual_otp_check",
  checkBody: (body) => findAccountFaults(body, OWNER_AND_OTP),
  answer(request, state) {
    const user = findAccount(request, state, NO_DEPLOY_KEY);
    if (typeof user === "string") return refuse(user);
    if (user.otp === undefined) return refuse(NO_TWO_FACTOR);
    const isRight = request.body["otp_attempt"] === user.otp;
    return isRight
      ? { status: 200, body: { success: true } }
      : refuse("Invalid OTP");
  },
};

/** Asks the user's phone; the answer takes as long as the user does. */
export const PUSH_OTP: Endpoint = {
  method: "POST",
  path: "/two_factor_push_otp_check",
  checkBody: (body) => findAccountFaults(body, OWNER),
  async answer(request, state) {
    const user = findAccount(request, state, NO_DEPLOY_KEY);
    if (typeof user === "string") return refuse(user);
    if (user.otp === undefined) return refuse(NO_TWO_FACTOR);
    const isApproved = await state.pushes.ask(user.id);
    return isApproved
      ? { status: 200, body: { success: true } }
      : refuse("Invalid OTP");
  },
};
