// Written by `deno task gen` from proto/topology.proto. Do not edit.
/**
 * Messages of `proto/topology.proto`: their types and field tables.
 * @module
 */
import type { MessageTable, RpcTable } from "../protobuf/message_table.ts";
import { CLAIM, type Claim } from "./topology_claim.ts";

/** `gitlab.cells.topology_service.ClassifyRequest`. */
export interface ClassifyRequest {
  readonly claim: Claim | undefined;
}

/** Fields of `gitlab.cells.topology_service.ClassifyRequest`. */
export const CLASSIFY_REQUEST: MessageTable<ClassifyRequest> = {
  name: "gitlab.cells.topology_service.ClassifyRequest",
  fields: [
    {
      number: 4,
      name: "claim",
      protoName: "claim",
      type: "message",
      message: CLAIM,
    },
  ],
  make: () => ({ claim: undefined }),
};

/** `gitlab.cells.topology_service.ProxyInfo`. Where the owner is. */
export interface ProxyInfo {
  /** Host, or host and port. */
  readonly address: string;
}

/** Fields of `gitlab.cells.topology_service.ProxyInfo`. */
export const PROXY_INFO: MessageTable<ProxyInfo> = {
  name: "gitlab.cells.topology_service.ProxyInfo",
  fields: [
    { number: 1, name: "address", protoName: "address", type: "string" },
  ],
  make: () => ({ address: "" }),
};

/** `gitlab.cells.topology_service.ClassifyResponse`. */
export interface ClassifyResponse {
  readonly action: number;
  readonly proxy: ProxyInfo | undefined;
}

/** Fields of `gitlab.cells.topology_service.ClassifyResponse`. */
export const CLASSIFY_RESPONSE: MessageTable<ClassifyResponse> = {
  name: "gitlab.cells.topology_service.ClassifyResponse",
  fields: [
    { number: 1, name: "action", protoName: "action", type: "enum" },
    {
      number: 2,
      name: "proxy",
      protoName: "proxy",
      type: "message",
      message: PROXY_INFO,
    },
  ],
  make: () => ({ action: 0, proxy: undefined }),
};

/** Which cell owns what the claim names. */
export const CLASSIFY: RpcTable<ClassifyRequest, ClassifyResponse> = {
  path: "/gitlab.cells.topology_service.ClassifyService/Classify",
  request: CLASSIFY_REQUEST,
  response: CLASSIFY_RESPONSE,
  isUnary: true,
};
