/**
 * A GitLab's Git over HTTP, as other GitLabs use it: a Geo secondary with a
 * signed token, a Shell of another cell with its own.
 * Source: GitLab Rails, repositories/git_http_controller.rb; GitLab Workhorse.
 * @module
 */
import { join } from "node:path";
import type { ByteReader } from "../../core/io.ts";
import { type Actor, findRefusal } from "../api/access_rule.ts";
import type { ApiState } from "../api/endpoint.ts";
import {
  type HeaderLines,
  headerValues,
  type HttpRequest,
} from "../api/http_message.ts";
import type { HttpAnswer } from "../api/http_server.ts";
import { checkJwt } from "../api/jwt.ts";
import { RecordList } from "../records.ts";
import { checkGeoToken } from "./geo_token.ts";
import { GitExchange, type GitExchangeOptions } from "./git_exchange.ts";

/** One request, and what became of it. */
export interface GitHttpRecord {
  readonly method: string;
  readonly target: string;
  readonly headers: HeaderLines;
  readonly status: number;
  /** By whom it was allowed or refused. */
  readonly by: "geo" | "cell" | "nobody";
}

/** What Git over HTTP is served from. */
export interface GitHttpOptions {
  readonly state: Pick<ApiState, "directory" | "clock">;
  /** Signs the tokens of both kinds. */
  readonly secret: string;
  /** In front of every path: `/gitlab`. Empty if absent. */
  readonly pathPrefix: string;
  /** Folder that the repositories are below. */
  readonly storage: string;
  readonly env: Readonly<Record<string, string>>;
}

interface Route {
  readonly project: string;
  readonly service: GitExchangeOptions["service"];
  readonly mode: GitExchangeOptions["mode"];
}

interface Caller {
  readonly actor: Actor;
  readonly by: GitHttpRecord["by"];
}

const encoder = new TextEncoder();

/** Serves Git over HTTP below one web server. */
export class GitHttp implements AsyncDisposable {
  readonly requests = new RecordList<GitHttpRecord>();
  readonly #options: GitHttpOptions;
  readonly #running = new Set<GitExchange>();

  constructor(options: GitHttpOptions) {
    this.#options = options;
  }

  /** @returns `undefined` for what is not Git. */
  handle(request: HttpRequest): HttpAnswer | undefined {
    const route = this.#findRoute(request);
    if (!route) return undefined;
    const caller = this.#findCaller(request.headers, route.project);
    const [status, body] = this.#answer(request, route, caller);
    const { method, target, headers } = request;
    const by = caller?.by ?? "nobody";
    this.requests.add({ method, target, headers, status, by });
    return {
      response: {
        status,
        headers: [["Content-Type", contentType(route, status)]],
        body: typeof body === "string" ? encoder.encode(body) : body,
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running].map((git) => git.close()));
  }

  #answer(
    request: HttpRequest,
    { project: path, service, mode }: Route,
    caller: Caller | undefined,
  ): [status: number, body: string | ByteReader] {
    if (!caller) return [401, "HTTP Basic: Access denied"];
    const { state: { directory }, storage, env } = this.#options;
    // A cell's shell speaks for users alone.
    if (!caller.actor.user) return [404, "Not found"];
    const project = directory.project(path);
    const refusal = findRefusal(`git-${service}`, caller.actor, project);
    if (refusal || !project) {
      return refusal?.status === 401
        ? [403, refusal.message]
        : [404, "Not found"];
    }
    const git = new GitExchange({
      service,
      mode,
      path: join(storage, project.relativePath),
      gitProtocol: headerValues(request.headers, "Git-Protocol")[0] ?? "",
      env,
    }, request.body);
    this.#running.add(git);
    git.ended.then(() => this.#running.delete(git));
    return [200, git];
  }

  #findRoute({ method, target }: HttpRequest): Route | undefined {
    const { pathPrefix } = this.#options;
    if (!target.startsWith(`${pathPrefix}/`)) return undefined;
    const [, project, info, kind, word] =
      /^\/(.+)\.git\/(?:info\/refs\?service=git-(.+)|(git|ssh)-(.+))$/
        .exec(target.slice(pathPrefix.length)) ?? [];
    const service = info ?? word;
    if (project === undefined || !isService(service)) return undefined;
    if (info !== undefined) {
      return method === "GET"
        ? { project: decodeURIComponent(project), service, mode: "references" }
        : undefined;
    }
    const mode = kind === "ssh" ? "conversation" : "stateless";
    return method === "POST"
      ? { project: decodeURIComponent(project), service, mode }
      : undefined;
  }

  #findCaller(headers: HeaderLines, project: string): Caller | undefined {
    const { secret, state } = this.#options;
    const nowMs = state.clock.nowMs();
    const [token] = headerValues(headers, "Gitlab-Shell-Api-Request");
    if (token !== undefined) {
      const claims = checkJwt(token, { secret, nowMs, mode: "rails" });
      if (typeof claims === "string") return undefined;
      return { actor: this.#findActor(String(claims["gl_id"])), by: "cell" };
    }
    const [value = ""] = headerValues(headers, "Authorization");
    const claims = checkGeoToken(value, secret, nowMs);
    if (claims?.scope !== project) return undefined;
    return { actor: this.#findActor(claims.glId), by: "geo" };
  }

  /** @param glId `user-5`; nobody for anything else. */
  #findActor(glId: string): Actor {
    const id = Number(/^user-([0-9]+)$/.exec(glId)?.[1] ?? NaN);
    return { user: this.#options.state.directory.user(id), key: undefined };
  }
}

function isService(word: string | undefined): word is Route["service"] {
  return word === "upload-pack" || word === "receive-pack";
}

function contentType({ service, mode }: Route, status: number): string {
  if (status !== 200) return "text/plain";
  if (mode === "conversation") return "application/octet-stream";
  const kind = mode === "references" ? "advertisement" : "result";
  return `application/x-git-${service}-${kind}`;
}
