/**
 * A small writer of SVG: elements, texts, and colours that suit light and dark
 * pages. Pure.
 * @module
 */

/** A length, or a word such as `middle`. */
export type SvgValue = string | number;

const DECIMALS = 1;

/**
 * Text as it may stand in an element or an attribute.
 * @example
 * ```ts
 * import { escapeXml } from "./svg.ts";
 * escapeXml('1 < "2"'); // "1 &lt; &quot;2&quot;"
 * ```
 */
export function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** An element; `content` is markup already. */
export function element(
  name: string,
  attributes: Readonly<Record<string, SvgValue>>,
  content = "",
): string {
  const words = Object.entries(attributes).map(([key, value]) =>
    ` ${key}="${escapeXml(formatLength(value))}"`
  );
  const head = `<${name}${words.join("")}`;
  return content === "" ? `${head}/>` : `${head}>${content}</${name}>`;
}

/** A line of text. */
export function text(
  words: string,
  attributes: Readonly<Record<string, SvgValue>>,
): string {
  return element("text", attributes, escapeXml(words));
}

/** A whole picture. */
export function picture(
  { width, height, title }: { width: number; height: number; title: string },
  content: readonly string[],
): string {
  const body = [
    element("title", {}, escapeXml(title)),
    element("style", {}, STYLE),
    element("rect", { class: "page", width, height }),
    ...content,
  ];
  return `${
    element("svg", {
      xmlns: "http://www.w3.org/2000/svg",
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: "img",
    }, `\n${body.join("\n")}\n`)
  }\n`;
}

function formatLength(value: SvgValue): string {
  if (typeof value === "string") return value;
  return String(Number(value.toFixed(DECIMALS)));
}

/** Classes `c0` to `c5` are the contenders', in the order of a legend. */
const STYLE = `
text{font:12px system-ui,sans-serif;fill:#222}
.head{font-weight:600;font-size:14px}
.small{font-size:10px;fill:#666}
.page{fill:#fff}
.grid{stroke:#ddd;stroke-width:1}
.goal{stroke:#c00;stroke-width:2}
polyline{fill:none;stroke-width:2}
.c0{fill:#8a8f98;stroke:#8a8f98}.c1{fill:#2f6fde;stroke:#2f6fde}
.c2{fill:#e08a1e;stroke:#e08a1e}.c3{fill:#3f9c5a;stroke:#3f9c5a}
.c4{fill:#a259c4;stroke:#a259c4}.c5{fill:#b0483c;stroke:#b0483c}
polyline.c0,polyline.c1,polyline.c2,polyline.c3,polyline.c4,polyline.c5{fill:none}
@media(prefers-color-scheme:dark){text{fill:#ddd}.small{fill:#999}.page{fill:#111}.grid{stroke:#333}}
`;
