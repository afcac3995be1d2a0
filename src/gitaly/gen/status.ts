// Written by `deno task gen` from proto/status.proto. Do not edit.
/**
 * Messages of `proto/status.proto`: their types and field tables.
 * @module
 */
import type { MessageTable } from "../protobuf/message_table.ts";
import { ANY, type Any } from "./well_known.ts";

/** `google.rpc.Status`. */
export interface Status {
  readonly code: number;
  readonly message: string;
  readonly details: readonly Any[];
}

/** Fields of `google.rpc.Status`. */
export const STATUS: MessageTable<Status> = {
  name: "google.rpc.Status",
  fields: [
    { number: 1, name: "code", protoName: "code", type: "int32" },
    { number: 2, name: "message", protoName: "message", type: "string" },
    {
      number: 3,
      name: "details",
      protoName: "details",
      type: "message",
      message: ANY,
      isRepeated: true,
    },
  ],
  make: () => ({ code: 0, message: "", details: [] }),
};
