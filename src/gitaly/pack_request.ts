/**
 * What the callers of Gitaly say and what they get back: one operation each
 * for upload-pack, receive-pack and upload-archive.
 * Source: Gitaly, ssh.proto.
 * @module
 */
import type { Clock } from "../core/host.ts";
import type { StandardStreams } from "../core/io.ts";
import type { Logger } from "../core/log.ts";
import type { GrpcMetadata } from "./grpc_call.ts";

/** The service that the Git client asked for. */
export type PackService = "upload-pack" | "receive-pack" | "upload-archive";

/** A repository as Gitaly's `Repository` message has it. */
export interface Repository {
  readonly storageName: string;
  readonly relativePath: string;
  readonly gitObjectDirectory: string;
  readonly gitAlternateObjectDirectories: readonly string[];
  readonly glRepository: string;
  readonly glProjectPath: string;
}

/** Contents of the first message; fields that a service lacks are not sent. */
export interface PackRequest {
  readonly service: PackService;
  /** Absent only where gitaly-ssh was given a payload without one. */
  readonly repository: Repository | undefined;
  readonly gitConfigOptions: readonly string[];
  /** `GIT_PROTOCOL` of the session, verbatim. */
  readonly gitProtocol: string;
  /** receive-pack only. */
  readonly glId: string;
  /** receive-pack only. */
  readonly glRepository: string;
  /** receive-pack only. */
  readonly glUsername: string;
}

/** gRPC's retry policy, the part that Gitaly's clients use. Durations in milliseconds. */
export interface RetryPolicy {
  /** The first attempt counted; 2 to 5. */
  readonly attemptsMax: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly backoffMultiplier: number;
  /** gRPC status codes as numbers. */
  readonly retryableCodes: readonly number[];
}

/** Which Gitaly, and how to be let in. */
export interface GitalyEndpoint {
  /** Raw address; checked when it is dialled. */
  readonly address: string;
  /** Empty for none. */
  readonly token: string;
  /** Gitaly's default policy where absent. */
  readonly retryPolicy?: RetryPolicy;
}

/** Surroundings of one call. */
export interface PackCallContext {
  readonly io: StandardStreams;
  /** Identity, correlation and feature metadata; auth and sidechannel id are added. */
  readonly metadata: GrpcMetadata;
  readonly log: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called when there is a connection, before each attempt. */
  readonly onConnected?: () => void;
  /**
   * Called once when the server has begun, after which nothing is dialled any
   * more. Nothing of what it has to say was read yet.
   */
  readonly onBegun?: () => void;
}

/** Negotiation figures that Gitaly reports after an upload-pack. */
export interface PackfileStatistics {
  readonly payloadSize: number;
  readonly packets: number;
  readonly caps: readonly string[];
  readonly wants: number;
  readonly haves: number;
  readonly shallows: number;
  readonly deepen: string;
  readonly filter: string;
}

/** What a call that ended with status OK leaves. */
export interface PackResult {
  /** Last `exit_status` of the stream, 0 if none came. gitlab-shell ignores it. */
  readonly exitStatus: number;
  /** upload-pack by sidechannel only, and only from Gitaly 16.1 on. */
  readonly packfileStatistics: PackfileStatistics | undefined;
}

/**
 * Open connections to Gitaly servers, and calls over them. gitlab-shell and
 * gitaly-ssh make one call and exit; gitlab-sshd shares one of these.
 */
export interface GitalyClient {
  /**
   * Checks an address without sending anything, so that a bad one can be told
   * apart from a call that failed.
   * @throws {GitTransportError} If the address cannot be used, or a retry
   * policy is not a legal one.
   */
  checkEndpoint(endpoint: GitalyEndpoint): void;
  /**
   * Runs one Git service to its end, pumping the three streams.
   * @throws {GitTransportError} If the address cannot be used or a stream broke.
   * @throws {GitalyError} If the call ended with another status than OK; an
   * `exitStatus` that came before is its `exitStatus` property.
   */
  runPack(
    endpoint: GitalyEndpoint,
    request: PackRequest,
    context: PackCallContext,
  ): Promise<PackResult>;
  /** Ends every connection. Idempotent. */
  close(): void;
}
