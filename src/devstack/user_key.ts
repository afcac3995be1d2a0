/**
 * The key pair of the stack's user.
 * @module
 */
import { join } from "node:path";

/** A key that an SSH client can use. */
export interface UserKey {
  /** Type, base64 and comment. */
  readonly publicKey: string;
  /** Absent if only the public half is known. */
  readonly privateKeyFile: string | undefined;
}

const PUBLIC_KEY =
  /^(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-\S+ [A-Za-z0-9+/]+=*(?: .*)?$/;

/**
 * Makes a throw-away Ed25519 pair in `folder`, or finds the one made before.
 * @returns `undefined` where there is no ssh-keygen.
 * @throws {Error} If ssh-keygen fails, with what it said.
 */
export async function makeUserKey(
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<UserKey | undefined> {
  const privateKeyFile = join(folder, "id_ed25519");
  const publicKeyFile = `${privateKeyFile}.pub`;
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const found = await Deno.readTextFile(publicKeyFile).catch(() => undefined);
  if (found !== undefined) return { publicKey: found.trim(), privateKeyFile };
  const words = ["-q", "-t", "ed25519", "-N", "", "-C", "devstack"];
  const command = new Deno.Command("ssh-keygen", {
    args: [...words, "-f", privateKeyFile],
    env: { ...env },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  });
  try {
    const { success, stderr } = await command.output();
    if (!success) {
      const said = new TextDecoder().decode(stderr).trim();
      throw new Error(`ssh-keygen failed: ${said}`);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const publicKey = (await Deno.readTextFile(publicKeyFile)).trim();
  return { publicKey, privateKeyFile };
}

/**
 * Reads a public key file.
 * @throws {SyntaxError} If its first line is no public key.
 * @throws {Deno.errors.NotFound} If there is no such file.
 */
export async function readPublicKey(file: string): Promise<UserKey> {
  const text = await Deno.readTextFile(file);
  const publicKey = text.split("\n", 1)[0]?.trim() ?? "";
  if (PUBLIC_KEY.test(publicKey)) {
    return { publicKey, privateKeyFile: undefined };
  }
  throw new SyntaxError(
    `Cannot read ${JSON.stringify(file)} as an OpenSSH public key`,
  );
}
