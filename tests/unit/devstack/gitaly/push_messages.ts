/**
 * Requests of a push as bytes.
 * @module
 */
import { Buffer } from "node:buffer";
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import { GITALY_DESCRIPTOR } from "../../../../src/gitaly/gen/descriptor.ts";

type Fields = Readonly<Record<string, unknown>>;
type Descriptor = Parameters<typeof fromJSON>[0];

const SERVICE = fromJSON(GITALY_DESCRIPTOR as Descriptor, { bytes: Buffer })[
  "gitaly.SSHService"
] as ServiceDefinition;
const METHOD = SERVICE["SSHReceivePack"] as MethodDefinition<Fields, Fields>;

/** First message of a push. */
export function encodePush(fields: Fields): Uint8Array {
  return METHOD.requestSerialize(fields);
}

/** Any later message. */
export function encodeStdin(stdin: string): Uint8Array {
  return METHOD.requestSerialize({ stdin: Buffer.from(stdin) });
}
