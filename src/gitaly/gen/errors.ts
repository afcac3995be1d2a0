// Written by `deno task gen` from proto/errors.proto. Do not edit.
/**
 * Messages of `proto/errors.proto`: their types and field tables.
 * @module
 */
import type { MessageTable } from "../protobuf/message_table.ts";
import { DURATION, type Duration } from "./well_known.ts";

/** `gitaly.LimitError`. The call was turned away because of a limit. */
export interface LimitError {
  readonly errorMessage: string;
  /** Zero or absent: do not try again. */
  readonly retryAfter: Duration | undefined;
}

/** Fields of `gitaly.LimitError`. */
export const LIMIT_ERROR: MessageTable<LimitError> = {
  name: "gitaly.LimitError",
  fields: [
    {
      number: 1,
      name: "errorMessage",
      protoName: "error_message",
      type: "string",
    },
    {
      number: 2,
      name: "retryAfter",
      protoName: "retry_after",
      type: "message",
      message: DURATION,
    },
  ],
  make: () => ({ errorMessage: "", retryAfter: undefined }),
};

/** `gitaly.AccessCheckError`. GitLab's access check refused the change. */
export interface AccessCheckError {
  readonly errorMessage: string;
  readonly protocol: string;
  readonly userId: string;
  readonly changes: Uint8Array;
}

/** Fields of `gitaly.AccessCheckError`. */
export const ACCESS_CHECK_ERROR: MessageTable<AccessCheckError> = {
  name: "gitaly.AccessCheckError",
  fields: [
    {
      number: 1,
      name: "errorMessage",
      protoName: "error_message",
      type: "string",
    },
    { number: 2, name: "protocol", protoName: "protocol", type: "string" },
    { number: 3, name: "userId", protoName: "user_id", type: "string" },
    { number: 4, name: "changes", protoName: "changes", type: "bytes" },
  ],
  make: () => ({
    errorMessage: "",
    protocol: "",
    userId: "",
    changes: new Uint8Array(0),
  }),
};

/** `gitaly.CustomHookError`. A custom hook failed. */
export interface CustomHookError {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly hookType: number;
}

/** Fields of `gitaly.CustomHookError`. */
export const CUSTOM_HOOK_ERROR: MessageTable<CustomHookError> = {
  name: "gitaly.CustomHookError",
  fields: [
    { number: 1, name: "stdout", protoName: "stdout", type: "bytes" },
    { number: 2, name: "stderr", protoName: "stderr", type: "bytes" },
    { number: 3, name: "hookType", protoName: "hook_type", type: "enum" },
  ],
  make: () => ({
    stdout: new Uint8Array(0),
    stderr: new Uint8Array(0),
    hookType: 0,
  }),
};

/** `gitaly.ReferenceUpdateError`. */
export interface ReferenceUpdateError {
  readonly referenceName: Uint8Array;
  readonly oldOid: string;
  readonly newOid: string;
}

/** Fields of `gitaly.ReferenceUpdateError`. */
export const REFERENCE_UPDATE_ERROR: MessageTable<ReferenceUpdateError> = {
  name: "gitaly.ReferenceUpdateError",
  fields: [
    {
      number: 1,
      name: "referenceName",
      protoName: "reference_name",
      type: "bytes",
    },
    { number: 2, name: "oldOid", protoName: "old_oid", type: "string" },
    { number: 3, name: "newOid", protoName: "new_oid", type: "string" },
  ],
  make: () => ({ referenceName: new Uint8Array(0), oldOid: "", newOid: "" }),
};

/** `gitaly.ReferencesLockedError`. */
export interface ReferencesLockedError {
  readonly refs: readonly Uint8Array[];
}

/** Fields of `gitaly.ReferencesLockedError`. */
export const REFERENCES_LOCKED_ERROR: MessageTable<ReferencesLockedError> = {
  name: "gitaly.ReferencesLockedError",
  fields: [
    {
      number: 1,
      name: "refs",
      protoName: "refs",
      type: "bytes",
      isRepeated: true,
    },
  ],
  make: () => ({ refs: [] }),
};

/** `gitaly.ReferenceExistsError`. */
export interface ReferenceExistsError {
  readonly referenceName: Uint8Array;
  readonly oid: string;
}

/** Fields of `gitaly.ReferenceExistsError`. */
export const REFERENCE_EXISTS_ERROR: MessageTable<ReferenceExistsError> = {
  name: "gitaly.ReferenceExistsError",
  fields: [
    {
      number: 1,
      name: "referenceName",
      protoName: "reference_name",
      type: "bytes",
    },
    { number: 2, name: "oid", protoName: "oid", type: "string" },
  ],
  make: () => ({ referenceName: new Uint8Array(0), oid: "" }),
};

/** `gitaly.ReferenceNotFoundError`. */
export interface ReferenceNotFoundError {
  readonly referenceName: Uint8Array;
}

/** Fields of `gitaly.ReferenceNotFoundError`. */
export const REFERENCE_NOT_FOUND_ERROR: MessageTable<ReferenceNotFoundError> = {
  name: "gitaly.ReferenceNotFoundError",
  fields: [
    {
      number: 1,
      name: "referenceName",
      protoName: "reference_name",
      type: "bytes",
    },
  ],
  make: () => ({ referenceName: new Uint8Array(0) }),
};

