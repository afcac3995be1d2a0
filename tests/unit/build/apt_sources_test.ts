import { assertEquals } from "@std/assert";
import { deriveSources } from "../../../src/build/apt_sources.ts";
import { isGoodVersionText } from "../../../src/build/git_lfs.ts";

const RELEASES = { codename: "bookworm", wanted: "trixie" };
const STANZAS = `Types: deb
# A comment.
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/archive.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
`;

Deno.test("deriveSources() takes the paragraph of the machine's release", () => {
  assertEquals(
    deriveSources(["", STANZAS], RELEASES),
    "Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie\n" +
      "Components: main\nSigned-By: /usr/share/keyrings/archive.gpg\n",
  );
});

Deno.test("deriveSources() takes a line as older machines have it", () => {
  const line = "# deb http://old.example bookworm main\n" +
    "deb-src http://src.example bookworm main\n" +
    "deb [arch=amd64 signed-by=/k.gpg] http://m.example bookworm main # x\n";
  assertEquals(
    deriveSources([line], RELEASES),
    "Types: deb\nURIs: http://m.example\nSuites: trixie\n" +
      "Components: main\nSigned-By: /k.gpg\n",
  );
});

const NO_SOURCES = [
  "",
  "deb http://m.example bullseye main",
  "deb http://m.example bookworm contrib",
  STANZAS.replaceAll("Suites: bookworm", "Suites: bullseye"),
  STANZAS.replaceAll("Types: deb", "Types: deb-src"),
  STANZAS.replaceAll("Types: deb", "Enabled: no\nTypes: deb"),
];
for (const text of NO_SOURCES) {
  Deno.test(`deriveSources() finds nothing in ${JSON.stringify(text.slice(0, 50))}`, () => {
    assertEquals(deriveSources([text], RELEASES), undefined);
  });
}

const VERSIONS = [
  ["git-lfs/3.6.0 (x)", true],
  ["git-lfs/3.10.1 (x)", true],
  ["git-lfs/4.0.0 (x)", true],
  ["git-lfs/3.5.9 (x)", false],
  ["git-lfs/2.13.2 (x)", false],
  ["", false],
  ["git: 'lfs' is not a git command.", false],
] as const;
for (const [text, isGood] of VERSIONS) {
  Deno.test(`isGoodVersionText() of ${JSON.stringify(text)}`, () => {
    assertEquals(isGoodVersionText(text), isGood);
  });
}
