import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { buildPrograms } from "../../src/build/build.ts";
import {
  FIXED_ENVIRONMENT,
  PROGRAM_LIBRARIES,
  type ProgramForm,
  type ProgramLibrary,
  PROGRAMS,
} from "../../src/build/programs.ts";
import { runProgram } from "../support/dist.ts";
import { makeTempDir } from "../support/temp_dir.ts";

const ROOT = Deno.realPathSync(new URL("../..", import.meta.url));
const METADATA_BYTES_MAX = 8 * 1024 * 1024;

async function build(folder: string, form: ProgramForm): Promise<void> {
  const made = await buildPrograms({
    root: ROOT,
    folder,
    form,
    print: () => {},
  });
  assertEquals(made, form);
}

/** Every file of ours by path, with its mode and the digest of its contents. */
async function listFiles(folder: string): Promise<string[]> {
  const lines: string[] = [];
  async function walk(path: string): Promise<void> {
    for await (const entry of Deno.readDir(`${folder}${path}`)) {
      const below = `${path}/${entry.name}`;
      if (entry.isDirectory) {
        await walk(below);
        continue;
      }
      // The runtime is copied as it is, and large.
      if (below === "/lib/deno") continue;
      // SQLite writes two random numbers into an index of nothing.
      if (below.endsWith("-shm")) continue;
      const bytes = await Deno.readFile(`${folder}${below}`);
      const digest = await crypto.subtle.digest("SHA-256", bytes);
      const { mode } = await Deno.stat(`${folder}${below}`);
      lines.push(`${below} ${mode} ${new Uint8Array(digest).toHex()}`);
    }
  }
  await walk("");
  return lines.toSorted();
}

async function withVariable(
  name: string,
  value: string,
  act: () => Promise<void>,
): Promise<void> {
  const before = Deno.env.get(name);
  Deno.env.set(name, value);
  try {
    await act();
  } finally {
    if (before === undefined) Deno.env.delete(name);
    else Deno.env.set(name, before);
  }
}

Deno.test("two builds of the portable form are the same bytes", async () => {
  using place = makeTempDir();
  await withVariable("SOURCE_DATE_EPOCH", "1788257472", async () => {
    await build(`${place.path}/one`, "portable");
    await build(`${place.path}/other`, "portable");
  });
  const files = await listFiles(`${place.path}/one`);
  assertEquals(files, await listFiles(`${place.path}/other`));
  for (const name of PROGRAMS.keys()) {
    assert(files.some((line) => line.startsWith(`/${name} `)), name);
  }
});

/** What the compiled form carries beside its files, as Deno wrote it. */
interface Metadata {
  argv: string[];
  code_cache_key: unknown;
  permissions: Record<string, unknown>;
  v8_flags: string[];
  env_vars_from_env_file: Record<string, string>;
}

async function readMetadata(path: string): Promise<Metadata> {
  using file = await Deno.open(path);
  const { size } = await file.stat();
  await file.seek(Math.max(0, size - METADATA_BYTES_MAX), Deno.SeekMode.Start);
  const bytes = new Uint8Array(METADATA_BYTES_MAX);
  let length = 0;
  for (let count; (count = await file.read(bytes.subarray(length)));) {
    length += count;
  }
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, length));
  const from = text.lastIndexOf('{"argv":');
  // The text that follows the JSON is not part of it; its end is found by
  // trying every closing brace.
  for (let to = text.indexOf("}}", from); to >= 0;) {
    const candidate = text.slice(from, to + 2);
    try {
      return JSON.parse(candidate);
    } catch {
      to = text.indexOf("}", to + 2) - 1;
    }
  }
  throw new RangeError(`Cannot find what was baked into ${path}`);
}

function expectedPermissions({ environment, hidden }: ProgramLibrary) {
  const granted = { allow_read: ["/"], allow_write: ["/"], allow_net: [] };
  const refused = { deny_run: [], deny_ffi: [], deny_sys: [], deny_import: [] };
  return {
    ...granted,
    ...refused,
    allow_env: environment,
    ignore_env: [],
    prompt: false,
    allow_run: null,
    allow_ffi: null,
    allow_sys: null,
    deny_read: hidden.length > 0 ? hidden : null,
    deny_write: null,
    deny_net: ["169.254.169.254", "[fd00:ec2::254]"],
    deny_env: null,
    ignore_read: null,
  };
}

Deno.test("the compiled form bakes in permissions, flags and program", async () => {
  using place = makeTempDir();
  const folder = `${place.path}/dist`;
  // Deno itself stands in for the base runtime, which need not be at hand:
  // what is made does not run, but everything that was baked in is in it.
  await withVariable(
    "DENORT_BIN",
    Deno.execPath(),
    () => build(folder, "compiled"),
  );
  for (const library of PROGRAM_LIBRARIES) {
    const metadata = await readMetadata(`${folder}/${library.name}`);
    const { allow_import: _, ...permissions } = metadata.permissions;
    assertEquals(permissions, expectedPermissions(library));
    assertEquals(metadata.code_cache_key, null);
    assertEquals(metadata.env_vars_from_env_file, FIXED_ENVIRONMENT);
    assert(
      metadata.v8_flags.includes("--disallow-code-generation-from-strings"),
    );
    assertEquals(metadata.argv.length, 1);
    assertStringIncludes(
      metadata.argv[0] ?? "",
      `${library.name}@`,
    );
  }
  const names = (await listFiles(folder)).map((line) => line.split(" ")[0]);
  assertEquals(
    names,
    [...PROGRAMS.keys()].map((name) => `/${name}`).toSorted(),
  );
});

for (const name of PROGRAMS.keys()) {
  Deno.test(`${name} starts from dist/`, async () => {
    const { stdout, stderr } = await runProgram(name, { args: ["-version"] });
    // gitaly-ssh has no such option; its complaint shows that it runs.
    assert(
      stdout.startsWith(`${name} `) || stderr.includes("level=error"),
      `${stdout}${stderr}`,
    );
  });
}
