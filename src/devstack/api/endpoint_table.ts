/**
 * Every endpoint that is served.
 * @module
 */
import { ALLOWED } from "./allowed.ts";
import { AUTHORIZED_KEYS } from "./authorized_keys.ts";
import { CHECK } from "./check.ts";
import { DISCOVER } from "./discover.ts";
import type { Endpoint } from "./endpoint.ts";

/** Endpoints by path below `/api/v4/internal`. */
export const ENDPOINTS: ReadonlyMap<string, Endpoint> = new Map(
  [ALLOWED, AUTHORIZED_KEYS, CHECK, DISCOVER].map((each) => [each.path, each]),
);
