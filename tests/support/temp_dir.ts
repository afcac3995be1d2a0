/**
 * Folders that live as long as a test.
 * @module
 */

/** A folder that is removed with everything in it. */
export interface TempDir extends Disposable {
  readonly path: string;
}

/**
 * Makes a folder.
 * @param files Contents by name; a name may lead through folders.
 */
export function makeTempDir(
  files: Readonly<Record<string, string | Uint8Array>> = {},
): TempDir {
  const path = Deno.realPathSync(Deno.makeTempDirSync());
  for (const [name, content] of Object.entries(files)) {
    const file = `${path}/${name}`;
    Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    if (typeof content === "string") Deno.writeTextFileSync(file, content);
    else Deno.writeFileSync(file, content);
  }
  return {
    path,
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}
