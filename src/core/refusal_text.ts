/**
 * What users read when the server does not serve them now. The first one is
 * GitLab's own sentence; the others are worded like it.
 * Source: GitLab Shell 14.56.1, handler of Gitaly's limits.
 * @module
 */

/** More is asked of the whole server than it can do. */
export const OVERLOADED_TEXT =
  "GitLab is currently unable to handle this request due to load.";

/** One address has too many connections that have not logged in yet. */
export const TOO_MANY_CONNECTIONS_TEXT =
  "GitLab is currently unable to handle this request: too many connections " +
  "from your address are logging in. Please try again later.";

/** One address has failed too often. */
export const NOT_NOW_TEXT =
  "GitLab is currently unable to handle this request: too many failed logins " +
  "from your address. Please try again later.";

/** GitLab could not be asked whose key it is; a refusal follows. */
export const CANNOT_ASK_TEXT =
  "GitLab cannot check your key at the moment: Internal API unreachable.";
