/**
 * Calls of the product's Gitaly client, with surroundings made of values, and
 * the carriers that every test of the client runs on.
 * @module
 */
import { assertRejects } from "@std/assert";
import { GitalyError } from "../../src/core/errors.ts";
import { type Clock, SYSTEM_CLOCK } from "../../src/core/host.ts";
import type { ByteReader, ByteWriter } from "../../src/core/io.ts";
import { Logger } from "../../src/core/log.ts";
import { createGitalyClient } from "../../src/gitaly/gitaly_client.ts";
import type { GrpcCarrier, GrpcMetadata } from "../../src/gitaly/grpc_call.ts";
import { GRPC_JS_CARRIER } from "../../src/gitaly/grpc_js_carrier.ts";
import { LEAN_CARRIER } from "../../src/gitaly/http2/lean_carrier.ts";
import type {
  GitalyClient,
  PackRequest,
  PackResult,
  PackService,
  RetryPolicy,
} from "../../src/gitaly/pack_request.ts";
import { CollectingWriter, readerOf } from "./fake_host.ts";

/** Both carriers; they must not be told apart by what a call does. */
const CARRIERS: readonly GrpcCarrier[] = [LEAN_CARRIER, GRPC_JS_CARRIER];

/** Registers a test for each carrier. */
export function testOnCarriers(
  name: string,
  run: (carrier: GrpcCarrier) => Promise<void>,
): void {
  for (const carrier of CARRIERS) {
    Deno.test({
      name: `${name} [${carrier.name}]`,
      fn: () => run(carrier),
      // grpc-js lets timers of a connection that failed run out by themselves.
      sanitizeOps: carrier !== GRPC_JS_CARRIER,
      sanitizeResources: carrier !== GRPC_JS_CARRIER,
    });
  }
}

/** A clock whose waits end at once and are counted, and that never moves else. */
export class ImpatientClock implements Clock {
  readonly sleepsMs: number[] = [];
  nowMsValue = 1_767_225_600_000;
  nowMs = () => this.nowMsValue;
  monotonicMs = () => this.nowMsValue;
  async sleep(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    this.sleepsMs.push(timeoutMs);
    await new Promise((resolve) => setTimeout(resolve, 0));
    signal?.throwIfAborted();
  }
}

/** What a call differs in from the usual. */
export interface CallOptions {
  readonly service?: PackService;
  readonly request?: Partial<PackRequest>;
  readonly stdin?: ByteReader;
  readonly stdout?: ByteWriter;
  readonly stderr?: ByteWriter;
  readonly token?: string;
  readonly metadata?: GrpcMetadata;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly retryPolicy?: RetryPolicy;
}

/** A call that is under way, and what it has written so far. */
export interface RunningCall {
  readonly result: Promise<PackResult>;
  readonly stdout: CollectingWriter;
  readonly stderr: CollectingWriter;
}

/** The repository that all calls are about. */
export const REPOSITORY = {
  storageName: "default",
  relativePath: "@hashed/6b/86/6b86b273ff34.git",
  gitObjectDirectory: "",
  gitAlternateObjectDirectories: [],
  glRepository: "project-1",
  glProjectPath: "group/project",
};

/** A client that ends with its block. */
export function openClient(
  carrier: GrpcCarrier,
  env: Readonly<Record<string, string>> = {},
): GitalyClient & Disposable {
  const client = createGitalyClient({
    carrier,
    programName: "gitlab-shell",
    env: (name) => env[name],
  });
  return {
    checkEndpoint: (endpoint) => client.checkEndpoint(endpoint),
    runPack: (...args) => client.runPack(...args),
    close: () => client.close(),
    [Symbol.dispose]: () => client.close(),
  };
}

/** Starts a call; a fetch with empty input unless told otherwise. */
export function startCall(
  client: GitalyClient,
  address: string,
  options: CallOptions = {},
): RunningCall {
  const stdout = new CollectingWriter();
  const stderr = new CollectingWriter();
  const { token = "", retryPolicy, clock = SYSTEM_CLOCK } = options;
  const result = client.runPack(
    { address, token, ...retryPolicy && { retryPolicy } },
    {
      service: options.service ?? "upload-pack",
      repository: REPOSITORY,
      gitConfigOptions: ["uploadpack.allowFilter=true"],
      gitProtocol: "version=2",
      glId: "key-1",
      glRepository: "project-1",
      glUsername: "alex-doe",
      ...options.request,
    },
    {
      io: {
        stdin: options.stdin ?? readerOf(),
        stdout: options.stdout ?? stdout,
        stderr: options.stderr ?? stderr,
      },
      metadata: options.metadata ?? [],
      log: new Logger({
        sink: { writeLine: () => {} },
        clock,
        threshold: 8,
        format: "json",
      }),
      clock,
      signal: options.signal ?? new AbortController().signal,
    },
  );
  result.catch(() => {});
  return { result, stdout, stderr };
}

/** The gRPC error that a call ends with. */
export function failureOf(
  { result }: { result: Promise<unknown> },
): Promise<GitalyError> {
  return assertRejects(() => result, GitalyError);
}

/** Lets the event loop turn until `isSo`; fails after some seconds. */
export async function until(isSo: () => boolean): Promise<void> {
  const startMs = performance.now();
  while (!isSo()) {
    if (performance.now() - startMs > 10_000) {
      throw new Error("It never came to that");
    }
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
