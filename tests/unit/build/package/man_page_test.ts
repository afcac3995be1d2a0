import { assert, assertEquals, assertThrows } from "@std/assert";
import { formatConfigManual } from "../../../../src/build/package/config_manual.ts";
import { renderManPage } from "../../../../src/build/package/man_page.ts";
import { CONFIG_MANUAL } from "../../../../src/build/package/package.ts";
import { PROGRAMS } from "../../../../src/build/programs.ts";
import { USAGE as GITALY_USAGE } from "../../../../src/cli/gitaly_check.ts";
import { USAGE as KEYS_USAGE } from "../../../../src/cli/keys_usage.ts";
import { USAGE as SHELL_USAGE } from "../../../../src/cli/operator_command.ts";
import { makeTempDir } from "../../../support/temp_dir.ts";

const ROOT = new URL("../../../../", import.meta.url);
const ORIGIN = { date: "2026-09-01", source: "GitLab Shell 14.56.1" };
const render = (markdown: string) => renderManPage(markdown, ORIGIN).text;
const TITLE = "# tool(1) -- does `it`\n\n";

Deno.test("renderManPage() renders each kind of block", () => {
  const page = render(
    `${TITLE}## DESCRIPTION\n\nSome *text* and\n**more** of it.\n\n### PART\n\n` +
      "- `--a-b=<c>`, `-d`: a\n  term\n- a [bullet](x.md)\n\n```\n.dot \\ it's\n```\n",
  );
  assertEquals(
    page,
    `.TH TOOL 1 "2026-09-01" "GitLab Shell 14.56.1"
.SH NAME
tool \\- does \\fBit\\fR
.SH DESCRIPTION
Some \\fItext\\fR and \\fBmore\\fR of it.
.SS PART
.TP
\\fB\\-\\-a\\-b=<c>\\fR, \\fB\\-d\\fR
a term
.IP \\(bu 2
a bullet
.PP
.RS 4
.nf
\\&.dot \\e it\\(aqs
.fi
.RE
`,
  );
});

Deno.test("renderManPage() guards lines that would be requests", () => {
  const words = "word ".repeat(14);
  const page = render(`${TITLE}## A\n\n.first ${words}longer .next\n`);
  for (const line of page.split("\n").slice(4)) {
    assert(!/^[.']/.test(line), line);
  }
});

for (
  const block of ["| a | b |", "> quote", "1. one", "![x](y)", "#### deep"]
) {
  Deno.test(`renderManPage() refuses ${block}`, () => {
    assertThrows(() => render(`${TITLE}${block}\n`), SyntaxError);
  });
}

Deno.test("renderManPage() refuses a page without a title, and an open fence", () => {
  assertThrows(() => render("# tool\n"), SyntaxError);
  assertThrows(() => render(`${TITLE}\`\`\`\nx\n`), SyntaxError);
});

async function readPages(): Promise<Map<string, string>> {
  const pages = new Map<string, string>();
  const folder = new URL("docs/man/", ROOT);
  for await (const { name } of Deno.readDir(folder)) {
    pages.set(name, await Deno.readTextFile(new URL(name, folder)));
  }
  return pages;
}

Deno.test("every program has a page, and every page renders under its name", async () => {
  const pages = await readPages();
  for (const program of PROGRAMS.keys()) {
    const found = [...pages.keys()].some((name) =>
      new RegExp(`^${program}\\.[18]\\.md$`).test(name)
    );
    assert(found, `no page for ${program}`);
  }
  for (const [name, markdown] of pages) {
    assertEquals(`${renderManPage(markdown, ORIGIN).fileName}.md`, name);
  }
});

const USAGES = [
  ["gitlab-shell.1.md", SHELL_USAGE],
  ["gitlab-keys.8.md", KEYS_USAGE],
  ["gitaly-ssh.1.md", GITALY_USAGE],
] as const;
for (const [name, usage] of USAGES) {
  Deno.test(`${name} has every option and variable that the help has`, async () => {
    const page = (await readPages()).get(name) ?? "";
    const named = usage.matchAll(/--[a-z][a-z-]+|-version|GITALY_[A-Z]+/g);
    for (const [option] of named) {
      // What stands for all of them, and the help itself.
      if (["--option", "--help"].includes(option)) continue;
      assert(page.includes(option), option);
    }
  });
}

Deno.test("the page of config.yml is what the table of keys says", async () => {
  assertEquals(
    await Deno.readTextFile(new URL(CONFIG_MANUAL, ROOT)),
    formatConfigManual(),
    "run: deno task package --manual",
  );
});

/** Linters of this machine, each with what shows that a page is clean. */
const LINTERS = [
  ["mandoc", ["-T", "lint", "-W", "style"]],
  ["man", ["-l", "--warnings", "-P", "cat"]],
] as const;
for (const [command, args] of LINTERS) {
  Deno.test({
    name: `every page is clean to ${command}`,
    ignore: !hasCommand(command),
    async fn() {
      using folder = makeTempDir();
      for (const markdown of (await readPages()).values()) {
        const { fileName, text } = renderManPage(markdown, ORIGIN);
        const path = `${folder.path}/${fileName}`;
        await Deno.writeTextFile(path, text);
        const { stdout, stderr } = await new Deno.Command(command, {
          args: [...args, path],
          env: { MANWIDTH: "80", LC_ALL: "C.UTF-8" },
        }).output();
        const said = new TextDecoder().decode(
          command === "man" ? stderr : stdout,
        );
        // Other pages need not be installed here.
        const faults = said.split("\n").filter((line) =>
          line !== "" && !line.includes("referenced manual not found")
        );
        assertEquals(faults, []);
      }
    },
  });
}

function hasCommand(name: string): boolean {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return folders.some((folder) => {
    try {
      return Deno.statSync(`${folder}/${name}`).isFile;
    } catch {
      return false;
    }
  });
}
