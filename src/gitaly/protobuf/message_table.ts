/**
 * Tables that the codecs work by: what a message's fields are called, how they
 * are numbered and of which type they are. The tables themselves are generated
 * into `../gen/`.
 * Source: Protocol Buffers, language guide (proto3).
 * @module
 */

/** Types of fields that our messages use. An enum is a plain number. */
export type ScalarType = "string" | "bytes" | "int32" | "int64" | "enum";

/** One field of a message. */
export type FieldTable = ScalarField | MessageField;

interface FieldName {
  /** Number on the wire, 1 or more. */
  readonly number: number;
  /** Name in our values and in JSON: `storageName`. */
  readonly name: string;
  /** Name in the .proto file, which JSON may use too: `storage_name`. */
  readonly protoName: string;
  readonly isRepeated?: true;
}

/** A field that holds text, bytes or a number. */
export interface ScalarField extends FieldName {
  readonly type: ScalarType;
}

/** A field that holds a message. */
export interface MessageField extends FieldName {
  readonly type: "message";
  readonly message: MessageTable<unknown>;
}

/** A message whose value in this program is a `T`. */
export interface MessageTable<T> {
  /** Full name: `gitaly.Repository`. */
  readonly name: string;
  /** In the order of their numbers. */
  readonly fields: readonly FieldTable[];
  /** A new message in which every field has its default. */
  readonly make: () => T;
}

/** One method of a service. */
export interface RpcTable<Request, Response> {
  /** `:path` of its calls: `/gitaly.SSHService/SSHReceivePack`. */
  readonly path: string;
  readonly request: MessageTable<Request>;
  readonly response: MessageTable<Response>;
  /** Whether one message goes out and one comes back. */
  readonly isUnary: boolean;
}
