/**
 * A command's surroundings made of values: an API and a Gitaly that answer as
 * told, and log records kept as objects.
 * @module
 */
import type { AccessAnswer, AccessQuestion } from "../../src/api/access.ts";
import type { ApiClient, DiscoveredUser } from "../../src/api/client.ts";
import { WebTransport } from "../../src/api/web_transport.ts";
import type {
  CommandContext,
  CommandRequest,
} from "../../src/command/command.ts";
import type { Config } from "../../src/config/config.ts";
import type { ByteReader } from "../../src/core/io.ts";
import { Logger } from "../../src/core/log.ts";
import type {
  GitalyEndpoint,
  PackCallContext,
  PackRequest,
  PackResult,
} from "../../src/gitaly/pack_request.ts";
import { CollectingWriter, FakeClock, readerOf } from "./fake_host.ts";

/** One call that the fake Gitaly saw. */
export interface SeenPackCall {
  readonly endpoint: GitalyEndpoint;
  readonly request: PackRequest;
  readonly context: PackCallContext;
}

/** How the surroundings answer. */
export interface FakeSessionOptions {
  readonly answer?: Partial<AccessAnswer>;
  readonly allowed?: () => Promise<AccessAnswer>;
  readonly discover?: () => Promise<DiscoveredUser>;
  readonly runPack?: (call: SeenPackCall) => Promise<PackResult>;
  readonly checkEndpoint?: (endpoint: GitalyEndpoint) => void;
  readonly config?: Partial<Config>;
  /** Answers of everything else that a command may ask GitLab. */
  readonly api?: Partial<ApiClient>;
  readonly stdin?: ByteReader;
  readonly signal?: AbortSignal;
}

/** Surroundings, and what was asked of them. */
export interface FakeSession {
  readonly context: CommandContext;
  readonly stdout: CollectingWriter;
  readonly stderr: CollectingWriter;
  readonly questions: AccessQuestion[];
  readonly packCalls: SeenPackCall[];
  /** Parsed records without their time. */
  readonly records: Record<string, unknown>[];
}

/** An answer that allows everything; every field can be replaced. */
export function makeAnswer(over: Partial<AccessAnswer> = {}): AccessAnswer {
  return {
    httpStatus: 200,
    status: true,
    message: "",
    glRepository: "project-26",
    glId: "user-1",
    glKeyType: "key",
    glKeyId: 123,
    glProjectId: 26,
    glRootNamespaceId: 9,
    glUsername: "alex-doe",
    gitConfigOptions: ["uploadpack.allowFilter=true"],
    gitaly: {
      address: "unix:/run/gitaly.socket",
      token: "token",
      features: {},
      repository: {
        storageName: "default",
        relativePath: "@hashed/5f/9c/5f9c.git",
        gitObjectDirectory: "",
        gitAlternateObjectDirectories: [],
        glRepository: "project-26",
        glProjectPath: "group/project-path",
      },
    },
    consoleMessages: [],
    needAudit: false,
    retryConfig: undefined,
    customAction: {
      primaryRepo: "",
      requestHeaders: {},
      fetchDirectToPrimary: false,
      pushDirectToPrimary: false,
    },
    cellAddress: "",
    ...over,
  };
}

/** A request for `words` from key 123; every field can be replaced. */
export function makeRequest(
  words: readonly string[],
  over: Partial<CommandRequest> = {},
): CommandRequest {
  return {
    words,
    originalCommand: words.join(" "),
    identity: { kind: "key", keyId: "123" },
    gitProtocol: "version=2",
    remoteAddress: "127.0.0.1",
    namespacePath: "",
    ...over,
  };
}

/** Makes surroundings that answer as told. */
export function makeFakeSession(options: FakeSessionOptions = {}): FakeSession {
  const stdout = new CollectingWriter();
  const stderr = new CollectingWriter();
  const questions: AccessQuestion[] = [];
  const packCalls: SeenPackCall[] = [];
  const records: Record<string, unknown>[] = [];
  const clock = new FakeClock();
  const log = new Logger({
    sink: {
      writeLine(line) {
        const { time: _, ...record } = JSON.parse(
          new TextDecoder().decode(line),
        );
        records.push(record);
      },
    },
    clock,
    threshold: -4,
    format: "json",
  });
  const context: CommandContext = {
    programName: "gitlab-shell",
    config: (options.config ?? {}) as Config,
    io: { stdin: options.stdin ?? readerOf(), stdout, stderr },
    api: {
      allowed(question) {
        questions.push(question);
        return options.allowed?.() ??
          Promise.resolve(makeAnswer(options.answer));
      },
      discover: () =>
        options.discover?.() ??
          Promise.resolve({ id: 2, username: "alex-doe" }),
      authorizedKey: notAsked,
      authorizedCertificate: notAsked,
      check: notAsked,
      checkBase: () => {},
      webTransport: () =>
        Promise.resolve(
          new WebTransport({ env: () => undefined, setEnv: () => {} }),
        ),
      gitHttp: notAsked,
      recoveryCodes: notAsked,
      checkOtp: notAsked,
      checkPush: notAsked,
      createToken: notAsked,
      authenticateLfs: notAsked,
      reportGitAudit: notAsked,
      ...options.api,
    },
    gitaly: () =>
      Promise.resolve({
        checkEndpoint: (endpoint) => options.checkEndpoint?.(endpoint),
        runPack(endpoint, request, context) {
          const call = { endpoint, request, context };
          packCalls.push(call);
          return options.runPack?.(call) ??
            Promise.resolve({ exitStatus: 0, packfileStatistics: undefined });
        },
        close: () => {},
      }),
    log,
    correlationId: "01K2XZ7Q4W8N3M5R6T9V0B1C2D",
    clock,
    signal: options.signal ?? new AbortController().signal,
  };
  return { context, stdout, stderr, questions, packCalls, records };
}

function notAsked(): Promise<never> {
  return Promise.reject(new TypeError("Not asked here"));
}
