/**
 * Joins the calls of a client to the router of cells. Loaded with the first
 * call where there is one: most installations have no cells.
 * Source: GitLab Shell 14.56.1, topology; internal-api.md 6.3.
 * @module
 */
import { errorText } from "../core/errors.ts";
import type { Identity } from "./access.ts";
import type { ApiBase } from "./base_url.ts";
import {
  type CellClaim,
  claimIdentity,
  claimKey,
  claimProject,
} from "./cell_claim.ts";
import type { RouteContext } from "./cell_router.ts";

/** The part of a `CellRouter` that calls use. */
export interface CellRoutes {
  /** Never rejects; `undefined` is the configured GitLab. */
  route(claim: CellClaim, context: RouteContext): Promise<ApiBase | undefined>;
}

/** What a call is about, which decides whose it is. */
export type CallSubject =
  /** The repository argument as the user typed it. */
  | { readonly project: string }
  | { readonly identity: Identity }
  /** Base64 of a public key's wire form. */
  | { readonly key: string }
  /** SHA-256 of the key that has signed a certificate. */
  | { readonly sshKeyFingerprint: string };

/** What a call gets besides; nothing for the configured GitLab. */
export interface RoutedBase {
  readonly base?: ApiBase;
}

/** Finds where a call goes. Never rejects. */
export async function routeCall(
  cells: CellRoutes,
  subject: CallSubject,
  context: RouteContext,
): Promise<RoutedBase> {
  const claim = await claimOf(subject, context);
  const base = claim && await cells.route(claim, context);
  return base ? { base } : {};
}

async function claimOf(
  subject: CallSubject,
  { log }: RouteContext,
): Promise<CellClaim | undefined> {
  if ("project" in subject) return claimProject(subject.project);
  if ("identity" in subject) return claimIdentity(subject.identity);
  if ("sshKeyFingerprint" in subject) return subject;
  try {
    return await claimKey(subject.key);
  } catch (error) {
    log.debug(
      "authorizedkeys: could not compute SSH key fingerprint for topology " +
        "routing, falling back to default host",
      { error_message: errorText(error) },
    );
    return undefined;
  }
}
