/**
 * What goes where: the files of a Debian package and of a plain archive, from
 * a built `dist/` and from what lies beside this file.
 * @module
 */
import {
  COMPLETIONS,
  formatCompletion,
  type ShellName,
} from "./completions.ts";
import { type ManOrigin, renderManPage } from "./man_page.ts";
import { gzip, type TarEntry } from "./tar.ts";

/** Where the package has its programs; `config.yml` is looked for above. */
export const PACKAGE_ROOT = "opt/gitlab-shell";
/** Name of the Debian package. */
export const PACKAGE_NAME = "gitlab-shell-deno";
/** Files that an administrator changes; dpkg asks before it replaces them. */
export const CONFFILES = [
  "/etc/gitlab-shell/config.yml",
  "/etc/logrotate.d/gitlab-shell",
] as const;

const USER_PROGRAMS = [
  "gitaly-ssh",
  "gitlab-keys",
  "gitlab-shell",
  "gitlab-shell-check",
] as const;
const SHELLS: readonly ShellName[] = ["bash", "fish", "zsh"];
const DOCUMENTS = ["README.md", "CHANGELOG.md", "LICENSE"] as const;

/** What is packed. */
export interface PackageContent {
  /** Folder of the repository. */
  readonly root: string;
  /** A `dist/` that has been built. */
  readonly dist: string;
  /** Another Deno to run the portable form on, for another target. */
  readonly deno: string | undefined;
  /** `14.56.1` */
  readonly version: string;
  readonly origin: ManOrigin;
  readonly sbom: string;
}

const encoder = new TextEncoder();

/** Reads the built programs, sorted, below a folder of the archive. */
export async function readPrograms(
  { dist, deno }: PackageContent,
  folder: string,
): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  for (const name of await listFiles(dist)) {
    if (name.startsWith("packages/")) continue;
    if (name.endsWith("/")) {
      entries.push({ name: `${folder}/${name}`, mode: 0o755 });
      continue;
    }
    const isOther = name === "lib/deno" && deno !== undefined;
    const path = isOther ? deno : `${dist}/${name}`;
    const mode = (await Deno.stat(path)).mode ?? 0;
    entries.push({
      name: `${folder}/${name}`,
      bytes: await Deno.readFile(path),
      mode: (mode & 0o100) !== 0 ? 0o755 : 0o644,
    });
  }
  return entries;
}

/** All entries of the Debian package, folders included. */
export async function makeDebianEntries(
  content: PackageContent,
): Promise<TarEntry[]> {
  const { root, version, sbom } = content;
  const share = "usr/share";
  const doc = `${share}/doc/${PACKAGE_NAME}`;
  const pages = await renderPages(content);
  const entries = [
    ...await readPrograms(content, `${PACKAGE_ROOT}/bin`),
    text(`${PACKAGE_ROOT}/VERSION`, `${version}\n`),
    link(`${PACKAGE_ROOT}/config.yml`, "/etc/gitlab-shell/config.yml"),
    ...USER_PROGRAMS.map((name) =>
      link(`usr/bin/${name}`, `/${PACKAGE_ROOT}/bin/${name}`)
    ),
    link("usr/sbin/gitlab-sshd", `/${PACKAGE_ROOT}/bin/gitlab-sshd`),
    await packaged(root, "config.yml", "etc/gitlab-shell/config.yml"),
    await packaged(root, "logrotate.conf", "etc/logrotate.d/gitlab-shell"),
    await packaged(
      root,
      "systemd/gitlab-sshd.service",
      "usr/lib/systemd/system/gitlab-sshd.service",
    ),
    await packaged(
      root,
      "systemd/sysusers.conf",
      "usr/lib/sysusers.d/gitlab-shell.conf",
    ),
    await packaged(
      root,
      "systemd/tmpfiles.conf",
      "usr/lib/tmpfiles.d/gitlab-shell.conf",
    ),
    ...await Promise.all(pages.map(async ({ fileName, section, bytes }) => ({
      name: `${share}/man/man${section}/${fileName}.gz`,
      bytes: await gzip([bytes]),
      mode: 0o644,
    }))),
    ...completions({
      bash: (name) => `${share}/bash-completion/completions/${name}`,
      fish: (name) => `${share}/fish/vendor_completions.d/${name}.fish`,
      zsh: (name) => `${share}/zsh/vendor-completions/_${name}`,
    }),
    text(`${doc}/sbom.cdx.json`, sbom),
    await copied(`${root}/LICENSE`, `${doc}/copyright`),
    await copied(`${root}/README.md`, `${doc}/README.md`),
    {
      name: `${doc}/changelog.gz`,
      bytes: await gzip([await Deno.readFile(`${root}/CHANGELOG.md`)]),
      mode: 0o644,
    },
    ...await documents(root, `${doc}/docs`),
    await packaged(root, "Containerfile", `${doc}/examples/Containerfile`),
    await packaged(
      root,
      "kubernetes/gitlab-sshd.yaml",
      `${doc}/examples/gitlab-sshd.yaml`,
    ),
  ];
  return withFolders(entries);
}

