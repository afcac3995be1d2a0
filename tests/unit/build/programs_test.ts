import { assert, assertEquals } from "@std/assert";
import {
  FIXED_ENVIRONMENT,
  isLinked,
  permissionFlags,
  PROGRAM_LIBRARIES,
  PROGRAMS,
  runFlags,
} from "../../../src/build/programs.ts";

const ROOT = new URL("../../../", import.meta.url);
const OTHER_ROOMS = /^(build|devstack)\/|^cli\/(demo|dev)_/;
const ENV_READ = /\benv(?:\.get)?\(\s*"([A-Za-z_]+)"/g;
const FORMS = ["portable", "compiled"] as const;

Deno.test("PROGRAMS has every name of dist/ once", () => {
  assertEquals([...PROGRAMS.keys()], [
    "gitlab-shell",
    "gitlab-keys",
    "gitlab-shell-authorized-keys-check",
    "gitlab-shell-authorized-principals-check",
    "gitlab-shell-check",
    "gitlab-sshd",
    "gitaly-ssh",
  ]);
  const count = PROGRAM_LIBRARIES.flatMap(({ programs }) => programs).length;
  assertEquals(PROGRAMS.size, count);
});

Deno.test("the entries load the modules that the table names", async () => {
  for (const entry of ["main.ts", "gitaly_ssh.ts"]) {
    const text = await Deno.readTextFile(new URL(entry, ROOT));
    const loaded = Array.from(
      text.matchAll(/\bimport\(\s*"([^"]+)"/g),
      ([, module]) => module,
    );
    const expected = PROGRAM_LIBRARIES.filter((one) => one.entry === entry)
      .flatMap(({ programs }) => programs.map(({ module }) => module));
    assertEquals(loaded.toSorted(), expected.toSorted());
  }
});

for (const library of PROGRAM_LIBRARIES) {
  Deno.test(`permissionFlags() of ${library.name} is the whole list`, () => {
    assertEquals(permissionFlags(library), [
      "--no-prompt",
      "--allow-read=/",
      "--allow-write=/",
      "--allow-net",
      `--allow-env=${library.environment.join(",")}`,
      "--ignore-env",
      ...library.hidden.length > 0
        ? [`--deny-read=${library.hidden.join(",")}`]
        : [],
      "--deny-net=169.254.169.254,[fd00:ec2::254]",
      "--deny-run",
      "--deny-ffi",
      "--deny-sys",
      "--deny-import",
    ]);
  });

  Deno.test(`${library.name} may not read the system's secrets in a session`, () => {
    const hidden = [...library.hidden, ...library.hiddenInSession ?? []];
    assertEquals(
      ["/etc/shadow", "/etc/gshadow", "/etc/sudoers"].filter((path) =>
        !hidden.includes(path)
      ),
      [],
    );
  });

  Deno.test(`the environment of ${library.name} sets nothing of the runtime`, () => {
    const runtime = library.environment.filter((name) =>
      /^(DENO|NODE|NPM|OTEL|V8|RUST|LD|SSLKEYLOGFILE)/i.test(name)
    );
    // An operator may have the server's traces sent; whoever starts one of
    // the others is not to be trusted with it.
    const others = runtime.filter((name) =>
      library.name !== "gitlab-sshd" || !name.startsWith("OTEL_")
    );
    // TLS code changes it for its own process; the launcher sets it first.
    assertEquals(others, Object.keys(FIXED_ENVIRONMENT));
    assertEquals(
      new Set(library.environment).size,
      library.environment.length,
    );
  });

  Deno.test(`runFlags() lets no text be evaluated in ${library.name}`, () => {
    for (const form of FORMS) {
      const [v8Flags = ""] = runFlags(library, form)
        .filter((flag) => flag.startsWith("--v8-flags="));
      assertEquals(
        v8Flags.split(/[=,]/).includes(
          "--disallow-code-generation-from-strings",
        ),
        true,
      );
    }
  });

  Deno.test(`runFlags() gives ${library.name} no cache but its own`, () => {
    for (const form of FORMS) {
      assertEquals(
        runFlags(library, form).includes("--no-code-cache"),
        !isLinked(library, form),
      );
    }
    assertEquals(isLinked(library, "compiled"), false);
    assertEquals(isLinked(library, "portable"), library.isOneShot);
  });
}

Deno.test("every variable that the sources read is on a program's list", async () => {
  const listed = new Set(
    PROGRAM_LIBRARIES.flatMap(({ environment }) => environment),
  );
  const unlisted: string[] = [];
  let count = 0;
  const source = new URL("src/", ROOT);
  for await (const file of walk(source)) {
    const path = file.pathname.slice(source.pathname.length);
    if (OTHER_ROOMS.test(path)) continue;
    const text = await Deno.readTextFile(file);
    for (const [, name = ""] of text.matchAll(ENV_READ)) {
      count++;
      if (!listed.has(name)) unlisted.push(`${path}: ${name}`);
    }
  }
  assertEquals(unlisted, []);
  assert(count > 5, "the pattern no longer finds what it looks for");
});

async function* walk(folder: URL): AsyncGenerator<URL> {
  for await (const entry of Deno.readDir(folder)) {
    const url = new URL(entry.name + (entry.isDirectory ? "/" : ""), folder);
    if (entry.isDirectory) yield* walk(url);
    else if (entry.name.endsWith(".ts")) yield url;
  }
}