/** `gitaly.ReferenceStateMismatchError`. */
export interface ReferenceStateMismatchError {
  readonly referenceName: Uint8Array;
  readonly expectedObjectId: Uint8Array;
  readonly actualObjectId: Uint8Array;
}

/** Fields of `gitaly.ReferenceStateMismatchError`. */
export const REFERENCE_STATE_MISMATCH_ERROR: MessageTable<
  ReferenceStateMismatchError
> = {
  name: "gitaly.ReferenceStateMismatchError",
  fields: [
    {
      number: 1,
      name: "referenceName",
      protoName: "reference_name",
      type: "bytes",
    },
    {
      number: 2,
      name: "expectedObjectId",
      protoName: "expected_object_id",
      type: "bytes",
    },
    {
      number: 3,
      name: "actualObjectId",
      protoName: "actual_object_id",
      type: "bytes",
    },
  ],
  make: () => ({
    referenceName: new Uint8Array(0),
    expectedObjectId: new Uint8Array(0),
    actualObjectId: new Uint8Array(0),
  }),
};

/** `gitaly.InvalidRefFormatError`. */
export interface InvalidRefFormatError {
  readonly refs: readonly Uint8Array[];
}

/** Fields of `gitaly.InvalidRefFormatError`. */
export const INVALID_REF_FORMAT_ERROR: MessageTable<InvalidRefFormatError> = {
  name: "gitaly.InvalidRefFormatError",
  fields: [
    {
      number: 2,
      name: "refs",
      protoName: "refs",
      type: "bytes",
      isRepeated: true,
    },
  ],
  make: () => ({ refs: [] }),
};

/** `gitaly.PathError`. */
export interface PathError {
  readonly path: Uint8Array;
  readonly errorType: number;
}

/** Fields of `gitaly.PathError`. */
export const PATH_ERROR: MessageTable<PathError> = {
  name: "gitaly.PathError",
  fields: [
    { number: 1, name: "path", protoName: "path", type: "bytes" },
    { number: 2, name: "errorType", protoName: "error_type", type: "enum" },
  ],
  make: () => ({ path: new Uint8Array(0), errorType: 0 }),
};

/** `gitaly.PathNotFoundError`. */
export interface PathNotFoundError {
  readonly path: Uint8Array;
}

/** Fields of `gitaly.PathNotFoundError`. */
export const PATH_NOT_FOUND_ERROR: MessageTable<PathNotFoundError> = {
  name: "gitaly.PathNotFoundError",
  fields: [
    { number: 1, name: "path", protoName: "path", type: "bytes" },
  ],
  make: () => ({ path: new Uint8Array(0) }),
};

/** `gitaly.ResolveRevisionError`. */
export interface ResolveRevisionError {
  readonly revision: Uint8Array;
}

/** Fields of `gitaly.ResolveRevisionError`. */
export const RESOLVE_REVISION_ERROR: MessageTable<ResolveRevisionError> = {
  name: "gitaly.ResolveRevisionError",
  fields: [
    { number: 1, name: "revision", protoName: "revision", type: "bytes" },
  ],
  make: () => ({ revision: new Uint8Array(0) }),
};

/** `gitaly.BadObjectError`. */
export interface BadObjectError {
  readonly badOid: Uint8Array;
}

/** Fields of `gitaly.BadObjectError`. */
export const BAD_OBJECT_ERROR: MessageTable<BadObjectError> = {
  name: "gitaly.BadObjectError",
  fields: [
    { number: 1, name: "badOid", protoName: "bad_oid", type: "bytes" },
  ],
  make: () => ({ badOid: new Uint8Array(0) }),
};

/** `gitaly.AmbiguousReferenceError`. */
export interface AmbiguousReferenceError {
  readonly reference: Uint8Array;
}

/** Fields of `gitaly.AmbiguousReferenceError`. */
export const AMBIGUOUS_REFERENCE_ERROR: MessageTable<AmbiguousReferenceError> =
  {
    name: "gitaly.AmbiguousReferenceError",
    fields: [
      { number: 1, name: "reference", protoName: "reference", type: "bytes" },
    ],
    make: () => ({ reference: new Uint8Array(0) }),
  };

/** `gitaly.RemoteNotFoundError`. */
export type RemoteNotFoundError = Readonly<Record<never, never>>;

/** Fields of `gitaly.RemoteNotFoundError`. */
export const REMOTE_NOT_FOUND_ERROR: MessageTable<RemoteNotFoundError> = {
  name: "gitaly.RemoteNotFoundError",
  fields: [],
  make: () => ({}),
};

/** `gitaly.ChangesAlreadyAppliedError`. */
export type ChangesAlreadyAppliedError = Readonly<Record<never, never>>;

/** Fields of `gitaly.ChangesAlreadyAppliedError`. */
export const CHANGES_ALREADY_APPLIED_ERROR: MessageTable<
  ChangesAlreadyAppliedError
> = {
  name: "gitaly.ChangesAlreadyAppliedError",
  fields: [],
  make: () => ({}),
};
