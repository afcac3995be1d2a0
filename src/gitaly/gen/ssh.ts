// Written by `deno task gen` from proto/ssh.proto. Do not edit.
/**
 * Messages of `proto/ssh.proto`: their types and field tables.
 * @module
 */
import type { MessageTable, RpcTable } from "../protobuf/message_table.ts";
import {
  EXIT_STATUS,
  type ExitStatus,
  PACKFILE_NEGOTIATION_STATISTICS,
  type PackfileNegotiationStatistics,
  REPOSITORY,
  type Repository,
} from "./shared.ts";

/** `gitaly.SSHUploadPackRequest`. The first one has everything but "stdin", later ones "stdin" alone. */
export interface SshUploadPackRequest {
  readonly repository: Repository | undefined;
  readonly stdin: Uint8Array;
  readonly gitConfigOptions: readonly string[];
  readonly gitProtocol: string;
}

/** Fields of `gitaly.SSHUploadPackRequest`. */
export const SSH_UPLOAD_PACK_REQUEST: MessageTable<SshUploadPackRequest> = {
  name: "gitaly.SSHUploadPackRequest",
  fields: [
    {
      number: 1,
      name: "repository",
      protoName: "repository",
      type: "message",
      message: REPOSITORY,
    },
    { number: 2, name: "stdin", protoName: "stdin", type: "bytes" },
    {
      number: 4,
      name: "gitConfigOptions",
      protoName: "git_config_options",
      type: "string",
      isRepeated: true,
    },
    {
      number: 5,
      name: "gitProtocol",
      protoName: "git_protocol",
      type: "string",
    },
  ],
  make: () => ({
    repository: undefined,
    stdin: new Uint8Array(0),
    gitConfigOptions: [],
    gitProtocol: "",
  }),
};

/** `gitaly.SSHUploadPackResponse`. */
export interface SshUploadPackResponse {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly exitStatus: ExitStatus | undefined;
}

/** Fields of `gitaly.SSHUploadPackResponse`. */
export const SSH_UPLOAD_PACK_RESPONSE: MessageTable<SshUploadPackResponse> = {
  name: "gitaly.SSHUploadPackResponse",
  fields: [
    { number: 1, name: "stdout", protoName: "stdout", type: "bytes" },
    { number: 2, name: "stderr", protoName: "stderr", type: "bytes" },
    {
      number: 3,
      name: "exitStatus",
      protoName: "exit_status",
      type: "message",
      message: EXIT_STATUS,
    },
  ],
  make: () => ({
    stdout: new Uint8Array(0),
    stderr: new Uint8Array(0),
    exitStatus: undefined,
  }),
};

/** `gitaly.SSHUploadPackWithSidechannelRequest`. */
export interface SshUploadPackWithSidechannelRequest {
  readonly repository: Repository | undefined;
  readonly gitConfigOptions: readonly string[];
  readonly gitProtocol: string;
}

/** Fields of `gitaly.SSHUploadPackWithSidechannelRequest`. */
export const SSH_UPLOAD_PACK_WITH_SIDECHANNEL_REQUEST: MessageTable<
  SshUploadPackWithSidechannelRequest
> = {
  name: "gitaly.SSHUploadPackWithSidechannelRequest",
  fields: [
    {
      number: 1,
      name: "repository",
      protoName: "repository",
      type: "message",
      message: REPOSITORY,
    },
    {
      number: 2,
      name: "gitConfigOptions",
      protoName: "git_config_options",
      type: "string",
      isRepeated: true,
    },
    {
      number: 3,
      name: "gitProtocol",
      protoName: "git_protocol",
      type: "string",
    },
  ],
  make: () => ({
    repository: undefined,
    gitConfigOptions: [],
    gitProtocol: "",
  }),
};

/** `gitaly.SSHUploadPackWithSidechannelResponse`. */
export interface SshUploadPackWithSidechannelResponse {
  /** Since Gitaly 16.1; may be absent at any time. */
  readonly packfileNegotiationStatistics:
    | PackfileNegotiationStatistics
    | undefined;
}

/** Fields of `gitaly.SSHUploadPackWithSidechannelResponse`. */
export const SSH_UPLOAD_PACK_WITH_SIDECHANNEL_RESPONSE: MessageTable<
  SshUploadPackWithSidechannelResponse
> = {
  name: "gitaly.SSHUploadPackWithSidechannelResponse",
  fields: [
    {
      number: 1,
      name: "packfileNegotiationStatistics",
      protoName: "packfile_negotiation_statistics",
      type: "message",
      message: PACKFILE_NEGOTIATION_STATISTICS,
    },
  ],
  make: () => ({ packfileNegotiationStatistics: undefined }),
};

/** `gitaly.SSHReceivePackRequest`. The first one has everything but "stdin", later ones "stdin" alone. */
export interface SshReceivePackRequest {
  readonly repository: Repository | undefined;
  readonly stdin: Uint8Array;
  /** Gitaly refuses an empty one. */
  readonly glId: string;
  readonly glRepository: string;
  readonly glUsername: string;
  readonly gitProtocol: string;
  readonly gitConfigOptions: readonly string[];
}

