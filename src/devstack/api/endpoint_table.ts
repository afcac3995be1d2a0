/**
 * Every endpoint that is served.
 * @module
 */
import { ALLOWED } from "./allowed.ts";
import { AUTHORIZED_KEYS } from "./authorized_keys.ts";
import { CHECK } from "./check.ts";
import { DISCOVER } from "./discover.ts";
import type { Endpoint } from "./endpoint.ts";
import { GIT_AUDIT_EVENT } from "./git_audit_event.ts";
import { LFS_AUTHENTICATE } from "./lfs_authenticate.ts";
import { PERSONAL_ACCESS_TOKEN } from "./personal_access_token.ts";
import { MANUAL_OTP, PUSH_OTP, RECOVERY_CODES } from "./two_factor.ts";

/** Endpoints by path below `/api/v4/internal`. */
export const ENDPOINTS: ReadonlyMap<string, Endpoint> = new Map(
  [
    ALLOWED,
    AUTHORIZED_KEYS,
    CHECK,
    DISCOVER,
    GIT_AUDIT_EVENT,
    LFS_AUTHENTICATE,
    MANUAL_OTP,
    PERSONAL_ACCESS_TOKEN,
    PUSH_OTP,
    RECOVERY_CODES,
  ].map((each) => [each.path, each]),
);
