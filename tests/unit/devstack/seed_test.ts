import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { hashedPath, seedRepository } from "../../../src/devstack/seed.ts";
import { makeTempDir } from "../../support/temp_dir.ts";

async function git(path: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("git", {
    args: ["--git-dir", path, ...args],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

function surroundingsIn(folder: string) {
  const env = Deno.env.toObject();
  return { storage: `${folder}/storage`, home: `${folder}/home`, env };
}

Deno.test("hashedPath() hashes a project's number as GitLab does", () => {
  assertEquals(
    hashedPath(1),
    "@hashed/6b/86/6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b.git",
  );
});

Deno.test("seedRepository() makes a sample of two branches and two tags, the same every time", async () => {
  const oids: string[] = [];
  for (let round = 0; round < 2; round++) {
    using folder = makeTempDir();
    const surroundings = surroundingsIn(folder.path);
    const relativePath = await seedRepository({
      projectId: 1,
      content: { kind: "sample" },
    }, surroundings);
    assertEquals(relativePath, hashedPath(1));
    const path = `${surroundings.storage}/${relativePath}`;
    assertEquals(
      await git(path, "for-each-ref", "--format=%(refname) %(objecttype)"),
      "refs/heads/coral commit\nrefs/heads/main commit\n" +
        "refs/tags/draft commit\nrefs/tags/v1.0.0 tag",
    );
    assertEquals(await git(path, "symbolic-ref", "HEAD"), "refs/heads/main");
    assertEquals(await git(path, "fsck", "--strict"), "");
    oids.push(await git(path, "rev-parse", "main", "coral", "v1.0.0"));
  }
  assertEquals(oids[0], oids[1]);
});

Deno.test("seedRepository() leaves alone what is there", async () => {
  using folder = makeTempDir();
  const surroundings = surroundingsIn(folder.path);
  const seed = { projectId: 1, content: { kind: "sample" } } as const;
  const path = `${surroundings.storage}/${await seedRepository(
    seed,
    surroundings,
  )}`;
  await git(path, "branch", "-D", "coral");
  await seedRepository(seed, surroundings);
  assertEquals(await git(path, "branch", "--list", "coral"), "");
});

Deno.test("seedRepository() makes bulk that nothing compresses", async () => {
  using folder = makeTempDir();
  const surroundings = surroundingsIn(folder.path);
  const relativePath = await seedRepository({
    projectId: 1,
    content: { kind: "bulk", sizeMib: 2 },
  }, surroundings);
  const path = `${surroundings.storage}/${relativePath}`;
  const files = await git(path, "ls-tree", "-r", "--name-only", "main");
  assertEquals(files, "bulk/00001.bin\nbulk/00002.bin");
  const blob = new Deno.Command("git", {
    args: ["--git-dir", path, "cat-file", "blob", "main:bulk/00001.bin"],
  });
  const { stdout } = await blob.output();
  assertEquals(stdout.length, 1_048_576);
  const packed = new Response(stdout).body!
    .pipeThrough(new CompressionStream("gzip"));
  const { byteLength } = await new Response(packed).arrayBuffer();
  assertEquals(byteLength > stdout.length, true);
});

Deno.test("seedRepository() makes SHA-256 and empty repositories", async () => {
  using folder = makeTempDir();
  const surroundings = surroundingsIn(folder.path);
  const sha256 = await seedRepository({
    projectId: 1,
    content: { kind: "sample" },
    objectFormat: "sha256",
  }, surroundings);
  const empty = await seedRepository({
    projectId: 2,
    content: { kind: "empty" },
  }, surroundings);
  const { storage } = surroundings;
  assertMatch(
    await git(`${storage}/${sha256}`, "rev-parse", "main"),
    /^[0-9a-f]{64}$/,
  );
  assertEquals(await git(`${storage}/${empty}`, "for-each-ref"), "");
});

Deno.test("seedRepository() says what git said", async () => {
  using folder = makeTempDir();
  const objectFormat = "sha512" as "sha256";
  const content = { kind: "empty" } as const;
  const seed = { projectId: 1, content, objectFormat };
  await assertRejects(
    () => seedRepository(seed, surroundingsIn(folder.path)),
    Error,
    "git init failed: fatal:",
  );
});
