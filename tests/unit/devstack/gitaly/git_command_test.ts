import { assertEquals, assertThrows } from "@std/assert";
import {
  gitArguments,
  type GitCommandRequest,
  gitEnvironment,
  type GitRuntime,
} from "../../../../src/devstack/gitaly/git_command.ts";

const RUNTIME: GitRuntime = {
  program: "git",
  version: [2, 47],
  env: { PATH: "/bin", HOME: "/home/git", SECRET: "x", GIT_TRACE: "1" },
  configOptions: ["core.fsync=none"],
  cpuCount: 8,
};
const REQUEST: GitCommandRequest = {
  service: "upload-pack",
  repository: {
    storageName: "default",
    relativePath: "a.git",
    gitObjectDirectory: "",
    gitAlternateObjectDirectories: [],
    glRepository: "project-1",
    glProjectPath: "a/b",
  },
  path: "/s/a.git",
  configOptions: ["a.b=1", "transfer.hideRefs=!refs"],
  gitProtocol: "version=2",
  hooksPath: "/dev/null",
};

function optionsOf(args: readonly string[]): string[] {
  return args.filter((_, at) => args[at - 1] === "-c");
}

Deno.test("gitArguments() puts the request's options behind Gitaly's, and the operator's behind those", () => {
  const args = gitArguments(REQUEST, RUNTIME, "sha1");
  assertEquals(args.slice(0, 2), ["--git-dir", "/s/a.git"]);
  assertEquals(args.slice(-3), ["upload-pack", "--end-of-options", "/s/a.git"]);
  assertEquals(optionsOf(args), [
    "gc.auto=0",
    "maintenance.auto=0",
    "core.autocrlf=false",
    "core.useReplaceRefs=false",
    "core.bigFileThreshold=50m",
    "pack.allowPackReuse=multi",
    "midx.version=1",
    "core.fsync=objects,derived-metadata,reference",
    "core.fsyncMethod=fsync",
    "core.packedRefsTimeout=10000",
    "core.filesRefLockTimeout=1000",
    "uploadpack.allowFilter=true",
    "uploadpack.allowAnySHA1InWant=true",
    "uploadpack.hideRefs=refs/keep-around/",
    "uploadpack.hideRefs=refs/remotes/",
    "uploadpack.hideRefs=refs/tmp/",
    "pack.windowMemory=100m",
    "pack.writeReverseIndex=true",
    "pack.threads=3",
    "a.b=1",
    "transfer.hideRefs=!refs",
    "uploadpack.advertiseBundleURIs=false",
    "core.fsync=none",
    "attr.tree=4b825dc642cb6eb9a060e54bf8d69288fbee4904",
  ]);
});

Deno.test("gitArguments() of receive-pack sets the hooks first, so that a request may not", () => {
  const request: GitCommandRequest = { ...REQUEST, service: "receive-pack" };
  const options = optionsOf(gitArguments(request, RUNTIME, "sha256"));
  const at = options.indexOf("core.hooksPath=/dev/null");
  assertEquals(options.slice(at, at + 3), [
    "core.hooksPath=/dev/null",
    "a.b=1",
    "transfer.hideRefs=!refs",
  ]);
  assertEquals(options.includes("transfer.fsckObjects=true"), true);
  assertEquals(
    options.at(-1),
    "attr.tree=6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
  );
});

Deno.test("gitArguments() of upload-archive has neither request options nor separator", () => {
  const request: GitCommandRequest = { ...REQUEST, service: "upload-archive" };
  const args = gitArguments(request, RUNTIME, "sha1");
  assertEquals(args.slice(-2), ["upload-archive", "/s/a.git"]);
  assertEquals(optionsOf(args).includes("a.b=1"), false);
});

Deno.test("gitArguments() leaves out what an older git dies of", () => {
  const options = (version: [number, number]) =>
    optionsOf(gitArguments(REQUEST, { ...RUNTIME, version }, "sha1"));
  const multi = "pack.allowPackReuse=multi";
  assertEquals(options([2, 43]).includes(multi), false);
  assertEquals(options([2, 44]).includes(multi), true);
  assertEquals(options([3, 0]).includes(multi), true);
});

const THREADS = [[1, 1], [2, 1], [3, 1], [4, 2], [64, 6]] as const;
for (const [cpuCount, threads] of THREADS) {
  Deno.test(`gitArguments() gives ${cpuCount} processors ${threads} threads`, () => {
    const args = gitArguments(REQUEST, { ...RUNTIME, cpuCount }, "sha1");
    assertEquals(args.includes(`pack.threads=${threads}`), true);
  });
}

const BAD_OPTIONS = [
  ["x", 'cannot convert invalid config key: "x"'],
  ["nodots=1", 'invalid configuration key "nodots": invalid argument'],
  ["a.=1", 'invalid configuration key "a.": invalid argument'],
  ["a b.c=1", 'invalid configuration key "a b.c": invalid argument'],
  ["=1", 'invalid configuration key "": invalid argument'],
] as const;
for (const [option, message] of BAD_OPTIONS) {
  Deno.test(`gitaly.md 7.2: the option ${option} is refused`, () => {
    const request = { ...REQUEST, configOptions: [option] };
    assertThrows(() => gitArguments(request, RUNTIME, "sha1"), Error, message);
  });
}

const PROTOCOLS = [
  ["version=1", "version=1"],
  ["version=2", "version=2"],
  ["", undefined],
  ["version=0", undefined],
  ["version=2:x", undefined],
  ["version=2\n", undefined],
] as const;
for (const [gitProtocol, expected] of PROTOCOLS) {
  const shown = JSON.stringify(gitProtocol);
  Deno.test(`gitaly.md case 62: git_protocol ${shown} gives GIT_PROTOCOL ${expected}`, () => {
    const env = gitEnvironment({ ...REQUEST, gitProtocol }, RUNTIME);
    assertEquals(env["GIT_PROTOCOL"], expected);
  });
}

Deno.test("gitEnvironment() inherits what is listed and nothing else", () => {
  assertEquals(gitEnvironment({ ...REQUEST, gitProtocol: "" }, RUNTIME), {
    PATH: "/bin",
    HOME: "/home/git",
    GIT_TRACE: "1",
    LANG: "en_US.UTF-8",
    GIT_TERMINAL_PROMPT: "0",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_SYSTEM: "/dev/null",
    XDG_CONFIG_HOME: "/dev/null",
  });
});

Deno.test("gitEnvironment() points to the object directories of the request", () => {
  const repository = {
    ...REQUEST.repository,
    gitObjectDirectory: "objects/incoming-x",
    gitAlternateObjectDirectories: ["objects", "../pool.git/objects"],
  };
  const env = gitEnvironment({ ...REQUEST, repository }, RUNTIME);
  assertEquals(env["GIT_OBJECT_DIRECTORY"], "/s/a.git/objects/incoming-x");
  assertEquals(
    env["GIT_ALTERNATE_OBJECT_DIRECTORIES"],
    "/s/a.git/objects:/s/pool.git/objects",
  );
});
