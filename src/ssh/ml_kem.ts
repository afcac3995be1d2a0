/**
 * ML-KEM-768: a secret for the owner of a public key, and the owner's half,
 * which a server needs only to check itself at start. The arithmetic is WebCrypto's.
 * Source: FIPS 203; WICG, Modern Algorithms in the Web Cryptography API.
 * @module
 */

/** Bytes of an encapsulation key. */
export const ML_KEM_PUBLIC_BYTES = 1_184;
/** Bytes of an encapsulated secret. */
export const ML_KEM_CIPHERTEXT_BYTES = 1_088;
const SECRET_BYTES = 32;
const ALGORITHM = { name: "ML-KEM-768" } as const;

/** A secret, and what the other side needs to come to know it. */
export interface Encapsulated {
  readonly secret: Uint8Array<ArrayBuffer>;
  readonly ciphertext: Uint8Array<ArrayBuffer>;
}

/** What of `crypto.subtle` is too new for the types that Deno brings. */
interface MlKemCrypto {
  generateKey(
    algorithm: typeof ALGORITHM,
    isExtractable: boolean,
    usages: readonly string[],
  ): Promise<{ publicKey: unknown; privateKey: unknown }>;
  exportKey(format: "raw-public", key: unknown): Promise<ArrayBuffer>;
  importKey(
    format: "raw-public",
    bytes: Uint8Array,
    algorithm: typeof ALGORITHM,
    isExtractable: boolean,
    usages: readonly string[],
  ): Promise<unknown>;
  encapsulateBits(
    algorithm: typeof ALGORITHM,
    key: unknown,
  ): Promise<{ sharedKey: ArrayBuffer; ciphertext: ArrayBuffer }>;
  decapsulateBits(
    algorithm: typeof ALGORITHM,
    key: unknown,
    ciphertext: Uint8Array,
  ): Promise<ArrayBuffer>;
}

/** The owner's half: what a client does. */
export interface MlKemKeyPair {
  readonly publicKey: Uint8Array<ArrayBuffer>;
  /** @throws {Error} If the ciphertext has another length. */
  decapsulate(ciphertext: Uint8Array): Promise<Uint8Array<ArrayBuffer>>;
}

/** Makes a key that secrets can be encapsulated for. */
export async function generateMlKemKeyPair(): Promise<MlKemKeyPair> {
  const subtle = mlKemCrypto();
  const { publicKey, privateKey } = await subtle.generateKey(ALGORITHM, true, [
    "encapsulateBits",
    "decapsulateBits",
  ]);
  return {
    publicKey: new Uint8Array(await subtle.exportKey("raw-public", publicKey)),
    decapsulate: async (ciphertext) =>
      new Uint8Array(
        await subtle.decapsulateBits(ALGORITHM, privateKey, ciphertext),
      ),
  };
}

/**
 * Makes a secret for the owner of a public key.
 * @param publicKey The encapsulation key as FIPS 203 encodes it.
 * @throws {Error} If it is no encapsulation key, as FIPS 203 wants it checked.
 */
export async function encapsulate(
  publicKey: Uint8Array,
): Promise<Encapsulated> {
  if (publicKey.length !== ML_KEM_PUBLIC_BYTES) {
    throw new RangeError(
      `Cannot use an ML-KEM-768 key of ${publicKey.length} bytes`,
    );
  }
  const subtle = mlKemCrypto();
  const key = await subtle.importKey(
    "raw-public",
    publicKey,
    ALGORITHM,
    false,
    [
      "encapsulateBits",
    ],
  );
  const { sharedKey, ciphertext } = await subtle.encapsulateBits(
    ALGORITHM,
    key,
  );
  return {
    secret: new Uint8Array(sharedKey),
    ciphertext: new Uint8Array(ciphertext),
  };
}

/**
 * Makes sure that this Deno comes to the same secret from both sides, before a
 * client depends on it.
 * @throws {Error} If it does not.
 */
export async function checkMlKem(): Promise<void> {
  const { publicKey, decapsulate } = await generateMlKemKeyPair();
  const { secret, ciphertext } = await encapsulate(publicKey);
  const opened = await decapsulate(ciphertext);
  const isSame = secret.length === SECRET_BYTES &&
    ciphertext.length === ML_KEM_CIPHERTEXT_BYTES &&
    secret.every((byte, at) => byte === opened[at]);
  if (!isSame) throw new Error("Cannot use ML-KEM-768 of this Deno");
}

function mlKemCrypto(): MlKemCrypto {
  const { subtle } = crypto;
  if (!hasMlKem(subtle)) throw new Error("Cannot use ML-KEM: Deno lacks it");
  return subtle;
}

function hasMlKem(subtle: object): subtle is MlKemCrypto {
  return "encapsulateBits" in subtle;
}
