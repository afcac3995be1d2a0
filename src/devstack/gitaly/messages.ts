/**
 * The messages of Gitaly's SSH service as values. Their codecs are those of a
 * protobuf library and not the product's, so that neither hides a fault of
 * the other.
 * @module
 */
import { Buffer } from "node:buffer";
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import {
  fromJSON,
  type MessageTypeDefinition,
  type PackageDefinition,
} from "@grpc/proto-loader";
import { GITALY_DESCRIPTOR } from "../../gitaly/gen/descriptor.ts";
import type { IncomingCall } from "./carrier.ts";
import { StatusError } from "./status.ts";

/** `gitaly.Repository`. */
export interface RepositoryMessage {
  readonly storageName: string;
  readonly relativePath: string;
  readonly gitObjectDirectory: string;
  readonly gitAlternateObjectDirectories: readonly string[];
  readonly glRepository: string;
  readonly glProjectPath: string;
}

/** Any of the four requests; fields that a request lacks are absent. */
export interface PackRequestMessage {
  readonly repository?: RepositoryMessage | null;
  readonly stdin?: Uint8Array;
  readonly gitConfigOptions?: readonly string[];
  readonly gitProtocol?: string;
  readonly glId?: string;
  readonly glRepository?: string;
  readonly glUsername?: string;
}

/** A message of one of the three streams; one field at a time. */
export interface PackResponseMessage {
  stdout?: Uint8Array;
  stderr?: Uint8Array;
  exitStatus?: { value: number };
}

/** `gitaly.PackfileNegotiationStatistics`. */
export interface StatisticsMessage {
  payloadSize: number;
  packets: number;
  caps: string[];
  wants: number;
  haves: number;
  shallows: number;
  deepen: string;
  filter: string;
}

/** Answer of the sidechannel RPC. */
export interface UploadPackResponseMessage {
  packfileNegotiationStatistics: StatisticsMessage;
}

type Namespace = Parameters<typeof fromJSON>[0];
let definition: PackageDefinition | undefined;

/** Methods of the service. */
export const METHODS = [
  "SSHUploadPack",
  "SSHUploadPackWithSidechannel",
  "SSHReceivePack",
  "SSHUploadArchive",
] as const;

/** The messages of one call. */
export interface PackExchange {
  /** @returns `null` after the client's half-close. */
  receive(): Promise<PackRequestMessage | null>;
  /** @throws {Error} If the call has ended or `stop` was called. */
  send(message: PackResponseMessage): Promise<void>;
  /** Makes sends that wait fail. Idempotent. */
  stop(): void;
}

/** Puts the codecs of a method's messages between a call and its handler. */
export function openExchange(method: string, call: IncomingCall): PackExchange {
  const { requestDeserialize, responseSerialize } = findMethod(method);
  return {
    async receive() {
      const bytes = await call.receive();
      if (bytes === null) return null;
      const { buffer, byteOffset, length } = bytes;
      return requestDeserialize(Buffer.from(buffer, byteOffset, length));
    },
    send: (message) => call.send(responseSerialize(message)),
    stop: () => call.stop(),
  };
}

/** Encodes the response of a method that has a single one. */
export function encodeResponse(method: string, message: object): Uint8Array {
  return findMethod(method).responseSerialize(message);
}

/** What a `LimitError` says beyond its message. */
export interface LimitErrorOptions {
  readonly code: number;
  readonly message: string;
  /** Whether `retry_after` is there, holding zero: "do not retry". */
  readonly hasRetryAfter: boolean;
}

/** A refusal by a limit, with Gitaly's `LimitError` in its details. */
export function limitError(
  { code, message, hasRetryAfter }: LimitErrorOptions,
): StatusError {
  const value = serialize("gitaly.LimitError", {
    errorMessage: message,
    ...(hasRetryAfter ? { retryAfter: {} } : {}),
  });
  const typeUrl = "type.googleapis.com/gitaly.LimitError";
  const details = [{ typeUrl, value }];
  const detailsBin = serialize("google.rpc.Status", { code, message, details });
  return new StatusError(code, message, detailsBin);
}

function loadDefinition(): PackageDefinition {
  return definition ??= fromJSON(GITALY_DESCRIPTOR as Namespace, {
    longs: Number,
    defaults: true,
    bytes: Buffer,
  });
}

function findMethod(
  method: string,
): MethodDefinition<PackRequestMessage, object> {
  const service = loadDefinition()["gitaly.SSHService"] as ServiceDefinition;
  const found = service[method];
  if (!found) throw new TypeError(`No method is called ${method}`);
  return found as MethodDefinition<PackRequestMessage, object>;
}

function serialize(typeName: string, value: object): Uint8Array {
  const type = loadDefinition()[typeName] as MessageTypeDefinition<
    object,
    object
  >;
  return type.serialize(value);
}