/** All entries of the plain archive, below one folder. */
export async function makeArchiveEntries(
  content: PackageContent,
  top: string,
): Promise<TarEntry[]> {
  const { root, version, sbom } = content;
  const pages = await renderPages(content);
  const files = `${root}/src/build/package/files`;
  const etc = (await listFiles(files)).filter((name) =>
    !name.startsWith("debian/")
  );
  const entries = [
    ...await readPrograms(content, `${top}/bin`),
    text(`${top}/VERSION`, `${version}\n`),
    text(`${top}/sbom.cdx.json`, sbom),
    ...await Promise.all(
      DOCUMENTS.map((name) => copied(`${root}/${name}`, `${top}/${name}`)),
    ),
    ...await documents(root, `${top}/docs`),
    ...pages.map(({ fileName, section, bytes }) => ({
      name: `${top}/share/man/man${section}/${fileName}`,
      bytes,
      mode: 0o644,
    })),
    ...completions({
      bash: (name) => `${top}/share/completions/bash/${name}`,
      fish: (name) => `${top}/share/completions/fish/${name}.fish`,
      zsh: (name) => `${top}/share/completions/zsh/_${name}`,
    }),
    ...await Promise.all(
      etc.map((name) => copied(`${files}/${name}`, `${top}/etc/${name}`)),
    ),
  ];
  return withFolders(entries);
}

async function renderPages({ root, origin }: PackageContent) {
  const pages = [];
  for (const name of await listFiles(`${root}/docs/man`)) {
    const markdown = await Deno.readTextFile(`${root}/docs/man/${name}`);
    const page = renderManPage(markdown, origin);
    pages.push({ ...page, bytes: encoder.encode(page.text) });
  }
  return pages;
}

function completions(
  places: Readonly<Record<ShellName, (name: string) => string>>,
): TarEntry[] {
  return Object.keys(COMPLETIONS).flatMap((name) =>
    SHELLS.map((shell) =>
      text(places[shell](name), formatCompletion(name, shell))
    )
  );
}

async function documents(root: string, folder: string): Promise<TarEntry[]> {
  const names = (await listFiles(`${root}/docs`))
    .filter((name) => !name.startsWith("man/"));
  return await Promise.all(
    names.map((name) => copied(`${root}/docs/${name}`, `${folder}/${name}`)),
  );
}

function packaged(
  root: string,
  from: string,
  name: string,
): Promise<TarEntry> {
  return copied(`${root}/src/build/package/files/${from}`, name);
}

async function copied(path: string, name: string): Promise<TarEntry> {
  return { name, bytes: await Deno.readFile(path), mode: 0o644 };
}

function text(name: string, content: string): TarEntry {
  return { name, bytes: encoder.encode(content), mode: 0o644 };
}

function link(name: string, target: string): TarEntry {
  return { name, mode: 0o777, link: target };
}

/** Adds every folder above a file, sorted so that it comes before. */
function withFolders(entries: readonly TarEntry[]): TarEntry[] {
  const folders = new Set<string>();
  for (const { name } of entries) {
    for (
      let slash = name.indexOf("/");
      slash > 0;
      slash = name.indexOf("/", slash + 1)
    ) folders.add(name.slice(0, slash + 1));
  }
  const all = [
    ...[...folders].map((name): TarEntry => ({ name, mode: 0o755 })),
    ...entries.filter(({ name }) => !name.endsWith("/")),
  ];
  return all.toSorted((one, other) => one.name < other.name ? -1 : 1);
}

/** Files below a folder, sorted, and folders that are empty, with a slash. */
async function listFiles(folder: string, below = ""): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(`${folder}/${below}`)) {
    const name = `${below}${entry.name}`;
    if (entry.isDirectory) names.push(...await listFiles(folder, `${name}/`));
    else names.push(name);
  }
  // Deno would make an empty folder again that the package does not have.
  if (names.length === 0 && below !== "") return [below];
  return names.toSorted();
}
