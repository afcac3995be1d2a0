/**
 * The public side of the stand-in for GitLab, as far as LFS goes: batches,
 * objects and locks of the projects that the internal API knows. It remembers
 * every request, and answers as it is told.
 * Source: GitLab Rails and Workhorse; Git LFS, docs/api.
 * @module
 */
import { createHash, randomBytes } from "node:crypto";
import { findRefusal } from "../api/access_rule.ts";
import type { ApiAnswer, ApiState } from "../api/endpoint.ts";
import {
  type HeaderLines,
  headerValues,
  type HttpRequest,
  readWhole,
} from "../api/http_message.ts";
import { type HttpAnswer, HttpServer } from "../api/http_server.ts";
import { AnswerScript } from "../api/script.ts";
import { type ListenAddress, openListener } from "../listen.ts";
import { RecordList } from "../records.ts";
import {
  answerBatch,
  answerLock,
  answerUnlock,
  answerVerify,
  type LfsRequest,
  type LfsState,
  refuse,
} from "./lfs_answers.ts";
import { findLfsRoute, type LfsRoute } from "./lfs_route.ts";
import { LockTable } from "./lock_table.ts";
import { ObjectStore } from "./object_store.ts";

/** One request as it came in, and what became of it. */
export interface LfsRecord {
  readonly method: string;
  /** Path and query, raw. */
  readonly target: string;
  /** Empty for what is no route. */
  readonly route: string;
  readonly headers: HeaderLines;
  readonly bodyBytes: number;
  readonly bodySha256: string;
  /** The body as text; empty for an object. */
  readonly body: string;
  /** Status of the answer. */
  readonly status: number;
}

/** A server that runs. */
export interface LfsServer extends AsyncDisposable {
  /** `http://127.0.0.1:4000` */
  readonly url: string;
  readonly state: LfsState;
  /** By the names of routes. */
  readonly script: AnswerScript;
  readonly requests: RecordList<LfsRecord>;
  /** Lets every object's door close, as when its time is up. */
  forgetObjectDoors(): void;
}

/** How a server is set up. */
export interface LfsServerOptions {
  readonly listen: Exclude<ListenAddress, { transport: "unix" }>;
  /** Where objects are kept. */
  readonly folder: string;
  /** Of the internal API, which hands out what opens this server. */
  readonly api: Pick<ApiState, "directory" | "lfsGrants" | "clock">;
}

/** Whom a request comes from. */
interface Sender {
  readonly username: string;
  readonly projectPath: string;
}

const BODY_BYTES_MAX = 8 * 1024 * 1024;
const JSON_TYPE = ["Content-Type", "application/vnd.git-lfs+json"] as const;
const EMPTY = new Uint8Array(0);
const DOOR_BYTES = 16;
const encoder = new TextEncoder();
const utf8 = new TextDecoder();

/**
 * Starts a server.
 * @throws {Deno.errors.AddrInUse} If the address is taken.
 */
export function startLfsServer(options: LfsServerOptions): LfsServer {
  return new DevLfsServer(options);
}

class DevLfsServer implements LfsServer {
  readonly url: string;
  readonly state: LfsState;
  readonly script = new AnswerScript();
  readonly requests = new RecordList<LfsRecord>();
  readonly #api: LfsServerOptions["api"];
  readonly #http = new HttpServer((request) => this.#handle(request));
  /** Senders by what opens an object's door: not what opens the rest. */
  readonly #doors = new Map<string, Sender>();

  constructor({ listen, folder, api }: LfsServerOptions) {
    this.#api = api;
    this.state = {
      store: new ObjectStore(folder),
      locks: new LockTable(api.clock),
      honoursLockFilters: false,
    };
    const opened = openListener(listen);
    this.#http.listen(opened);
    const scheme = listen.transport === "tls" ? "https" : "http";
    this.url = `${scheme}://${opened.boundTo}`;
  }

  forgetObjectDoors(): void {
    this.#doors.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#http.close();
  }

