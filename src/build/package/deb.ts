/**
 * Writes a Debian package. dpkg's own tools are not needed, so that one can be
 * made anywhere and comes out the same. Pure but for the compression.
 * Source: deb(5), ar(5), deb-control(5), Debian Policy 4.6, chapter 5.
 * @module
 */
import { gzip, type TarEntry, writeTar } from "./tar.ts";

/** What a package is made of. */
export interface DebPlan {
  /** Fields of `control` in their order; the size is added. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Scripts by name: `postinst` … */
  readonly scripts: ReadonlyMap<string, string>;
  /** Absolute paths of files that an administrator may change. */
  readonly conffiles: readonly string[];
  /** All files, with the folders above them. */
  readonly entries: readonly TarEntry[];
  readonly mtimeSeconds: number;
}

const encoder = new TextEncoder();

/** Writes the package. */
export async function writeDeb(plan: DebPlan): Promise<Uint8Array> {
  const { mtimeSeconds } = plan;
  const pack = (entries: readonly TarEntry[]) =>
    gzip(writeTar(entries.map(inPackage), mtimeSeconds));
  const control = await pack(controlEntries(plan));
  const data = await pack(plan.entries);
  return writeAr([
    ["debian-binary", encoder.encode("2.0\n")],
    ["control.tar.gz", control],
    ["data.tar.gz", data],
  ], mtimeSeconds);
}

/** dpkg names its members from a dot on. */
function inPackage(entry: TarEntry): TarEntry {
  return { ...entry, name: `./${entry.name}` };
}

function controlEntries(
  { fields, scripts, conffiles, entries }: DebPlan,
): TarEntry[] {
  const kib = Math.ceil(
    entries.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0) / 1024,
  );
  const lines = [...fields, ["Installed-Size", String(kib)] as const]
    .map(([name, value]) => `${name}: ${value}\n`);
  const file = (name: string, text: string, mode = 0o644): TarEntry => ({
    name,
    bytes: encoder.encode(text),
    mode,
  });
  return [
    file("control", lines.join("")),
    file("conffiles", conffiles.map((path) => `${path}\n`).join("")),
    ...[...scripts].map(([name, text]) => file(name, text, 0o755)),
  ];
}

/**
 * Writes an ar archive, the outermost form of a package.
 * @param members Names of at most 15 characters.
 */
export function writeAr(
  members: readonly (readonly [name: string, bytes: Uint8Array])[],
  mtimeSeconds: number,
): Uint8Array {
  const pieces: Uint8Array[] = [encoder.encode("!<arch>\n")];
  for (const [name, bytes] of members) {
    const header = name.padEnd(16) + String(mtimeSeconds).padEnd(12) +
      "0".padEnd(6) + "0".padEnd(6) + "100644".padEnd(8) +
      String(bytes.length).padEnd(10) + "`\n";
    pieces.push(encoder.encode(header), bytes);
    if (bytes.length % 2 === 1) pieces.push(encoder.encode("\n"));
  }
  const whole = new Uint8Array(
    pieces.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
