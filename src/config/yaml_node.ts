/**
 * A YAML document as values that keep what Go's decoder looks at: the source
 * text of a scalar, whether it was quoted, every key in order, and lines.
 * @module
 */

/** A scalar. `isPlain` means neither quoted nor a block: it may be a number. */
export interface YamlScalar {
  readonly kind: "scalar";
  readonly text: string;
  readonly isPlain: boolean;
  /** Line of the node, from 1; 0 when the reader does not know. */
  readonly line: number;
}

/** A list. */
export interface YamlSequence {
  readonly kind: "sequence";
  readonly items: readonly YamlNode[];
  readonly line: number;
}

/** A mapping; a key that stands twice is there twice. */
export interface YamlMapping {
  readonly kind: "mapping";
  readonly entries: readonly YamlEntry[];
  readonly line: number;
}

/** One pair of a mapping. */
export interface YamlEntry {
  readonly key: string;
  /** Line of the key, from 1; 0 when the reader does not know. */
  readonly line: number;
  readonly value: YamlNode;
}

/** Any node. */
export type YamlNode = YamlScalar | YamlSequence | YamlMapping;

/** The value that is not there: `key:` or an empty document. */
export function makeNull(line: number): YamlScalar {
  return { kind: "scalar", text: "", isPlain: true, line };
}

/** Whether `node` is a null in Go's sense; a quoted `null` is text. */
export function isNull(node: YamlNode): boolean {
  if (node.kind !== "scalar" || !node.isPlain) return false;
  return node.text === "" || node.text === "~" || node.text === "null" ||
    node.text === "Null" || node.text === "NULL";
}
