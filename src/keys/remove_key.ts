/**
 * Removing a key: its line becomes a run of `#`, in place, so that no other
 * line moves and half a write already hides it.
 * Source: gitlab-keys since GitLab Shell 2.6.4.
 * @module
 */
import { ByteSearch, searchNeedles } from "./byte_search.ts";
import {
  editKeyFile,
  type EditPlan,
  type EditSurroundings,
} from "./edit_file.ts";
import { RangeList } from "./range_list.ts";
import type { LineShape } from "./line_class.ts";
import { findLineStart, readLineFrom } from "./line_read.ts";

const HASH = 0x23;
const QUOTE = 0x22;
/** In a smaller file nobody misses the space. */
const COMPACT_BYTES_MIN = 1 << 20;

/** What was, or in a dry run would be, removed. */
export interface RemoveKeyPlan extends EditPlan {
  /** Whether more than half of the file is removed lines by now. */
  readonly shouldCompact: boolean;
}

/**
 * Removes every line of an id. The caller holds the lock.
 * @param id Prefix included: `key-1` does not match `key-12`.
 * @throws {KeyFileError} If there is no file, or it cannot be written.
 */
export function removeKey(
  id: Uint8Array,
  shape: LineShape,
  around: EditSurroundings,
): RemoveKeyPlan {
  const needle = new Uint8Array(shape.start.length + id.length + 1);
  needle.set(shape.start);
  needle.set(id, shape.start.length);
  needle[needle.length - 1] = QUOTE;
  // Long runs alone are counted, in pieces: what matters is the proportion.
  const run = new Uint8Array(shape.bytesMin).fill(HASH);
  const searches = [new ByteSearch(needle), new ByteSearch(run)];
  return editKeyFile({ ...around, mayCreate: false }, (file, path) => {
    const removed = new RangeList();
    let runBytes = 0;
    if (!file) return { removed, lacksLineEnd: false, shouldCompact: false };
    using other = Deno.openSync(path, { read: true });
    const sizeBytes = searchNeedles(file, searches, (hit) => {
      if (hit.needle === 1) {
        runBytes += run.length;
      } else if (findLineStart(other, hit.offset) === hit.offset) {
        const { lengthBytes } = readLineFrom(other, hit.offset);
        removed.add(hit.offset, lengthBytes);
        runBytes += lengthBytes;
      }
    });
    const shouldCompact = sizeBytes >= COMPACT_BYTES_MIN &&
      runBytes > sizeBytes / 2;
    return { removed, lacksLineEnd: false, shouldCompact };
  });
}
