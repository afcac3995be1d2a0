/**
 * OpenSSH's own judgement on public keys: `ssh-keygen -l` over many at once.
 * @module
 */
import { makeTempDir } from "./temp_dir.ts";

/**
 * Asks about keys.
 * @param blobs Wire forms.
 * @returns The fingerprint of each, `SHA256:…`; `undefined` for one that
 * OpenSSH does not take for a key.
 */
export async function fingerprintByOpenssh(
  keys: readonly { readonly type: string; readonly blob: Uint8Array }[],
): Promise<(string | undefined)[]> {
  using place = makeTempDir();
  const path = `${place.path}/keys`;
  // The comment tells which key a line of the answer is about.
  const lines = keys.map(({ type, blob }, index) =>
    `${type} ${blob.toBase64()} number-${index}\n`
  );
  await Deno.writeTextFile(path, lines.join(""));
  const { stdout } = await new Deno.Command("ssh-keygen", {
    args: ["-l", "-E", "sha256", "-f", path],
    stderr: "null",
  }).output();
  const found = new Map<string, string>();
  for (const line of new TextDecoder().decode(stdout).split("\n")) {
    const [, fingerprint = "", index = ""] =
      /^\d+ (SHA256:\S+) number-(\d+) /.exec(line) ?? [];
    if (index !== "") found.set(index, fingerprint);
  }
  return keys.map((_, index) => found.get(`${index}`));
}
