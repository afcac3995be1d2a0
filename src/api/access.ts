/**
 * What `/allowed` is asked and what it answers, as values.
 * Source: GitLab Shell 14.56.1, internal API, `/allowed`.
 * @module
 */

/** Who the session belongs to; at most one way of saying so. */
export type Identity =
  | { readonly kind: "none" }
  /** Digits as text; leading zeros are kept. */
  | { readonly kind: "key"; readonly keyId: string }
  | { readonly kind: "username"; readonly username: string }
  | { readonly kind: "kerberos"; readonly principal: string };

/** The access question of one Git or LFS command. */
export interface AccessQuestion {
  readonly action:
    | "git-upload-pack"
    | "git-receive-pack"
    | "git-upload-archive";
  /** The repository argument exactly as the user typed it. */
  readonly project: string;
  readonly identity: Identity;
  /** Client address as the SSH layer knows it, port allowed; empty if unknown. */
  readonly remoteAddress: string;
  /** Namespace that a group-level certificate is bound to; empty otherwise. */
  readonly namespacePath: string;
}

/** The repository as Gitaly names it. */
export interface GitalyRepository {
  readonly storageName: string;
  readonly relativePath: string;
  readonly gitObjectDirectory: string;
  readonly gitAlternateObjectDirectories: readonly string[];
  readonly glRepository: string;
  readonly glProjectPath: string;
}

/** Where to reach the repository. */
export interface GitalyTarget {
  /** `unix:`, `tcp://`, `tls://`, `dns:` or `dns+tls:`; empty is an error later. */
  readonly address: string;
  readonly token: string;
  readonly features: Readonly<Record<string, string>>;
  readonly repository: GitalyRepository;
}

/** What a status of 300 carries: forward to the Geo primary. */
export interface CustomAction {
  readonly primaryRepo: string;
  readonly requestHeaders: Readonly<Record<string, string>>;
  readonly fetchDirectToPrimary: boolean;
  readonly pushDirectToPrimary: boolean;
}

/** The decoded answer; missing fields hold the zero value, as in Go. */
export interface AccessAnswer {
  /** HTTP status: 300 means a custom action. */
  readonly httpStatus: number;
  readonly status: boolean;
  readonly message: string;
  readonly glRepository: string;
  readonly glId: string;
  readonly glKeyType: string;
  readonly glKeyId: number;
  readonly glProjectId: number;
  readonly glRootNamespaceId: number;
  readonly glUsername: string;
  readonly gitConfigOptions: readonly string[];
  readonly gitaly: GitalyTarget;
  readonly consoleMessages: readonly string[];
  readonly needAudit: boolean;
  /** `retry_config` as decoded JSON; `undefined` when absent or null. */
  readonly retryConfig: unknown;
  readonly customAction: CustomAction;
  /** Base URL of the cell that answered; empty without cell routing. */
  readonly cellAddress: string;
}
