/**
 * Turns proto/*.proto into src/gitaly/gen/: types and field tables for the
 * codecs, one file per .proto file, and the descriptor from which a gRPC
 * server of the development stack or of a test starts without parsing.
 *
 * Run by `deno task gen` and by the build; a test checks that what lies in
 * src/gitaly/gen/ is what this writes.
 * @module
 */
import {
  type Field,
  findFields,
  type MethodDeclaration,
  parseProtoFiles,
  type ProtoFile,
} from "./proto_file.ts";

const GEN_FOLDER = new URL("../gitaly/gen/", import.meta.url);
const DESCRIPTOR_FILE = "descriptor.ts";
/** As the generated files see it. */
const TABLE_MODULE = "../protobuf/message_table.ts";
/** Types of protobuf that the codecs know, with their type and default here. */
const SCALARS: ReadonlyMap<string, readonly [type: string, zero: string]> =
  new Map([
    ["string", ["string", '""']],
    ["bytes", ["Uint8Array", "new Uint8Array(0)"]],
    ["int32", ["number", "0"]],
    ["int64", ["number", "0"]],
    ["enum", ["number", "0"]],
  ]);

/**
 * Writes every generated file, and removes those that no .proto file has left.
 * @throws {Error} If a .proto file uses what the codecs do not know.
 */
export async function saveGenerated(): Promise<void> {
  const files = await generate();
  await Deno.mkdir(GEN_FOLDER, { recursive: true });
  for await (const { name } of Deno.readDir(GEN_FOLDER)) {
    if (!files.has(name)) await Deno.remove(new URL(name, GEN_FOLDER));
  }
  for (const [name, text] of files) {
    await Deno.writeTextFile(new URL(name, GEN_FOLDER), text);
  }
}

/**
 * Makes the text of every generated file, formatted.
 * @returns File names below src/gitaly/gen/ and their contents.
 * @throws {Error} If a .proto file uses what the codecs do not know.
 */
export async function generate(): Promise<ReadonlyMap<string, string>> {
  const { files: protos, merged } = await parseProtoFiles();
  const files = new Map<string, string>();
  for (const proto of protos) {
    files.set(`${proto.name}.ts`, await format(writeModule(proto, protos)));
  }
  const json = JSON.stringify(merged, null, 2);
  files.set(DESCRIPTOR_FILE, await format(writeDescriptor(json)));
  return files;
}

function writeModule(proto: ProtoFile, protos: readonly ProtoFile[]): string {
  const visible = protos.filter(({ name }) =>
    name === proto.name || proto.imports.includes(name)
  );
  const body: string[] = [];
  const services: string[] = [];
  for (const [name, declaration] of Object.entries(proto.declarations)) {
    if (declaration.fields) {
      body.push(writeMessage(name, proto, findFields(declaration, visible)));
    } else if (declaration.methods) {
      services.push(writeService(name, proto, declaration.methods));
    } else throw new Error(`Cannot write ${name} of ${proto.name}.proto`);
  }
  const text = [...body, ...services].join("\n\n");
  const tables = text.includes("RpcTable<")
    ? "MessageTable, RpcTable"
    : "MessageTable";
  return `${head(`${proto.name}.proto`)}
/**
 * Messages of \`proto/${proto.name}.proto\`: their types and field tables.
 * @module
 */
import type { ${tables} } from "${TABLE_MODULE}";
${writeImports(proto, visible, text)}

${text}
`;
}

function writeImports(
  proto: ProtoFile,
  visible: readonly ProtoFile[],
  text: string,
): string {
  const lines: string[] = [];
  for (const { name, declarations } of visible) {
    if (name === proto.name) continue;
    const names: string[] = [];
    for (const message of Object.keys(declarations)) {
      if (text.includes(`message: ${constantName(message)} `)) {
        names.push(constantName(message), `type ${typeName(message)}`);
      }
    }
    if (names.length) lines.push(`import { ${names} } from "./${name}.ts";`);
  }
  return lines.join("\n");
}

