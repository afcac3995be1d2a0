/**
 * The bill of materials: every package that the lock file names, with its
 * checksum and licence, and Deno itself. A bundle holds no more than these.
 * Source: CycloneDX 1.5, JSON; package URL specification.
 * @module
 */

/** A package of the lock file. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** `sha512-…`, base64. */
  readonly integrity: string;
}

/** A package, and under which terms it comes. */
export interface LicensedPackage extends LockedPackage {
  /** An SPDX expression. */
  readonly licence: string;
}

interface LockFile {
  readonly npm?: Readonly<Record<string, { readonly integrity?: string }>>;
}

/**
 * Reads the packages of a lock file. Pure.
 * @throws {SyntaxError} If it is none.
 */
export function parseLock(text: string): LockedPackage[] {
  const lock: LockFile = JSON.parse(text);
  return Object.entries(lock.npm ?? {}).map(([key, { integrity = "" }]) => {
    // Behind an underscore stand the peers that a copy was made for.
    const plain = key.split("_")[0] ?? key;
    const at = plain.lastIndexOf("@");
    return {
      name: plain.slice(0, at),
      version: plain.slice(at + 1),
      integrity,
    };
  });
}

/**
 * Looks the licences up in Deno's cache, where the build has put the packages.
 * @param cache Folder of npm packages, as `deno info` names it.
 * @throws {Error} If one is not there or has no licence.
 */
export async function findLicences(
  packages: readonly LockedPackage[],
  cache: string,
): Promise<LicensedPackage[]> {
  const found: LicensedPackage[] = [];
  for (const one of packages) {
    const licence = await findLicence(one, cache);
    if (licence === undefined) {
      throw new Error(`Cannot find the licence of ${one.name}@${one.version}`);
    }
    found.push({ ...one, licence });
  }
  return found;
}

async function findLicence(
  { name, version }: LockedPackage,
  cache: string,
): Promise<string | undefined> {
  // One folder for each registry; a package is in one of them.
  for await (const registry of Deno.readDir(cache)) {
    const file = `${cache}/${registry.name}/${name}/${version}/package.json`;
    let text: string;
    try {
      text = await Deno.readTextFile(file);
    } catch {
      continue;
    }
    const { license, licenses } = JSON.parse(text);
    if (typeof license === "string") return license;
    // The form of old packages, as ssh2 has it.
    const types = (Array.isArray(licenses) ? licenses : [license])
      .map((one) => typeof one?.type === "string" ? one.type : undefined)
      .filter((type) => type !== undefined);
    return types.length > 0 ? types.join(" OR ") : undefined;
  }
  return undefined;
}

/**
 * Writes the bill. Pure.
 * @param deno Version of the Deno that the programs run on.
 */
export function formatSbom(
  packages: readonly LicensedPackage[],
  { version, deno }: { version: string; deno: string },
): string {
  const components = [
    {
      type: "application",
      name: "deno",
      version: deno,
      purl: `pkg:github/denoland/deno@v${deno}`,
      licenses: [{ expression: "MIT" }],
    },
    ...packages.map(({ name, version, integrity, licence }) => ({
      type: "library",
      name,
      version,
      purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
      licenses: [{ expression: licence }],
      hashes: hashesOf(integrity),
    })),
  ];
  const bill = {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      component: {
        type: "application",
        name: "gitlab-shell-deno",
        version,
        licenses: [{ expression: "MIT" }],
      },
    },
    components,
  };
  return `${JSON.stringify(bill, undefined, 2)}\n`;
}

function hashesOf(integrity: string): { alg: string; content: string }[] {
  const [algorithm, base64 = ""] = integrity.split("-");
  if (algorithm !== "sha512") return [];
  const content = Uint8Array.fromBase64(base64).toHex();
  return [{ alg: "SHA-512", content }];
}
