/**
 * An API client on a scripted server: a clock that does not wait, records as
 * objects, and the client's settings as values.
 * @module
 */
import { assertEquals } from "@std/assert";
import type { AccessQuestion } from "../../src/api/access.ts";
import type { ApiClient } from "../../src/api/client.ts";
import {
  type ApiClientOptions,
  createApiClient,
} from "../../src/api/internal_api.ts";
import { ApiError } from "../../src/core/errors.ts";
import { Logger } from "../../src/core/log.ts";
import { Secret } from "../../src/core/secret.ts";
import { FakeClock } from "./fake_host.ts";
import {
  json,
  openScriptedApi,
  type ScriptedAnswer,
  type ScriptedApi,
  type ScriptedListen,
} from "./scripted_api.ts";

/** A session by key. */
export const KEY = { kind: "key", keyId: "4711" } as const;
/** A question of that session. */
export const QUESTION: AccessQuestion = {
  action: "git-upload-pack",
  project: "tanuki/reef.git",
  identity: KEY,
  remoteAddress: "192.0.2.9",
  namespacePath: "",
};
/** What `/discover` answers about that session. */
export const MIRA: ScriptedAnswer = json(200, {
  id: 5,
  name: "Mira Reef",
  username: "mira",
});

/** Settings of a client that differ from the usual ones. */
export interface HarnessOptions {
  readonly gitlabUrl?: string;
  readonly gitlabRelativeUrlRoot?: string;
  readonly secret?: string;
  readonly user?: string;
  readonly password?: string;
  readonly readTimeoutMs?: number;
  readonly caFile?: string;
  readonly caPath?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly correlationId?: string;
  readonly forwardedFor?: string;
  readonly keyLookupTimeoutMs?: number;
  readonly transport?: ApiClientOptions["transport"];
  readonly cells?: ApiClientOptions["cells"];
}

/** A client and what it did. */
export interface ApiHarness {
  readonly client: ApiClient;
  readonly clock: FakeClock;
  /** Parsed records, their times left out. */
  readonly records: Record<string, unknown>[];
  /** Whole lines, to look for what must not be in them. */
  readonly logText: () => string;
}

/** Makes a client for any URL. */
export function makeApiHarness(options: HarnessOptions): ApiHarness {
  const clock = new FakeClock();
  const records: Record<string, unknown>[] = [];
  let text = "";
  const log = new Logger({
    sink: {
      writeLine(line) {
        const written = new TextDecoder().decode(line);
        text += written;
        const { time: _, ...record } = JSON.parse(written);
        records.push(record);
      },
    },
    clock,
    threshold: -4,
    format: "json",
  });
  const { transport, forwardedFor, keyLookupTimeoutMs, cells } = options;
  const client = createApiClient({
    config: {
      gitlabUrl: options.gitlabUrl ?? "",
      gitlabRelativeUrlRoot: options.gitlabRelativeUrlRoot ?? "",
      secret: new Secret(options.secret ?? "s3cret\n"),
      http: {
        user: options.user ?? "",
        password: new Secret(options.password ?? ""),
        readTimeoutMs: options.readTimeoutMs ?? 5_000,
        caFile: options.caFile ?? "",
        caPath: options.caPath ?? "",
      },
    },
    log,
    clock,
    correlationId: options.correlationId ?? "01K2XZ7Q4W8N3M5R6T9V0B1C2D",
    env: (name) => options.env?.[name],
    // The process of the tests keeps its environment.
    setEnv: () => {},
    ...(transport && { transport }),
    cells,
    ...(forwardedFor !== undefined && { forwardedFor }),
    ...(keyLookupTimeoutMs !== undefined && { keyLookupTimeoutMs }),
  });
  return { client, clock, records, logText: () => text };
}

/** A client and the server that it asks. */
export interface ServedHarness extends ApiHarness, AsyncDisposable {
  readonly api: ScriptedApi;
}

/** Starts a server that answers by script and makes a client for it. */
export function serveApi(
  answers: readonly ScriptedAnswer[],
  options: HarnessOptions = {},
  listen?: ScriptedListen,
): ServedHarness {
  const api = openScriptedApi(answers, listen);
  const harness = makeApiHarness({ gitlabUrl: api.url, ...options });
  return {
    ...harness,
    api,
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  };
}

/** Waits for a failure. @throws {Error} If there is none. */
export async function failureOf(call: Promise<unknown>): Promise<Error> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error("The call did not fail");
}

/**
 * Checks text, status and kind of a failure at once.
 * @param status Left out for a plain error.
 */
export async function assertFails(
  call: Promise<unknown>,
  message: string,
  status?: number,
  kind?: "policy" | "system",
): Promise<void> {
  const error = await failureOf(call);
  const seen = error instanceof ApiError
    ? { message: error.message, status: error.status, kind: error.kind }
    : { message: error.message, status: undefined, kind: undefined };
  assertEquals(seen, { message, status, kind });
}