function writeMessage(
  name: string,
  proto: ProtoFile,
  fields: readonly Field[],
): string {
  const fullName = `${proto.package}.${name}`;
  const comment = proto.declarations[name]?.comment;
  const members = fields.map((field) =>
    `${doc(field.declaration.comment)}readonly ${camelCase(field.protoName)}: ${
      memberType(field)
    };`
  );
  const zeros = fields.map((field) =>
    `${camelCase(field.protoName)}: ${zeroOf(field)}`
  );
  // A message without fields is an interface without members, which lint
  // rightly dislikes; nothing can be read from it either way.
  const type = fields.length
    ? `export interface ${typeName(name)} {\n${members.join("\n")}\n}`
    : `export type ${typeName(name)} = Readonly<Record<never, never>>;`;
  return `${doc([`\`${fullName}\`.`, comment].filter(Boolean).join(" "))}${type}

/** Fields of \`${fullName}\`. */
export const ${constantName(name)}: MessageTable<${typeName(name)}> = {
  name: "${fullName}",
  fields: [${fields.map((field) => `\n    ${writeField(field)},`).join("")}],
  make: () => ({ ${zeros.join(", ")} }),
};`;
}

function memberType({ declaration, type, message }: Field): string {
  const single = SCALARS.get(type)?.[0] ?? typeName(message);
  if (declaration.rule === "repeated") return `readonly ${single}[]`;
  return message ? `${single} | undefined` : single;
}

function zeroOf({ declaration, type }: Field): string {
  if (declaration.rule === "repeated") return "[]";
  return SCALARS.get(type)?.[1] ?? "undefined";
}

function writeField(field: Field): string {
  const { declaration, protoName, type, message } = field;
  const parts = [
    `number: ${declaration.id}`,
    `name: "${camelCase(protoName)}"`,
    `protoName: "${protoName}"`,
    `type: "${type}"`,
  ];
  if (message) parts.push(`message: ${constantName(message)} `);
  if (declaration.rule === "repeated") parts.push("isRepeated: true");
  return `{ ${parts.join(", ")} }`;
}

function writeService(
  name: string,
  proto: ProtoFile,
  methods: Readonly<Record<string, MethodDeclaration>>,
): string {
  const texts = Object.entries(methods).map(([method, declaration]) => {
    const { requestType, responseType, comment } = declaration;
    const types = `${typeName(requestType)}, ${typeName(responseType)}`;
    const isUnary = !declaration.requestStream && !declaration.responseStream;
    return `${doc(comment)}export const ${
      constantName(method)
    }: RpcTable<${types}> = {
  path: "/${proto.package}.${name}/${method}",
  request: ${constantName(requestType)},
  response: ${constantName(responseType)},
  isUnary: ${isUnary},
};`;
  });
  return texts.join("\n\n");
}

function writeDescriptor(json: string): string {
  return `${head("*.proto")}
/**
 * Everything of \`proto/\` in the form that \`fromJSON\` of @grpc/proto-loader
 * takes. For servers of tests and of the development stack; no program that
 * ships reads it.
 * @module
 */

/** Namespaces, messages and services, fields in lowerCamelCase. */
export const GITALY_DESCRIPTOR = ${json};
`;
}

function head(source: string): string {
  return `// Written by \`deno task gen\` from proto/${source}. Do not edit.`;
}

function doc(comment: string | null | undefined): string {
  return comment ? `/** ${comment.replaceAll("\n", "\n * ")} */\n` : "";
}

/** `SSHReceivePack` to `Ssh`, `Receive`, `Pack`. */
function words(name: string): string[] {
  return name.match(/[A-Z]+(?![a-z])|[A-Z][a-z0-9]*/g) ?? [name];
}

function typeName(name: string): string {
  return words(name).map((word) =>
    word.slice(0, 1) + word.slice(1).toLowerCase()
  ).join("");
}

function constantName(name: string): string {
  return words(name).join("_").toUpperCase();
}

function camelCase(protoName: string): string {
  return protoName.replace(/_([a-z0-9])/g, (_, char) => char.toUpperCase());
}

async function format(text: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext=ts", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout } = await child.output();
  if (!success) throw new Error("Cannot format generated code");
  return new TextDecoder().decode(stdout);
}

if (import.meta.main) await saveGenerated();
