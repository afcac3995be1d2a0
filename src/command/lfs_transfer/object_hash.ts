/**
 * The hash that names an object, piece by piece, which the web's own digest
 * cannot do.
 * @module
 */
import type { Hash } from "node:crypto";

/** Loads what makes hashes; it takes 13 ms, so it is done ahead of time. */
export function loadHash(): void {
  // A failure is reported where a hash is wanted.
  import("node:crypto").catch(() => {});
}

/** Begins a hash. */
export async function startHash(): Promise<Hash> {
  const { createHash } = await import("node:crypto");
  return createHash("sha256");
}