  async #handle(request: HttpRequest): Promise<HttpAnswer> {
    const { method, target, headers } = request;
    const route = findLfsRoute(method, target);
    const seen = { bodyBytes: 0, bodySha256: "", body: "" };
    const answer = await this.#answer(request, route, seen);
    this.requests.add({
      method,
      target,
      route: route?.name ?? "",
      headers,
      ...seen,
      status: answer.response.status,
    });
    return answer;
  }

  async #answer(
    request: HttpRequest,
    route: LfsRoute | undefined,
    seen: { bodyBytes: number; bodySha256: string; body: string },
  ): Promise<HttpAnswer> {
    const isObject = route?.name === "upload" || route?.name === "download";
    const scripted = route && this.script.take(route.name);
    // A scripted answer to an upload comes before its body.
    if (scripted && isObject) return scripted;
    const sender = this.#findSender(request, isObject);
    if (route && isObject) {
      if (!sender) return toHttp(refuse(401, "Credentials needed"));
      return route.name === "upload"
        ? await this.#takeObject(request, { route, sender }, seen)
        : await this.#giveObject(route, sender);
    }
    const body = await readWhole(request.body, BODY_BYTES_MAX);
    seen.body = utf8.decode(body);
    seen.bodyBytes = body.length;
    seen.bodySha256 = createHash("sha256").update(body).digest("hex");
    if (scripted) return scripted;
    if (!route) return toHttp(refuse(404, "Not found."));
    if (!sender) return toHttp(refuse(401, "Credentials needed"));
    return toHttp(await this.#answerJson(route, sender, seen.body));
  }

  #findSender({ headers }: HttpRequest, isObject: boolean): Sender | undefined {
    const values = headerValues(headers, "Authorization");
    const [value = ""] = values;
    if (values.length !== 1) return undefined;
    if (isObject) return this.#doors.get(value);
    for (const [token, grant] of this.#api.lfsGrants) {
      if (value !== basic(grant.username, token)) continue;
      return grant.expiresMs > this.#api.clock.nowMs() ? grant : undefined;
    }
    return undefined;
  }

  async #answerJson(
    route: LfsRoute,
    { username, projectPath }: Sender,
    text: string,
  ): Promise<ApiAnswer> {
    const project = this.#api.directory.project(route.project);
    if (!project || project.path !== projectPath) {
      return refuse(404, "Not found.");
    }
    let body: Record<string, unknown>;
    try {
      body = JSON.parse(text);
    } catch {
      return refuse(400, "Bad request");
    }
    const canPush = this.#canPush(username, projectPath);
    const request: LfsRequest = { route, body, project, username, canPush };
    switch (route.name) {
      case "lock":
        return answerLock(request, this.state);
      case "unlock":
        return answerUnlock(request, this.state);
      case "verify":
        return answerVerify(request, this.state);
      default:
        return await answerBatch(request, this.state, {
          projectUrl: `${this.url}/${project.path}.git`,
          authorization: this.#openDoor({ username, projectPath }),
        });
    }
  }

  #canPush(username: string, projectPath: string): boolean {
    const { directory } = this.#api;
    const [, keyId] = /^lfs\+deploy-key-([0-9]+)$/.exec(username) ?? [];
    const actor = keyId === undefined
      ? { user: directory.userByName(username), key: undefined }
      : { user: undefined, key: directory.key(keyId) };
    const project = directory.project(projectPath);
    return findRefusal("git-receive-pack", actor, project) === undefined;
  }

  #openDoor(sender: Sender): string {
    const password = randomBytes(DOOR_BYTES).toString("hex");
    const authorization = basic(sender.username, password);
    this.#doors.set(authorization, sender);
    return authorization;
  }

  async #giveObject(route: LfsRoute, sender: Sender): Promise<HttpAnswer> {
    const project = this.#projectOf(route, sender);
    const object = project &&
      await this.state.store.open(project.id, route.id);
    if (!object) return toHttp(refuse(404, "Not found."));
    const headers = [["Content-Type", "application/octet-stream"]] as const;
    const lengthBytes = object.sizeBytes;
    return { response: { status: 200, headers, body: object, lengthBytes } };
  }

  async #takeObject(
    request: HttpRequest,
    { route, sender }: { route: LfsRoute; sender: Sender },
    seen: { bodyBytes: number; bodySha256: string },
  ): Promise<HttpAnswer> {
    const project = this.#projectOf(route, sender);
    if (!project) return toHttp(refuse(404, "Not found."));
    const outcome = await this.state.store.put(
      project.id,
      { oid: route.id, sizeBytes: route.sizeBytes },
      request.body,
    );
    seen.bodyBytes = outcome.sizeBytes;
    seen.bodySha256 = outcome.sha256;
    return outcome.isStored
      ? { response: { status: 200, headers: [], body: EMPTY } }
      : toHttp(refuse(400, "SHA256 or size mismatch"));
  }

  #projectOf(route: LfsRoute, { projectPath }: Sender) {
    const project = this.#api.directory.project(route.project);
    return project?.path === projectPath ? project : undefined;
  }
}

function basic(username: string, password: string): string {
  return `Basic ${encoder.encode(`${username}:${password}`).toBase64()}`;
}

function toHttp({ status, body }: ApiAnswer): HttpAnswer {
  const bytes = encoder.encode(JSON.stringify(body));
  return { response: { status, headers: [JSON_TYPE], body: bytes } };
}
