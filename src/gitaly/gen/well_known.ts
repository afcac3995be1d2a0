// Written by `deno task gen` from proto/well_known.proto. Do not edit.
/**
 * Messages of `proto/well_known.proto`: their types and field tables.
 * @module
 */
import type { MessageTable } from "../protobuf/message_table.ts";

/** `google.protobuf.Any`. A message of a type that is named beside it. */
export interface Any {
  /** "type.googleapis.com/" and the full name. */
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/** Fields of `google.protobuf.Any`. */
export const ANY: MessageTable<Any> = {
  name: "google.protobuf.Any",
  fields: [
    { number: 1, name: "typeUrl", protoName: "type_url", type: "string" },
    { number: 2, name: "value", protoName: "value", type: "bytes" },
  ],
  make: () => ({ typeUrl: "", value: new Uint8Array(0) }),
};

/** `google.protobuf.Duration`. */
export interface Duration {
  readonly seconds: number;
  readonly nanos: number;
}

/** Fields of `google.protobuf.Duration`. */
export const DURATION: MessageTable<Duration> = {
  name: "google.protobuf.Duration",
  fields: [
    { number: 1, name: "seconds", protoName: "seconds", type: "int64" },
    { number: 2, name: "nanos", protoName: "nanos", type: "int32" },
  ],
  make: () => ({ seconds: 0, nanos: 0 }),
};