/** Fields of `gitaly.SSHReceivePackRequest`. */
export const SSH_RECEIVE_PACK_REQUEST: MessageTable<SshReceivePackRequest> = {
  name: "gitaly.SSHReceivePackRequest",
  fields: [
    {
      number: 1,
      name: "repository",
      protoName: "repository",
      type: "message",
      message: REPOSITORY,
    },
    { number: 2, name: "stdin", protoName: "stdin", type: "bytes" },
    { number: 3, name: "glId", protoName: "gl_id", type: "string" },
    {
      number: 4,
      name: "glRepository",
      protoName: "gl_repository",
      type: "string",
    },
    { number: 5, name: "glUsername", protoName: "gl_username", type: "string" },
    {
      number: 6,
      name: "gitProtocol",
      protoName: "git_protocol",
      type: "string",
    },
    {
      number: 7,
      name: "gitConfigOptions",
      protoName: "git_config_options",
      type: "string",
      isRepeated: true,
    },
  ],
  make: () => ({
    repository: undefined,
    stdin: new Uint8Array(0),
    glId: "",
    glRepository: "",
    glUsername: "",
    gitProtocol: "",
    gitConfigOptions: [],
  }),
};

/** `gitaly.SSHReceivePackResponse`. */
export interface SshReceivePackResponse {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly exitStatus: ExitStatus | undefined;
}

/** Fields of `gitaly.SSHReceivePackResponse`. */
export const SSH_RECEIVE_PACK_RESPONSE: MessageTable<SshReceivePackResponse> = {
  name: "gitaly.SSHReceivePackResponse",
  fields: [
    { number: 1, name: "stdout", protoName: "stdout", type: "bytes" },
    { number: 2, name: "stderr", protoName: "stderr", type: "bytes" },
    {
      number: 3,
      name: "exitStatus",
      protoName: "exit_status",
      type: "message",
      message: EXIT_STATUS,
    },
  ],
  make: () => ({
    stdout: new Uint8Array(0),
    stderr: new Uint8Array(0),
    exitStatus: undefined,
  }),
};

/** `gitaly.SSHUploadArchiveRequest`. The first one has the repository alone, later ones "stdin" alone. */
export interface SshUploadArchiveRequest {
  readonly repository: Repository | undefined;
  readonly stdin: Uint8Array;
}

/** Fields of `gitaly.SSHUploadArchiveRequest`. */
export const SSH_UPLOAD_ARCHIVE_REQUEST: MessageTable<SshUploadArchiveRequest> =
  {
    name: "gitaly.SSHUploadArchiveRequest",
    fields: [
      {
        number: 1,
        name: "repository",
        protoName: "repository",
        type: "message",
        message: REPOSITORY,
      },
      { number: 2, name: "stdin", protoName: "stdin", type: "bytes" },
    ],
    make: () => ({ repository: undefined, stdin: new Uint8Array(0) }),
  };

/** `gitaly.SSHUploadArchiveResponse`. */
export interface SshUploadArchiveResponse {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly exitStatus: ExitStatus | undefined;
}

/** Fields of `gitaly.SSHUploadArchiveResponse`. */
export const SSH_UPLOAD_ARCHIVE_RESPONSE: MessageTable<
  SshUploadArchiveResponse
> = {
  name: "gitaly.SSHUploadArchiveResponse",
  fields: [
    { number: 1, name: "stdout", protoName: "stdout", type: "bytes" },
    { number: 2, name: "stderr", protoName: "stderr", type: "bytes" },
    {
      number: 3,
      name: "exitStatus",
      protoName: "exit_status",
      type: "message",
      message: EXIT_STATUS,
    },
  ],
  make: () => ({
    stdout: new Uint8Array(0),
    stderr: new Uint8Array(0),
    exitStatus: undefined,
  }),
};

/** Serves a fetch until Gitaly 17.7; packs travel in the stream. */
export const SSH_UPLOAD_PACK: RpcTable<
  SshUploadPackRequest,
  SshUploadPackResponse
> = {
  path: "/gitaly.SSHService/SSHUploadPack",
  request: SSH_UPLOAD_PACK_REQUEST,
  response: SSH_UPLOAD_PACK_RESPONSE,
  isUnary: false,
};

/** Serves a fetch since Gitaly 14.7; packs travel in a sidechannel. */
export const SSH_UPLOAD_PACK_WITH_SIDECHANNEL: RpcTable<
  SshUploadPackWithSidechannelRequest,
  SshUploadPackWithSidechannelResponse
> = {
  path: "/gitaly.SSHService/SSHUploadPackWithSidechannel",
  request: SSH_UPLOAD_PACK_WITH_SIDECHANNEL_REQUEST,
  response: SSH_UPLOAD_PACK_WITH_SIDECHANNEL_RESPONSE,
  isUnary: true,
};

/** Serves a push. */
export const SSH_RECEIVE_PACK: RpcTable<
  SshReceivePackRequest,
  SshReceivePackResponse
> = {
  path: "/gitaly.SSHService/SSHReceivePack",
  request: SSH_RECEIVE_PACK_REQUEST,
  response: SSH_RECEIVE_PACK_RESPONSE,
  isUnary: false,
};

/** Serves "git archive --remote". */
export const SSH_UPLOAD_ARCHIVE: RpcTable<
  SshUploadArchiveRequest,
  SshUploadArchiveResponse
> = {
  path: "/gitaly.SSHService/SSHUploadArchive",
  request: SSH_UPLOAD_ARCHIVE_REQUEST,
  response: SSH_UPLOAD_ARCHIVE_RESPONSE,
  isUnary: false,
};
