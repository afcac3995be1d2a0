/**
 * Manual pages from Markdown: the pages in `docs/man` are the source, which
 * people read as they are, and `man` reads what this makes of them. Only the
 * little of Markdown that they use is known; anything else is an error, lest a
 * page come out wrong unseen. Pure.
 *
 *     # name(section) -- what it is
 *     ## SECTION, ### subsection, paragraphs, fenced text
 *     - `term`: what it means      (becomes a tagged paragraph)
 *     - item                       (becomes a bullet)
 *
 * Source: man(7).
 * @module
 */

/** A page ready for `man`. */
export interface ManPage {
  /** File name, `gitlab-shell.1`. */
  readonly fileName: string;
  readonly section: string;
  readonly text: string;
}

/** What stands at the foot of every page. */
export interface ManOrigin {
  /** `2026-09-01` */
  readonly date: string;
  /** `GitLab Shell v14.56.1` */
  readonly source: string;
}

const TITLE = /^# ([a-z-]+)\(([1-8])\) -- (.+)$/;
const TERM = /^- ((?:`[^`]+`(?:, )?)+): (.*)$/;
const UNKNOWN = /^(\||>|\d+\. |\*|!|<|#{4,}| {4,}\S)/;

/**
 * Makes a page.
 * @throws {SyntaxError} If the Markdown is of a kind that is not known.
 */
export function renderManPage(markdown: string, origin: ManOrigin): ManPage {
  const [title = "", ...blocks] = splitBlocks(markdown);
  const [, name = "", section = "", meaning = ""] = TITLE.exec(title) ?? [];
  if (name === "") throw new SyntaxError(`Cannot read the title ${title}`);
  const lines = [
    `.TH ${name.toUpperCase()} ${section} "${origin.date}" "${origin.source}"`,
    ".SH NAME",
    `${escapeText(name)} \\- ${renderInline(meaning)}`,
    ...blocks.flatMap(renderBlock),
    // A paragraph begins behind a heading by itself.
  ].filter((line, at, all) =>
    line !== ".PP" || !/^\.S[HS]/.test(all[at - 1] ?? "")
  );
  const fileName = `${name}.${section}`;
  return { fileName, section, text: `${lines.join("\n")}\n` };
}

/** Blocks are parted by blank lines; list items and fences stand alone. */
function splitBlocks(markdown: string): string[] {
  const blocks: string[] = [];
  let open: string[] = [];
  let isFenced = false;
  const close = () => {
    if (open.length > 0) blocks.push(open.join("\n"));
    open = [];
  };
  for (const line of markdown.split("\n")) {
    if (line.startsWith("```")) {
      if (!isFenced) close();
      isFenced = !isFenced;
      open.push(line);
      if (!isFenced) close();
    } else if (isFenced) open.push(line);
    else if (line.trim() === "") close();
    else {
      if (line.startsWith("- ") || line.startsWith("#")) close();
      open.push(line);
      if (line.startsWith("#")) close();
    }
  }
  if (isFenced) throw new SyntaxError("A fence is not closed");
  close();
  return blocks;
}

function renderBlock(block: string): string[] {
  if (block.startsWith("```")) {
    const lines = block.split("\n").slice(1, -1);
    return [".PP", ".RS 4", ".nf", ...lines.map(escapeLine), ".fi", ".RE"];
  }
  const heading = /^(##|###) (.+)$/.exec(block);
  if (heading) {
    const macro = heading[1] === "##" ? ".SH" : ".SS";
    return [`${macro} ${escapeText(heading[2] ?? "").toUpperCase()}`];
  }
  // Joined first: a term or a code span may be broken over two lines.
  const text = block.replaceAll(/\s*\n\s*/g, " ");
  const [, term, rest] = TERM.exec(text) ?? [];
  if (term !== undefined && rest !== undefined) {
    return [".TP", renderInline(term), ...renderLines(rest)];
  }
  if (text.startsWith("- ")) {
    return [".IP \\(bu 2", ...renderLines(text.slice(2))];
  }
  if (UNKNOWN.test(block)) throw new SyntaxError(`Cannot render: ${block}`);
  return [".PP", ...renderLines(text)];
}

function renderLines(text: string): string[] {
  return wrap(renderInline(text));
}

/** Keeps lines short, for those who read the source of a page. */
function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + word.length > 76) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  lines.push(line);
  return lines.map(guardLine);
}

/** Code is bold, emphasis italic; a link is its text. */
function renderInline(text: string): string {
  let out = "";
  const pattern =
    /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*]+)\*|\[([^\]]+)\]\([^)]*\)/g;
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    const [all, code, strong, emphasis, link] = match;
    out += escapeText(text.slice(from, match.index));
    if (code !== undefined) out += `\\fB${escapeCode(code)}\\fR`;
    else if (strong !== undefined) out += `\\fB${escapeText(strong)}\\fR`;
    else if (emphasis !== undefined) out += `\\fI${escapeText(emphasis)}\\fR`;
    else out += escapeText(link ?? "");
    from = match.index + all.length;
  }
  return out + escapeText(text.slice(from));
}

function escapeText(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("…", "...");
}

/** What is typed must be copied as it is: no dash may become a hyphen. */
function escapeCode(text: string): string {
  return escapeText(text).replaceAll("-", "\\-").replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga").replaceAll("~", "\\(ti").replaceAll("^", "\\(ha");
}

function escapeLine(line: string): string {
  return guardLine(escapeCode(line));
}

/** A line that begins with a dot or a quote would be a request. */
function guardLine(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}
