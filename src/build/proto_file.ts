/**
 * The project's .proto files as values: declarations as protobufjs parses
 * them, and fields whose types are found. For the generator alone.
 * @module
 */
import { createRequire } from "node:module";

const PROTO_FOLDER = new URL("../../proto/", import.meta.url);
/** Types of protobuf that the codecs know; all else must be a message. */
const SCALARS: ReadonlySet<string> = new Set([
  "string",
  "bytes",
  "int32",
  "int64",
  "enum",
]);

/** What protobufjs makes of .proto text, as far as it is looked at here. */
export interface Declaration {
  readonly comment?: string | null;
  readonly nested?: Readonly<Record<string, Declaration>>;
  readonly fields?: Readonly<Record<string, FieldDeclaration>>;
  readonly methods?: Readonly<Record<string, MethodDeclaration>>;
  readonly values?: Readonly<Record<string, number>>;
  readonly oneofs?: unknown;
}
/** One field as declared. */
export interface FieldDeclaration {
  readonly comment?: string | null;
  readonly type: string;
  readonly id: number;
  readonly rule?: string;
  readonly keyType?: string;
  readonly options?: unknown;
}
/** One method as declared. */
export interface MethodDeclaration {
  readonly comment?: string | null;
  readonly requestType: string;
  readonly responseType: string;
  readonly requestStream?: boolean;
  readonly responseStream?: boolean;
}
interface Root {
  toJSON(options?: { keepComments: boolean }): Declaration;
}
interface ProtobufModule {
  readonly Root: new () => Root;
  parse(source: string, root: Root, options: ParseOptions): ParsedFile;
}
interface ParseOptions {
  readonly keepCase: boolean;
  readonly alternateCommentMode: boolean;
}
interface ParsedFile {
  readonly package: string;
  readonly imports?: readonly string[];
}

/** One .proto file. */
export interface ProtoFile {
  /** `ssh` of `ssh.proto`. */
  readonly name: string;
  readonly package: string;
  readonly imports: readonly string[];
  readonly declarations: Readonly<Record<string, Declaration>>;
}

/** All .proto files, apart and merged. */
export interface ParsedFolder {
  readonly files: readonly ProtoFile[];
  /** The form that `fromJSON` of @grpc/proto-loader takes. */
  readonly merged: Declaration;
}

/** A field with its type found. */
export interface Field {
  readonly declaration: FieldDeclaration;
  readonly protoName: string;
  /** `string`, `bytes`, `int32`, `int64`, `enum` or `message`. */
  readonly type: string;
  /** Name of a message type: `Repository`. */
  readonly message: string;
}

/**
 * Parses every .proto file.
 * @returns The files, and all of them merged into one description.
 */
export async function parseProtoFiles(): Promise<ParsedFolder> {
  const protobuf = loadProtobuf();
  const merged = new protobuf.Root();
  const files: ProtoFile[] = [];
  for (const name of await listProtoNames()) {
    const url = new URL(`${name}.proto`, PROTO_FOLDER);
    const source = await Deno.readTextFile(url);
    // The merged form keeps the default spelling, lowerCamelCase.
    protobuf.parse(source, merged, {
      keepCase: false,
      alternateCommentMode: true,
    });
    files.push(parseProto(protobuf, name, source));
  }
  return { files, merged: merged.toJSON() };
}

/** The parser that @grpc/proto-loader brings along; it exports no way to it. */
function loadProtobuf(): ProtobufModule {
  const require = createRequire(import.meta.resolve("@grpc/proto-loader"));
  return require("protobufjs");
}

async function listProtoNames(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(PROTO_FOLDER)) {
    if (name.endsWith(".proto")) names.push(name.slice(0, -".proto".length));
  }
  return names.sort();
}

function parseProto(
  protobuf: ProtobufModule,
  name: string,
  source: string,
): ProtoFile {
  const root = new protobuf.Root();
  const parsed = protobuf.parse(source, root, {
    keepCase: true,
    alternateCommentMode: true,
  });
  let at = root.toJSON({ keepComments: true });
  for (const part of parsed.package.split(".")) at = at.nested?.[part] ?? {};
  return {
    name,
    package: parsed.package,
    imports: (parsed.imports ?? []).map((file) => file.replace(".proto", "")),
    declarations: at.nested ?? {},
  };
}

/**
 * Finds the type of every field of a message, by number.
 * @param visible The file of the message and those that it imports.
 * @throws {Error} If a field is of a kind that the codecs do not know.
 */
export function findFields(
  declaration: Declaration,
  visible: readonly ProtoFile[],
): Field[] {
  if (declaration.oneofs) throw new Error("Cannot write a oneof");
  const fields: Field[] = [];
  for (const [protoName, field] of Object.entries(declaration.fields ?? {})) {
    const plain = isPlain(field);
    if (!plain) throw new Error(`Cannot write field ${protoName}`);
    const isEnum = declaration.nested?.[field.type]?.values !== undefined;
    const type = isEnum ? "enum" : field.type;
    const message = SCALARS.has(type) ? "" : findMessage(type, visible);
    fields.push({
      declaration: field,
      protoName,
      type: message ? "message" : type,
      message,
    });
  }
  return fields.sort((a, b) => a.declaration.id - b.declaration.id);
}

/** Maps, options and packed numbers are refused: the codecs have no use for them. */
function isPlain({ keyType, options, rule, type }: FieldDeclaration): boolean {
  return !keyType && !options &&
    !(rule === "repeated" && /^(?!string|bytes)[a-z0-9]+$/.test(type));
}

function findMessage(type: string, visible: readonly ProtoFile[]): string {
  for (const proto of visible) {
    const name = type.startsWith(`${proto.package}.`)
      ? type.slice(proto.package.length + 1)
      : type;
    if (proto.declarations[name]?.fields) return name;
  }
  throw new Error(`Cannot find type ${type}`);
}
