/**
 * The client of GitLab's internal API.
 * Source: GitLab Shell 14.56.1, internal API.
 * @module
 */
import type { Config } from "../config/config.ts";
import { Deadline } from "../core/deadline.ts";
import type { Clock } from "../core/host.ts";
import type { Logger } from "../core/log.ts";
import type { Identity } from "./access.ts";
import type { AccountCaller } from "./account_calls.ts";
import { decodeAnswer, encodeQuestion } from "./allowed.ts";
import { ApiCaller } from "./api_call.ts";
import { type ApiBase, parseGitlabUrl } from "./base_url.ts";
import type { ApiClient, AuthorizedKey, DiscoveredUser } from "./client.ts";
import { decoded } from "./decoded.ts";
import {
  decodeHealth,
  decodeKey,
  decodeUser,
  discoverQuery,
} from "./lookups.ts";
import type { GitHttpClient } from "./git_http.ts";
import {
  ApiTransport,
  type TransportConfig,
  type TransportHost,
} from "./transport.ts";

/** What a client is made of. */
export interface ApiClientOptions extends TransportHost {
  readonly config: TransportConfig & Pick<Config, "secret">;
  /** Carries the correlation id. */
  readonly log: Logger;
  /** Sent as `X-Request-Id`. */
  readonly correlationId: string;
  readonly clock: Clock;
  /**
   * Shared by the clients of one process, so that certificates are read once;
   * made from `config` when left out.
   */
  readonly transport?: ApiTransport;
  /** For `X-Forwarded-For`, which gitlab-sshd alone sends. */
  readonly forwardedFor?: string;
  /** Bound of one key lookup, retries included; none when left out. */
  readonly keyLookupTimeoutMs?: number;
}

/** Makes a client. Opens no connection and fails only when it is used. */
export function createApiClient(options: ApiClientOptions): ApiClient {
  const { config, log, clock, correlationId } = options;
  const transport = options.transport ?? new ApiTransport(config, options);
  const caller = new ApiCaller({
    transport,
    secret: config.secret,
    credentials: config.http,
    correlationId,
    forwardedFor: options.forwardedFor ?? "",
    readTimeoutMs: config.http.readTimeoutMs,
    log,
    clock,
  });
  return {
    ...makeAccountCalls(caller),
    checkBase: () => void transport.base,
    webTransport: () => transport.web(),
    gitHttp: () => loadGitHttp(options, transport),
    async allowed(question, signal, onSent) {
      const answer = await caller.call({
        method: "POST",
        path: "/allowed",
        body: encodeQuestion(question),
        isRateLimited: true,
        ...(onSent && { onSent }),
      }, signal);
      return decoded(answer, (body) => decodeAnswer(answer.status, body));
    },
    discover: (identity, signal) => discover(caller, identity, signal),
    async authorizedKey(key, signal) {
      const timeoutMs = options.keyLookupTimeoutMs;
      if (timeoutMs === undefined) return await lookUpKey(caller, key, signal);
      using deadline = new Deadline(timeoutMs, signal);
      return await lookUpKey(caller, key, deadline.signal);
    },
    async authorizedCertificate({ authority, identifier }, signal) {
      const codec = await import("./authorized_certs.ts");
      const answer = await caller.call({
        method: "GET",
        path: "/authorized_certs",
        query: { key: authority, user_identifier: identifier },
      }, signal);
      const found = decoded(answer, codec.decodeCertifiedUser);
      return codec.checkCertifiedUser(found);
    },
    async check(signal) {
      const answer = await caller.call(
        { method: "GET", path: "/check" },
        signal,
      );
      return decoded(answer, decodeHealth);
    },
    async authenticateLfs(question, signal) {
      const codec = await import("./lfs_authenticate.ts");
      const { cellAddress } = question.access;
      const answer = await caller.call({
        method: "POST",
        path: "/lfs_authenticate",
        body: codec.encodeLfsQuestion(question),
        ...(cellAddress !== "" && { base: cellBase(cellAddress) }),
      }, signal);
      return decoded(answer, codec.decodeLfsAccess);
    },
    async reportGitAudit(event, logFields, signal) {
      const { encodeAuditEvent } = await import("./git_audit_event.ts");
      const path = "/shellhorse/git_audit_event";
      const body = encodeAuditEvent(event);
      // What the answer says does not matter.
      await caller.call({ method: "POST", path, body, logFields }, signal);
    },
  };
}

/** Loaded when GitLab has sent a session elsewhere. */
async function loadGitHttp(
  { config, log, clock, correlationId, forwardedFor = "" }: ApiClientOptions,
  transport: ApiTransport,
): Promise<GitHttpClient> {
  const [{ GitHttpClient }, { TokenMinter }, web] = await Promise.all([
    import("./git_http.ts"),
    import("./token.ts"),
    transport.web(),
  ]);
  const minter = new TokenMinter(config.secret);
  return new GitHttpClient({
    web,
    minter,
    log,
    clock,
    correlationId,
    forwardedFor,
  });
}

/** Loaded with the first of them: most sessions make none. */
function makeAccountCalls(
  caller: ApiCaller,
): Pick<
  ApiClient,
  "recoveryCodes" | "checkOtp" | "checkPush" | "createToken"
> {
  const load = () => import("./account_calls.ts");
  const account: AccountCaller = {
    call: (request, signal) => caller.call(request, signal),
    discover: (identity, signal) => discover(caller, identity, signal),
  };
  return {
    recoveryCodes: async (identity, signal) =>
      await (await load()).callRecoveryCodes(account, identity, signal),
    checkOtp: async (identity, otp, signal) =>
      await (await load()).callOtpCheck(account, { identity, otp }, signal),
    async checkPush(identity, signal) {
      const question = { identity, otp: undefined };
      await (await load()).callOtpCheck(account, question, signal);
    },
    createToken: async (wish, signal) =>
      await (await load()).callCreateToken(account, wish, signal),
  };
}

async function discover(
  caller: ApiCaller,
  identity: Identity,
  signal: AbortSignal | undefined,
): Promise<DiscoveredUser> {
  const query = discoverQuery(identity);
  const path = "/discover";
  const answer = await caller.call({ method: "GET", path, query }, signal);
  return decoded(answer, decodeUser);
}

/** The cell that answered `/allowed`, which is not behind our own socket. */
function cellBase(gitlabUrl: string): ApiBase {
  return parseGitlabUrl({ gitlabUrl, gitlabRelativeUrlRoot: "" });
}

async function lookUpKey(
  caller: ApiCaller,
  key: string,
  signal: AbortSignal | undefined,
): Promise<AuthorizedKey> {
  const answer = await caller.call({
    method: "GET",
    path: "/authorized_keys",
    query: { key },
    // The query is the user's public key.
    isQueryPrivate: true,
  }, signal);
  const found = decoded(answer, decodeKey);
  // The reference would let an empty answer in as key 0.
  if (found.id < 1) throw new Error(`Key has no usable id: ${found.id}`);
  return found;
}
