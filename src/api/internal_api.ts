/**
 * The client of GitLab's internal API.
 * Source: GitLab Shell 14.56.1, internal API.
 * @module
 */
import { Deadline } from "../core/deadline.ts";
import type { Config } from "../config/config.ts";
import type { Clock, Host } from "../core/host.ts";
import type { Logger } from "../core/log.ts";
import type { Identity } from "./access.ts";
import type { AccountCaller } from "./account_calls.ts";
import { decodeAnswer, encodeQuestion } from "./allowed.ts";
import { ApiCaller, type ApiRequest } from "./api_call.ts";
import type { AttemptObserver } from "./attempt.ts";
import { type ApiBase, parseGitlabUrl } from "./base_url.ts";
import type { CallSubject, CellRoutes, RoutedBase } from "./cell_routing.ts";
import type { ApiClient, DiscoveredUser } from "./client.ts";
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
  /** Told of each attempt. */
  readonly observe?: AttemptObserver;
  /** Bound of one key lookup, retries included; none when left out. */
  readonly keyLookupTimeoutMs?: number;
  /** Finds the cell of each call; absent where there are no cells. */
  readonly cells?: CellRoutes | undefined;
  /**
   * Gives up what the process needs no more: the environment when a request is
   * on its way, and with a key lookup and a discover, after which nobody else
   * is asked, the rest before the answer is read.
   */
  readonly giveUp?: Host["giveUp"];
}

/** Finds where a call about something goes. Never rejects. */
type Route = (
  subject: CallSubject,
  signal: AbortSignal | undefined,
) => Promise<RoutedBase>;

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
    observe: options.observe,
    onSent: options.giveUp && (() => options.giveUp?.("env")),
    log,
    clock,
  });
  const route = makeRoute(options);
  return {
    ...makeAccountCalls(caller, route),
    checkBase: () => void transport.base,
    webTransport: () => transport.web(),
    gitHttp: () => loadGitHttp(options, transport),
    async allowed(question, signal, onSent) {
      const { project } = question;
      const routed = await route({ project }, signal);
      const answer = await caller.call({
        method: "POST",
        path: "/allowed",
        body: encodeQuestion(question),
        isRateLimited: true,
        ...(onSent && { onSent }),
        ...routed,
      }, signal);
      return decoded(answer, (body) => ({
        ...decodeAnswer(answer.status, body),
        cellAddress: routed.base?.url ?? "",
      }));
    },
    discover: (identity, signal) =>
      discover(
        { caller, route, last: lastCall(options, transport) },
        identity,
        signal,
      ),
    async authorizedKey(key, signal) {
      const { keyLookupTimeoutMs = Infinity, cells } = options;
      const endMs = clock.monotonicMs() + keyLookupTimeoutMs;
      // The call has a bound of its own; this one is for the way to it.
      using deadline = new Deadline(keyLookupTimeoutMs, signal, {
        isLate: cells === undefined,
      });
      const routed = await route({ key }, deadline.signal);
      const answer = await caller.call({
        method: "GET",
        path: "/authorized_keys",
        query: { key },
        // The query is the user's public key.
        isQueryPrivate: true,
        timeoutMs: endMs - clock.monotonicMs(),
        ...lastCall(options, transport),
        ...routed,
      }, signal);
      const found = decoded(answer, decodeKey);
      // The reference would let an empty answer in as key 0.
      if (found.id < 1) throw new Error(`Key has no usable id: ${found.id}`);
      return found;
    },
    async authorizedCertificate({ authority, identifier }, signal) {
      const codec = await import("./authorized_certs.ts");
      const routed = await route({ sshKeyFingerprint: authority }, signal);
      const answer = await caller.call({
        method: "GET",
        path: "/authorized_certs",
        query: { key: authority, user_identifier: identifier },
        ...routed,
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

/** Without cells every call goes to the configured GitLab. */
function makeRoute(
  { cells, log, correlationId }: ApiClientOptions,
): Route {
  if (!cells) return () => Promise.resolve({});
  return async (subject, signal) => {
    const { routeCall } = await import("./cell_routing.ts");
    return await routeCall(cells, subject, { log, correlationId, signal });
  };
}

/** Loaded with the first of them: most sessions make none. */
function makeAccountCalls(
  caller: ApiCaller,
  route: Route,
): Pick<
  ApiClient,
  "recoveryCodes" | "checkOtp" | "checkPush" | "createToken"
> {
  const load = () => import("./account_calls.ts");
  const aboutOwner = (identity: Identity): AccountCaller => ({
    async call(request, signal) {
      const routed = await route({ identity }, signal);
      return await caller.call({ ...request, ...routed }, signal);
    },
    discover: (who, signal) => discover({ caller, route }, who, signal),
  });
  return {
    recoveryCodes: async (identity, signal) =>
      await (await load()).callRecoveryCodes(
        aboutOwner(identity),
        identity,
        signal,
      ),
    checkOtp: async (identity, otp, signal) =>
      await (await load()).callOtpCheck(
        aboutOwner(identity),
        { identity, otp },
        signal,
      ),
    async checkPush(identity, signal) {
      const question = { identity, otp: undefined };
      await (await load()).callOtpCheck(aboutOwner(identity), question, signal);
    },
    createToken: async (wish, signal) =>
      await (await load()).callCreateToken(
        aboutOwner(wish.identity),
        wish,
        signal,
      ),
  };
}

/** How a call finds its way. */
interface Way {
  readonly caller: ApiCaller;
  readonly route: Route;
  readonly last?: Pick<ApiRequest, "onSent" | "onFinal">;
}

/** What a process gives up while it waits for the last answer of its life. */
function lastCall(
  { giveUp }: ApiClientOptions,
  transport: ApiTransport,
): Pick<ApiRequest, "onSent" | "onFinal"> {
  if (!giveUp) return {};
  return {
    // Another attempt would need the path of a socket again.
    onSent: () => void (transport.usesSocket || giveUp("files")),
    onFinal: () => giveUp("files", "net"),
  };
}

async function discover(
  { caller, route, last }: Way,
  identity: Identity,
  signal: AbortSignal | undefined,
): Promise<DiscoveredUser> {
  const query = discoverQuery(identity);
  const routed = await route({ identity }, signal);
  const answer = await caller.call(
    { method: "GET", path: "/discover", query, ...last, ...routed },
    signal,
  );
  return decoded(answer, decodeUser);
}

/** The cell that answered `/allowed`, which is not behind our own socket. */
function cellBase(gitlabUrl: string): ApiBase {
  return parseGitlabUrl({ gitlabUrl, gitlabRelativeUrlRoot: "" });
}
