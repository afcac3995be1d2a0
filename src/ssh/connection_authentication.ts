/**
 * How one connection's client proves who it is: its way to the internal API,
 * the look-up of its keys, and what becomes of an answer.
 * @module
 */
import type { ApiClient } from "../api/client.ts";
import { CANNOT_ASK_TEXT } from "../core/refusal_text.ts";
import { Authentication } from "./authentication.ts";
import type { BeforeLogin } from "./before_login.ts";
import type { ConnectionMetrics } from "./connection_metrics.ts";
import type {
  ConnectionLog,
  ConnectionServices,
} from "./connection_services.ts";
import { KeyLookup } from "./key_lookup.ts";
import type { Login } from "./login.ts";
import type { Arrival } from "./reception.ts";
import { encodeUserauthBanner } from "./ssh_messages.ts";
import type { SshTransport } from "./transport.ts";

/** What of a connection its authentication works with. */
export interface AuthenticationParts extends ConnectionLog {
  readonly services: ConnectionServices;
  readonly arrival: Pick<Arrival, "clientIp" | "forwardedFor">;
  /** Ends look-ups. */
  readonly signal: AbortSignal;
  readonly metrics: ConnectionMetrics;
  readonly beforeLogin: BeforeLogin;
  /** Told once; `api` is the connection's own. */
  readonly onLogin: (login: Login, api: ApiClient) => void;
}

/** Makes it when the client first asks; nothing is sent yet. */
export function openAuthentication(
  transport: SshTransport,
  parts: AuthenticationParts,
): Authentication {
  const { services, arrival, log, correlationId, signal, metrics } = parts;
  const { user, offer, openApi, trustedCas, clock, env } = services;
  const { forwardedFor, clientIp } = arrival;
  const api = openApi(log, { correlationId, forwardedFor });
  return new Authentication({
    transport,
    lookup: new KeyLookup({
      user,
      api,
      log,
      signal,
      trustedCas,
      clientAddress: clientIp,
      nowMs: () => clock.nowMs(),
      env,
      onDecision: (decision, elapsedMs) =>
        metrics.noteDecision(decision, elapsedMs),
    }),
    algorithms: offer.signatureAlgorithms,
    onLogin: (login) => parts.onLogin(login, api),
    onRefusal: (attempt) => {
      metrics.noteRefusal(attempt.blame);
      // SSH has no words for a refusal, but some may come before it.
      if (!parts.beforeLogin.addRefusal(attempt)) return;
      // The sentence is our own, so that it may say what to look for.
      const text = `${CANNOT_ASK_TEXT} Correlation id: ${correlationId}`;
      transport.send(encodeUserauthBanner(`${text}\n`));
    },
  });
}
