/**
 * Whom TLS connections trust: the certificates that a Go program would load on
 * Linux, as PEM text for `caCerts`.
 *
 * Deno's own store cannot serve: its list of `system` certificates fails
 * altogether when `SSL_CERT_FILE` is set and empty, and knows nothing of
 * `SSL_CERT_DIR` (measured on Deno 2.9.6). So its store is switched off, and
 * every root comes from here.
 * Source: Go 1.24, crypto/x509/root_linux.go and root_unix.go; GitLab Shell
 * 14.56.1, HTTP client (`ca_file`, `ca_path`).
 * @module
 */

/** Bundle files, of which the first that can be read is taken. */
const BUNDLE_FILES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
] as const;
/** Folders, of which every file is taken. */
const FOLDERS = ["/etc/ssl/certs", "/etc/pki/tls/certs"] as const;
/** Larger than any bundle in use; Debian's has 220 KB. */
const FILE_BYTES_MAX = 8 * 1024 * 1024;
const FOLDER_ENTRIES_MAX = 10_000;

const STORE_VARIABLE = "DENO_TLS_CA_STORE";
// A list of nothing. An empty value would mean the default, Mozilla's roots.
const NO_STORE = ",";

/** Where roots come from besides the distribution's files. */
export interface TlsRootSources {
  /** Reads `SSL_CERT_FILE` and `SSL_CERT_DIR`; empty counts as unset. */
  env(name: string): string | undefined;
  /** One more PEM file; empty for none. */
  readonly caFile?: string;
  /** A folder whose files are all added; empty for none. */
  readonly caPath?: string;
}

/**
 * Reads every root certificate. What cannot be read, and what is no
 * certificate, is left out without a word, as in Go.
 *
 * The files are read synchronously: the same 150 small files take 4 ms so and
 * 35 ms with asynchronous calls, and it happens once per process.
 * @returns One PEM text per certificate, each once.
 */
export function loadTlsRoots(sources: TlsRootSources): string[] {
  const { caFile, caPath } = sources;
  const ownFile = sources.env("SSL_CERT_FILE");
  const ownFolders = sources.env("SSL_CERT_DIR");
  const bundles = ownFile ? [ownFile] : BUNDLE_FILES;
  const folders = ownFolders ? ownFolders.split(":") : FOLDERS;
  const roots = new Set<string>();
  const add = (text: string | undefined) => {
    for (const pem of splitCertificates(text ?? "")) roots.add(pem);
  };
  for (const bundle of bundles) {
    const text = readText(bundle);
    add(text);
    if (text !== undefined) break;
  }
  for (const folder of folders) {
    for (const text of readFolder(folder)) add(text);
  }
  if (caFile) add(readText(caFile));
  if (caPath) {
    for (const text of readFolder(caPath)) add(text);
  }
  return [...roots];
}

/**
 * Finds the certificates in a PEM text, whatever else stands in it.
 * @returns Each with its base64 on one line, so that equal ones are equal text.
 * @example
 * ```ts
 * import { splitCertificates } from "./tls_roots.ts";
 * splitCertificates("no certificate at all"); // []
 * ```
 */
export function splitCertificates(text: string): string[] {
  const found: string[] = [];
  const blocks = text.matchAll(
    /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/g,
  );
  for (const [, body = ""] of blocks) {
    const base64 = body.replace(/\s+/g, "");
    if (!isFramedDer(base64)) continue;
    found.push(
      `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    );
  }
  return found;
}

/**
 * Leaves out what rustls refuses as a root. One such certificate makes Deno
 * refuse the whole list before it dials, where Go skips it; this is the slow
 * way to find it, for when that has happened.
 */
export function dropUnusableRoots(roots: readonly string[]): string[] {
  return roots.filter((pem) => {
    try {
      Deno.createHttpClient({ caCerts: [pem] }).close();
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Keeps Deno's own roots out of this process's TLS connections. To be called
 * before the first of them. Does nothing if the launcher has done it, so that
 * programs need no permission to change their environment.
 */
export function forgetBuiltInRoots(
  { env, setEnv }: {
    env(name: string): string | undefined;
    setEnv(name: string, value: string): void;
  },
): void {
  if (env(STORE_VARIABLE) !== NO_STORE) setEnv(STORE_VARIABLE, NO_STORE);
}

function readText(path: string): string | undefined {
  try {
    // A pipe would be read for ever, so only plain files are opened.
    const { isFile, size } = Deno.statSync(path);
    if (!isFile || size > FILE_BYTES_MAX) return undefined;
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

function* readFolder(folder: string): Generator<string> {
  for (const name of listFiles(folder)) {
    const text = readText(`${folder}/${name}`);
    if (text !== undefined) yield text;
  }
}

function listFiles(folder: string): string[] {
  const names: string[] = [];
  try {
    for (const { name, isDirectory, isSymlink } of Deno.readDirSync(folder)) {
      if (isDirectory) continue;
      // OpenSSL's hashed names are links to files of the same folder.
      if (isSymlink && pointsBeside(`${folder}/${name}`)) continue;
      names.push(name);
      if (names.length === FOLDER_ENTRIES_MAX) break;
    }
  } catch {
    // A folder that is missing or may not be listed adds nothing.
  }
  return names;
}

function pointsBeside(link: string): boolean {
  try {
    return !Deno.readLinkSync(link).includes("/");
  } catch {
    return false;
  }
}

/** Whether the base64 text is one DER sequence of exactly its stated length. */
function isFramedDer(base64: string): boolean {
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) {
    return false;
  }
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  const sizeBytes = base64.length / 4 * 3 - padding;
  const head = atob(base64.slice(0, 8));
  const [tag, form, high, low] = [0, 1, 2, 3].map((at) => head.charCodeAt(at));
  if (tag !== 0x30 || high === undefined || low === undefined) return false;
  if (form === 0x82) return sizeBytes === 4 + high * 256 + low;
  return form === 0x81 && sizeBytes === 3 + high;
}
