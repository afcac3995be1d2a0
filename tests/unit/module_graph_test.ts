/**
 * What the programs that are started once per session load on their way: no
 * module of Node's, which costs as much as the program itself, no package that
 * is not bundled away, and no SSH or gRPC library. Modules that are loaded in
 * rare cases alone are not on that way.
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { PROGRAM_LIBRARIES } from "../../src/build/programs.ts";

const ROOT = new URL("../../", import.meta.url);
/** Loaded late, by every Git session or by every call of the API. */
const LATE = [
  "src/cli/gitaly_ssh.ts",
  "src/command/discover.ts",
  "src/command/git_service.ts",
  "src/command/lfs_authenticate.ts",
  "src/command/personal_access_token.ts",
  "src/command/receive_pack.ts",
  "src/command/two_factor_recover.ts",
  "src/command/two_factor_verify.ts",
  "src/command/upload_archive.ts",
  "src/command/upload_pack.ts",
  "src/api/internal_api.ts",
  "src/gitaly/gitaly_client.ts",
  "src/gitaly/http2/lean_carrier.ts",
  "src/gitaly/protobuf/json.ts",
  "src/gitaly/gen/ssh.ts",
];
const NOT_LOADED = /^node:|^npm:|\/grpc_js_|\/ssh\/|\/devstack\//;

interface ModuleInfo {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly isDynamic?: boolean;
    readonly code?: { readonly specifier?: string };
  }[];
}

async function readGraph(entry: string): Promise<Map<string, ModuleInfo>> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: ROOT,
    stderr: "null",
  }).output();
  assert(success, entry);
  const { modules } = JSON.parse(new TextDecoder().decode(stdout));
  return new Map(
    modules.map((info: ModuleInfo) => [info.specifier, info]),
  );
}

/** Everything that is there before the first statement of `root` runs. */
function closureOf(
  graph: ReadonlyMap<string, ModuleInfo>,
  root: string,
): string[] {
  const found = new Set([root]);
  // A set that grows while it is walked is walked to its new end.
  for (const specifier of found) {
    for (
      const { code, isDynamic } of graph.get(specifier)?.dependencies ?? []
    ) {
      if (code?.specifier && !isDynamic) found.add(code.specifier);
    }
  }
  return [...found];
}

const ONE_SHOT = PROGRAM_LIBRARIES.filter(({ isOneShot }) => isOneShot);
for (const entry of new Set(ONE_SHOT.map(({ entry }) => entry))) {
  Deno.test(`${entry} loads nothing slow on the way of a one-shot program`, async () => {
    const graph = await readGraph(entry);
    const programs = ONE_SHOT.filter((library) => library.entry === entry)
      .flatMap((library) => library.programs.map(({ module }) => module));
    const roots = [entry, ...programs, ...LATE]
      .map((path) => new URL(path, ROOT).href)
      .filter((root) => graph.has(root));
    // Each entry leads to its programs and to the way to Gitaly at least.
    assert(roots.length > programs.length + 4, `${roots.length} roots`);
    for (const root of roots) {
      const slow = closureOf(graph, root).filter((url) => NOT_LOADED.test(url));
      assertEquals(slow, [], root);
    }
  });
}

Deno.test("closureOf() follows what is loaded at once, and no more", () => {
  const graph = new Map<string, ModuleInfo>([
    ["a", {
      specifier: "a",
      dependencies: [
        { code: { specifier: "b" } },
        { code: { specifier: "c" }, isDynamic: true },
        {},
      ],
    }],
    ["b", { specifier: "b", dependencies: [{ code: { specifier: "a" } }] }],
  ]);
  assertEquals(closureOf(graph, "a"), ["a", "b"]);
});
