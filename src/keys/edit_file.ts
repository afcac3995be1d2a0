/**
 * Changing a few lines of the managed file: one write where one write does it,
 * since that is as good as atomic for sshd, and a new file where it takes more.
 * The caller holds the lock.
 * @module
 */
import { attempt, KeyFileError } from "./file_error.ts";
import { type FileWriter, RangeCopier, writeAllSync } from "./file_writer.ts";
import { NewFile } from "./new_file.ts";
import type { Range, RangeList } from "./range_list.ts";
import {
  adoptOwner,
  fixMode,
  identityOf,
  isUntouched,
  KEY_FILE_MODE,
  type KeyFileTarget,
  resolveTarget,
  syncDirectory,
} from "./target_file.ts";

const HASH = 0x23;
const LF_BYTES = new Uint8Array([0x0a]);
const ATTEMPTS_MAX = 5;

/** What is to become of the file. */
export interface EditPlan {
  /** Lines to be overwritten with `#`, line ends excluded. */
  readonly removed: RangeList;
  /** A last line that was torn by a crash, to be overwritten with `#`. */
  readonly torn?: Range;
  /** Lines to be added, each with its line end; `undefined` for none. */
  readonly added?: AddedLines | undefined;
  /** Whether the last line has no line end. */
  readonly lacksLineEnd: boolean;
}

/** Lines that go to the end of the file. */
export type AddedLines =
  | { readonly kind: "line"; readonly bytes: Uint8Array }
  | { readonly kind: "lines"; write(out: FileWriter): void };

/** What an edit needs to know besides its plan. */
export interface EditSurroundings {
  readonly authFile: string;
  /** Milliseconds since 1970, for telling a stale temporary file. */
  readonly nowMs: number;
  /** Whether the file may be made. */
  readonly mayCreate: boolean;
  readonly isDryRun: boolean;
  warn(message: string): void;
}

/**
 * Looks at the file, decides, and does what was decided; starts over when the
 * file was changed meanwhile by somebody who holds no lock.
 * @param decide Given the open file, or `undefined` if there is none.
 * @returns The plan that was carried out, or would be in a dry run.
 * @throws {KeyFileError}
 */
export function editKeyFile<Plan extends EditPlan>(
  around: EditSurroundings,
  decide: (file: Deno.FsFile | undefined, path: string) => Plan,
): Plan {
  for (let attempts = 0; attempts < ATTEMPTS_MAX; attempts++) {
    const target = resolveTarget(around.authFile);
    if (!target.found && !around.mayCreate) {
      throw new KeyFileError(
        `could not open ${around.authFile}: No such file or directory`,
      );
    }
    using file = openForReading(target);
    const plan = decide(file, target.path);
    if (around.isDryRun || carryOut(plan, target, around)) return plan;
  }
  throw keepsChanging(around.authFile);
}

/** The file is being written by others who do not take the lock. */
export function keepsChanging(authFile: string): KeyFileError {
  return new KeyFileError(
    `could not rewrite ${authFile}: It keeps changing, although it is locked`,
  );
}

/** Opens the file that `resolveTarget` found, and no other. */
export function openForReading(
  { path, found }: KeyFileTarget,
): Deno.FsFile | undefined {
  if (!found) return undefined;
  return attempt(
    `could not open ${path}`,
    () => Deno.openSync(path, { read: true }),
  );
}

/** @returns Whether it is done; `false` asks to start over. */
function carryOut(
  plan: EditPlan,
  target: KeyFileTarget,
  around: EditSurroundings,
): boolean {
  const { added, removed } = plan;
  if (target.found) fixMode(target.path, target.found.mode);
  if (!added && removed.count === 0) {
    return target.found !== undefined ||
      appendLine(plan, new Uint8Array(), target);
  }
  if (added?.kind === "line" && removed.count === 0) {
    return appendLine(plan, added.bytes, target);
  }
  const [first] = removed;
  if (!added && first && removed.count === 1) {
    return overwriteRange(target, first);
  }
  using draft = NewFile.create(target, around.nowMs);
  using source = openForReading(target);
  attempt(`could not write a new ${target.path}`, () => {
    if (source) copyWithout(plan, source, { target, out: draft.out });
    if (!added) return;
    if (plan.lacksLineEnd) draft.out.write(LF_BYTES);
    if (added.kind === "line") draft.out.write(added.bytes);
    else added.write(draft.out);
  });
  const outcome = draft.commit();
  if (outcome === "overwritten") warnOverwritten(target, around);
  return outcome !== "changed";
}

/** Says that a crash would have left a mixture. */
export function warnOverwritten(
  { path }: KeyFileTarget,
  around: { warn(message: string): void },
): void {
  around.warn(
    `${path} cannot be replaced and was overwritten in place; ` +
      "it was not whole meanwhile",
  );
}

/** One write; on failure the file gets its old length back. */
function appendLine(
  { torn, lacksLineEnd }: EditPlan,
  line: Uint8Array,
  target: KeyFileTarget,
): boolean {
  const { path, found, directory } = target;
  return attempt(`could not write to ${path}`, () => {
    using file = Deno.openSync(path, {
      read: true,
      append: true,
      create: true,
      mode: KEY_FILE_MODE,
    });
    const opened = identityOf(file.statSync());
    if (found && !isUntouched(found, opened)) return false;
    // What is torn is nothing to sshd, so that hiding it first is no change.
    if (torn && !overwriteRange(target, torn)) return false;
    const bytes = lacksLineEnd ? join(LF_BYTES, line) : line;
    try {
      writeAllSync(file, bytes);
      file.syncSync();
    } catch (error) {
      file.truncateSync(opened.sizeBytes);
      throw error;
    }
    if (!found) {
      Deno.chmodSync(path, KEY_FILE_MODE);
      adoptOwner(path, directory);
      syncDirectory(directory);
    }
    return true;
  });
}

/**
 * One positioned write, which hides the line from its first byte on.
 * @returns `false`, with nothing written, if the file is another by now.
 */
function overwriteRange(
  { path, found }: KeyFileTarget,
  { offset, lengthBytes }: Range,
): boolean {
  return attempt(`could not write to ${path}`, () => {
    using file = Deno.openSync(path, { write: true });
    if (!isUntouched(found, identityOf(file.statSync()))) return false;
    file.seekSync(offset, Deno.SeekMode.Start);
    writeAllSync(file, new Uint8Array(lengthBytes).fill(HASH));
    file.syncSync();
    return true;
  });
}

function copyWithout(
  { removed, torn }: EditPlan,
  source: Deno.FsFile,
  { target, out }: { target: KeyFileTarget; out: FileWriter },
): void {
  const copier = new RangeCopier(source, out);
  let at = 0;
  const hide = ({ offset, lengthBytes }: Range) => {
    copier.copy(at, offset - at);
    copier.finish();
    out.fill(HASH, lengthBytes);
    at = offset + lengthBytes;
  };
  for (const range of removed) hide(range);
  if (torn) hide(torn);
  copier.copy(at, (target.found?.sizeBytes ?? 0) - at);
  copier.finish();
}

function join(left: Uint8Array, right: Uint8Array): Uint8Array {
  const joined = new Uint8Array(left.length + right.length);
  joined.set(left);
  joined.set(right, left.length);
  return joined;
}
