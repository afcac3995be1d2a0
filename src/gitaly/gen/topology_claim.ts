// Written by `deno task gen` from proto/topology_claim.proto. Do not edit.
/**
 * Messages of `proto/topology_claim.proto`: their types and field tables.
 * @module
 */
import type { MessageTable } from "../protobuf/message_table.ts";

/** `gitlab.cells.topology_service.types.v1.Claim`. One thing that belongs to one cell. */
export interface Claim {
  /** Top-level namespace of a project. */
  readonly route: string;
  readonly username: string;
  /** SHA-256 of the key's wire form, base64 without padding. */
  readonly sshKeyFingerprint: string;
}

/** Fields of `gitlab.cells.topology_service.types.v1.Claim`. */
export const CLAIM: MessageTable<Claim> = {
  name: "gitlab.cells.topology_service.types.v1.Claim",
  fields: [
    { number: 1, name: "route", protoName: "route", type: "string" },
    { number: 4, name: "username", protoName: "username", type: "string" },
    {
      number: 15,
      name: "sshKeyFingerprint",
      protoName: "ssh_key_fingerprint",
      type: "string",
    },
  ],
  make: () => ({ route: "", username: "", sshKeyFingerprint: "" }),
};
