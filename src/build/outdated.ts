/**
 * `deno task outdated`: tells which packages have newer versions, and which
 * have known advisories where the registry can say so. It asks through npm's
 * own client and changes nothing. The exit status is 1 if there are advisories.
 * @module
 */

/** A package of the lock file, which has each in one version. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
}

/** A package that could be newer. */
export interface NewerVersion extends LockedPackage {
  readonly latest: string;
}

/** An advisory about a package that is used. */
export interface Advisory {
  readonly name: string;
  readonly severity: string;
  readonly title: string;
}

const TIMEOUT_MS = 120_000;

/**
 * The packages that a lock file names.
 * @throws {SyntaxError} If it is not JSON.
 * @example
 * ```ts
 * import { parseLock } from "./outdated.ts";
 * parseLock('{"npm":{"@a/b@1.0.0":{}}}'); // [{ name: "@a/b", version: "1.0.0" }]
 * ```
 */
export function parseLock(text: string): LockedPackage[] {
  const { npm = {} }: { npm?: Record<string, unknown> } = JSON.parse(text);
  return Object.keys(npm).map((key) => {
    // The name may begin with an at sign, and the version may name peers.
    const at = key.indexOf("@", 1);
    const [version = ""] = key.slice(at + 1).split("_");
    return { name: key.slice(0, at), version };
  });
}

/**
 * Reads what `npm outdated --json` prints.
 * @param locked What is used; npm's own idea of it does not count.
 */
export function parseOutdated(
  text: string,
  locked: readonly LockedPackage[],
): NewerVersion[] {
  const found: Record<string, { latest?: string }> = JSON.parse(text || "{}");
  return locked.flatMap(({ name, version }) => {
    const latest = found[name]?.latest;
    return latest === undefined || latest === version
      ? []
      : [{ name, version, latest }];
  });
}

/**
 * Reads what `npm audit --json` prints.
 * @returns The advisories, or why the registry does not tell.
 */
export function parseAudit(text: string): Advisory[] | string {
  const report: {
    vulnerabilities?: Record<
      string,
      { severity?: string; via?: (string | { title?: string })[] }
    >;
    message?: string;
  } = JSON.parse(text || "{}");
  const { vulnerabilities, message = "no answer" } = report;
  // What follows the dash is an address.
  if (!vulnerabilities) return message.replace(/ - .*$/s, "");
  return Object.entries(vulnerabilities).flatMap(([name, { severity, via }]) =>
    (via ?? []).flatMap((cause) =>
      typeof cause === "string" ? [] : [{
        name,
        severity: severity ?? "unknown",
        title: cause.title ?? "without a title",
      }]
    )
  );
}

/** Asks npm about the packages, in a folder of its own. */
async function askNpm(locked: readonly LockedPackage[]) {
  const folder = await Deno.makeTempDir({ prefix: "outdated-" });
  try {
    const dependencies = Object.fromEntries(
      locked.map(({ name, version }) => [name, version]),
    );
    await Deno.writeTextFile(
      `${folder}/package.json`,
      JSON.stringify({ name: "outdated", private: true, dependencies }),
    );
    // Nothing is fetched but descriptions, and nothing of theirs is run.
    await runNpm(folder, "install", "--package-lock-only", "--ignore-scripts");
    return {
      outdated: await runNpm(folder, "outdated", "--json"),
      audit: await runNpm(folder, "audit", "--json"),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function runNpm(cwd: string, ...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command("npm", {
    args: [...args, "--no-fund", "--no-update-notifier"],
    cwd,
    stdin: "null",
    stderr: "null",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).output();
  return new TextDecoder().decode(stdout);
}

async function report(root: string): Promise<number> {
  const locked = parseLock(await Deno.readTextFile(`${root}/deno.lock`));
  const { outdated, audit } = await askNpm(locked);
  const newer = parseOutdated(outdated, locked);
  console.log(`${locked.length} packages, ${newer.length} with newer versions`);
  for (const { name, version, latest } of newer) {
    console.log(`  ${name} ${version}, newest is ${latest}`);
  }
  const advisories = parseAudit(audit);
  if (typeof advisories === "string") {
    console.log(`Advisories: the registry does not tell (${advisories})`);
    return 0;
  }
  console.log(`Advisories: ${advisories.length}`);
  for (const { name, severity, title } of advisories) {
    console.log(`  ${name}, ${severity}: ${title}`);
  }
  return advisories.length > 0 ? 1 : 0;
}

if (import.meta.main) {
  const root = await Deno.realPath(new URL("../..", import.meta.url));
  try {
    Deno.exit(await report(root));
  } catch (error) {
    console.error(
      `Cannot ask npm: ${error instanceof Error ? error.message : error}`,
    );
    Deno.exit(2);
  }
}
