/**
 * Where a Debian machine gets its packages, with the release replaced: so that
 * one package of a later release can be had from the same place. Pure.
 * Source: Debian, sources.list(5).
 * @module
 */

/** Where packages come from, without a release. */
interface AptSource {
  readonly uris: string;
  /** File or fingerprints of the key; empty where apt looks itself. */
  readonly signedBy: string;
}

/**
 * Finds the source of a machine's own release.
 * @param texts Contents of its source files, of either form.
 * @param codename The machine's release: `bookworm`.
 * @param wanted The release to ask for instead.
 * @returns The text of a `.sources` file; `undefined` if there is no source.
 * @example
 * ```ts
 * import { deriveSources } from "./apt_sources.ts";
 * deriveSources(["deb http://mirror.example/debian bookworm main"], {
 *   codename: "bookworm",
 *   wanted: "trixie",
 * }); // "Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie\n…"
 * ```
 */
export function deriveSources(
  texts: readonly string[],
  { codename, wanted }: { readonly codename: string; readonly wanted: string },
): string | undefined {
  for (const text of texts) {
    const source = findStanza(text, codename) ?? findLine(text, codename);
    if (source === undefined) continue;
    const lines = [
      "Types: deb",
      `URIs: ${source.uris}`,
      `Suites: ${wanted}`,
      "Components: main",
      ...(source.signedBy === "" ? [] : [`Signed-By: ${source.signedBy}`]),
    ];
    return `${lines.join("\n")}\n`;
  }
  return undefined;
}

/** Looks through paragraphs of fields, as newer machines have them. */
function findStanza(text: string, codename: string): AptSource | undefined {
  for (const paragraph of text.split(/\n\s*\n/)) {
    const fields = new Map<string, string>();
    for (const line of paragraph.split("\n")) {
      const [, name, value] = /^([A-Za-z-]+):\s*(.*?)\s*$/.exec(line) ?? [];
      if (name !== undefined) fields.set(name.toLowerCase(), value ?? "");
    }
    const words = (name: string) => (fields.get(name) ?? "").split(/\s+/);
    if (!words("types").includes("deb")) continue;
    if (!words("suites").includes(codename)) continue;
    if (!words("components").includes("main")) continue;
    if (fields.get("enabled")?.toLowerCase() === "no") continue;
    const signedBy = fields.get("signed-by") ?? "";
    return { uris: fields.get("uris") ?? "", signedBy };
  }
  return undefined;
}

/** Looks through lines that begin with `deb`. */
function findLine(text: string, codename: string): AptSource | undefined {
  for (const line of text.split("\n")) {
    const [, options = "", uris = "", suite = "", components = ""] =
      /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]*)/.exec(line) ?? [];
    if (suite !== codename || !components.split(/\s+/).includes("main")) {
      continue;
    }
    const [, signedBy = ""] = /\bsigned-by=(\S+)/.exec(options) ?? [];
    return { uris, signedBy };
  }
  return undefined;
}
