/**
 * Bundles a library of programs: one entry file and the chunks that it loads
 * late, all of them plain ES modules that import nothing from elsewhere.
 * @module
 */
import { findImportFault, readChunkImports } from "./chunk_imports.ts";
import { PROGRAM_LIBRARIES, type ProgramLibrary } from "./programs.ts";

/** The one library whose programs may start with modules of Node. */
const NODE_LIBRARY = "gitlab-sshd";

/**
 * Parts that ssh2 uses when they are there. They are native code, which no
 * program may load, and the bundle would look for them in folders that are
 * not ours: so they are not there.
 */
const LEFT_OUT = ["cpu-features", "*.node"] as const;
const LEFT_OUT_CALL = /(?<![\w$.])[\w$]+\("(?:cpu-features|[^"]*\.node)"\)/g;
const ABSENT = '(()=>{throw new Error("not part of this program")})()';
/** Read by code that was made for Node, which has it in every file. */
const FOLDER_NAME = /(?<![\w$.])__dirname(?![\w$])/;

/**
 * Bundles one library.
 * @param root Folder of the repository.
 * @param folder Where the files go; `main.js` is the entry.
 * @throws {Error} If the bundler fails, or a file of its making would load
 * something that does not lie beside it.
 */
export async function bundleLibrary(
  library: ProgramLibrary,
  root: string,
  folder: string,
): Promise<void> {
  const foreign = foreignModules(library);
  await runBundler(library, { root, folder, foreign });
  const entry = library.entry.replace(/\.ts$/, ".js");
  await Deno.rename(`${folder}/${entry}`, `${folder}/main.js`);
  for await (const { name } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, adaptChunk(text));
  }
  const fault = findImportFault(await readChunkImports(folder), {
    foreign,
    mayStartWithNode: library.name === NODE_LIBRARY,
  });
  if (fault !== undefined) {
    throw new Error(`Cannot use the bundle of ${library.name}: ${fault}`);
  }
}

/**
 * Makes a chunk independent of the folders around it.
 * @example
 * ```ts
 * import { adaptChunk } from "./bundle.ts";
 * adaptChunk("let a=__dirname"); // 'var __dirname="/";let a=__dirname'
 * ```
 */
export function adaptChunk(text: string): string {
  const adapted = text.replaceAll(LEFT_OUT_CALL, ABSENT);
  return FOLDER_NAME.test(adapted) ? `var __dirname="/";${adapted}` : adapted;
}

/** Modules of programs that the entry names and other libraries carry. */
function foreignModules(library: ProgramLibrary): string[] {
  return PROGRAM_LIBRARIES.filter(({ name }) => name !== library.name)
    .flatMap(({ programs }) => programs.map(({ module }) => module));
}

async function runBundler(
  library: ProgramLibrary,
  { root, folder, foreign }: {
    root: string;
    folder: string;
    foreign: readonly string[];
  },
): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--quiet",
      "--frozen",
      "--minify",
      "--code-splitting",
      "--platform=deno",
      ...[...foreign, ...LEFT_OUT].map((name) => `--external=${name}`),
      `--outdir=${folder}`,
      library.entry,
    ],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) {
    const cause = new TextDecoder().decode(stderr).trim();
    throw new Error(`Cannot bundle ${library.name}: ${cause}`);
  }
}
