// Written by `deno task gen` from proto/shared.proto. Do not edit.
/**
 * Messages of `proto/shared.proto`: their types and field tables.
 * @module
 */
import type { MessageTable } from "../protobuf/message_table.ts";

/** `gitaly.Repository`. A repository on one of Gitaly's storages. */
export interface Repository {
  /** Storage, or Praefect's virtual storage. */
  readonly storageName: string;
  /** Path below the storage, such as "@hashed/6b/86/6b86.git". */
  readonly relativePath: string;
  /** Becomes GIT_OBJECT_DIRECTORY; relative to the repository. */
  readonly gitObjectDirectory: string;
  /** Become GIT_ALTERNATE_OBJECT_DIRECTORIES; relative to the repository. */
  readonly gitAlternateObjectDirectories: readonly string[];
  /** Such as "project-26". */
  readonly glRepository: string;
  /** Path that people read, for logs and hooks. */
  readonly glProjectPath: string;
}

/** Fields of `gitaly.Repository`. */
export const REPOSITORY: MessageTable<Repository> = {
  name: "gitaly.Repository",
  fields: [
    {
      number: 2,
      name: "storageName",
      protoName: "storage_name",
      type: "string",
    },
    {
      number: 3,
      name: "relativePath",
      protoName: "relative_path",
      type: "string",
    },
    {
      number: 4,
      name: "gitObjectDirectory",
      protoName: "git_object_directory",
      type: "string",
    },
    {
      number: 5,
      name: "gitAlternateObjectDirectories",
      protoName: "git_alternate_object_directories",
      type: "string",
      isRepeated: true,
    },
    {
      number: 6,
      name: "glRepository",
      protoName: "gl_repository",
      type: "string",
    },
    {
      number: 8,
      name: "glProjectPath",
      protoName: "gl_project_path",
      type: "string",
    },
  ],
  make: () => ({
    storageName: "",
    relativePath: "",
    gitObjectDirectory: "",
    gitAlternateObjectDirectories: [],
    glRepository: "",
    glProjectPath: "",
  }),
};

/** `gitaly.ExitStatus`. How git ended. A message, so that "0" and "not yet" differ. */
export interface ExitStatus {
  /** -1 for a git that a signal ended. */
  readonly value: number;
}

/** Fields of `gitaly.ExitStatus`. */
export const EXIT_STATUS: MessageTable<ExitStatus> = {
  name: "gitaly.ExitStatus",
  fields: [
    { number: 1, name: "value", protoName: "value", type: "int32" },
  ],
  make: () => ({ value: 0 }),
};

/** `gitaly.PackfileNegotiationStatistics`. What an upload-pack negotiation was made of. */
export interface PackfileNegotiationStatistics {
  readonly payloadSize: number;
  readonly packets: number;
  readonly caps: readonly string[];
  readonly wants: number;
  readonly haves: number;
  readonly shallows: number;
  readonly deepen: string;
  readonly filter: string;
}

/** Fields of `gitaly.PackfileNegotiationStatistics`. */
export const PACKFILE_NEGOTIATION_STATISTICS: MessageTable<
  PackfileNegotiationStatistics
> = {
  name: "gitaly.PackfileNegotiationStatistics",
  fields: [
    {
      number: 1,
      name: "payloadSize",
      protoName: "payload_size",
      type: "int64",
    },
    { number: 2, name: "packets", protoName: "packets", type: "int64" },
    {
      number: 3,
      name: "caps",
      protoName: "caps",
      type: "string",
      isRepeated: true,
    },
    { number: 4, name: "wants", protoName: "wants", type: "int64" },
    { number: 5, name: "haves", protoName: "haves", type: "int64" },
    { number: 6, name: "shallows", protoName: "shallows", type: "int64" },
    { number: 7, name: "deepen", protoName: "deepen", type: "string" },
    { number: 8, name: "filter", protoName: "filter", type: "string" },
  ],
  make: () => ({
    payloadSize: 0,
    packets: 0,
    caps: [],
    wants: 0,
    haves: 0,
    shallows: 0,
    deepen: "",
    filter: "",
  }),
};
