/**
 * What a mapping holds once its merge keys (`<<`) are followed.
 * Source: gopkg.in/yaml.v3 3.0.1: own keys win, then earlier merges.
 * @module
 */
import type { YamlEntry, YamlMapping, YamlNode } from "./yaml_node.ts";

const MERGE_KEY = "<<";

/** A merge key whose value is not made of mappings, or contains itself. */
export class MergeError extends Error {
  override name = "MergeError";
  constructor() {
    super("map merge requires map or sequence of maps as the value");
  }
}

/**
 * The entries of `mapping` and of all that it merges.
 * @throws {MergeError} If a merge key has no mapping to merge.
 */
export function entriesWithMerges(mapping: YamlMapping): readonly YamlEntry[] {
  if (!hasMergeKey(mapping)) return mapping.entries;
  const entries = new Map<string, YamlEntry>();
  collect(mapping, entries, new Map());
  return [...entries.values()];
}

function hasMergeKey({ entries }: YamlMapping): boolean {
  for (const { key } of entries) if (key === MERGE_KEY) return true;
  return false;
}

/** @param seen Mappings met so far: whether all of them has been collected. */
function collect(
  node: YamlNode,
  entries: Map<string, YamlEntry>,
  seen: Map<YamlNode, boolean>,
): void {
  if (node.kind !== "mapping" || seen.get(node) === false) {
    throw new MergeError();
  }
  if (seen.get(node)) return;
  seen.set(node, false);
  for (const entry of node.entries) {
    if (entry.key === MERGE_KEY || entries.has(entry.key)) continue;
    entries.set(entry.key, entry);
  }
  for (const { key, value } of node.entries) {
    if (key !== MERGE_KEY) continue;
    const merged = value.kind === "sequence" ? value.items : [value];
    for (const item of merged) collect(item, entries, seen);
  }
  seen.set(node, true);
}

/** The entry at the end of `path`, merges followed; `undefined` if none. */
export function findEntry(
  root: YamlNode,
  path: readonly string[],
): YamlEntry | undefined {
  let node = root;
  let found: YamlEntry | undefined;
  for (const name of path) {
    if (node.kind !== "mapping") return undefined;
    found = entriesWithMerges(node).find(({ key }) => key === name);
    if (!found) return undefined;
    node = found.value;
  }
  return found;
}
