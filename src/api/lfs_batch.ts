/**
 * LFS batch requests and answers. Pure.
 * Source: Git LFS, docs/api/batch.md; GitLab Shell 14.56.1, lfstransfer client.
 * @module
 */
import { ProtocolError } from "../core/errors.ts";
import { stringifyGoJson } from "../core/go_text.ts";
import { readFields, toInteger, toText, toTextMap } from "./go_fields.ts";
import { JsonNumber, type JsonValue, parseFirstJson } from "./go_json.ts";

/** Which way objects go. */
export type LfsOperation = "download" | "upload";

/** One object by name and size; sizes may be beyond what a number holds. */
export interface LfsObject {
  readonly oid: string;
  readonly size: bigint;
}

/** Where an object is, and what opens the door. */
export interface LfsAction {
  readonly href: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What is to be done about one object; nothing where there is no action. */
export interface LfsBatchObject extends LfsObject {
  readonly action: LfsAction | undefined;
}

/** What is asked about many objects at once. */
export interface LfsBatch {
  readonly operation: LfsOperation;
  readonly objects: readonly LfsObject[];
  /** Full name of a ref; empty for none. */
  readonly refname: string;
  /** Empty if the client named none. */
  readonly hashAlgo: string;
}

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** The JSON text of a batch, in Go's order. */
export function encodeBatch(batch: LfsBatch): string {
  const { operation, objects, refname, hashAlgo } = batch;
  const parts = objects.map(({ oid, size }) =>
    oid === ""
      ? `{"size":${size}}`
      : `{"oid":${stringifyGoJson(oid)},"size":${size}}`
  );
  const ref = stringifyGoJson(refname === "" ? {} : { name: refname });
  const algo = hashAlgo === ""
    ? ""
    : `,"hash_algo":${stringifyGoJson(hashAlgo)}`;
  return `{"operation":"${operation}","objects":[${parts.join(",")}],` +
    `"ref":${ref}${algo}}`;
}

/**
 * Reads an answer. An error of a single object counts as nothing to be done,
 * as it does for the reference; its client then reports the object missing.
 * @throws {ProtocolError} If it is not what a batch is answered with.
 */
export function decodeBatch(
  body: Uint8Array,
  operation: LfsOperation,
): LfsBatchObject[] {
  let objects: LfsBatchObject[] = [];
  readFields(parseFirstJson(body), {
    objects: (value) => objects = readArray(value, operation),
  });
  return objects;
}

/** Reads Go's int64. @throws {ProtocolError} If it is none. */
export function toInt64(value: JsonValue): bigint {
  if (value instanceof JsonNumber && /^-?[0-9]{1,19}$/.test(value.text)) {
    const number = BigInt(value.text);
    if (number >= INT64_MIN && number <= INT64_MAX) return number;
  }
  throw new ProtocolError("Field is not an integer of 64 bits", 0);
}

function readArray(
  value: JsonValue,
  operation: LfsOperation,
): LfsBatchObject[] {
  if (!Array.isArray(value)) throw new ProtocolError("Field is no array", 0);
  return value.map((item: JsonValue) => readObject(item, operation));
}

function readObject(value: JsonValue, operation: LfsOperation): LfsBatchObject {
  // The reference crashes on it.
  if (value === null) throw new ProtocolError("Object is null", 0);
  let oid = "";
  let size = 0n;
  const actions = new Map<string, LfsAction>();
  readFields(value, {
    oid: (member) => oid = toText(member),
    size: (member) => size = toInt64(member),
    actions: (member) =>
      readFields(member, {
        download: (action) => actions.set("download", readAction(action)),
        upload: (action) => actions.set("upload", readAction(action)),
      }),
  });
  return { oid, size, action: actions.get(operation) };
}

function readAction(value: JsonValue): LfsAction {
  let href = "";
  let headers: Record<string, string> = {};
  readFields(value, {
    href: (member) => href = toText(member),
    header: (member) => headers = toTextMap(member),
    expires_in: (member) => void toInteger(member),
  });
  return { href, headers };
}
