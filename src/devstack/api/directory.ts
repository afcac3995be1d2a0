/**
 * Who and what the stand-in for GitLab knows: users, keys and projects.
 * @module
 */

/** A person. */
export interface DevUser {
  readonly id: number;
  readonly username: string;
  readonly name: string;
  readonly isBlocked?: boolean;
  /** Principal under which Kerberos knows the user. */
  readonly kerberosPrincipal?: string;
  /** The one-time password that is right; absent without a second factor. */
  readonly otp?: string;
}

/** An SSH key; its numbers and those of users are counted apart. */
export interface DevKey {
  readonly id: number;
  readonly type: "key" | "deploy_key";
  /** Type, base64 and comment. */
  readonly publicKey: string;
  /** Absent for a deploy key. */
  readonly userId?: number;
  /** Projects of a deploy key, by path, and whether it may push to them. */
  readonly deployAccess?: Readonly<Record<string, "pull" | "push">>;
}

/** A project with its repository. */
export interface DevProject {
  readonly id: number;
  /** `group/project`, compared without regard to letter case. */
  readonly path: string;
  readonly rootNamespaceId: number;
  readonly visibility: "public" | "internal" | "private";
  /** What members may do, by username. */
  readonly members: Readonly<Record<string, "pull" | "push">>;
  readonly isArchived?: boolean;
  readonly storageName: string;
  readonly relativePath: string;
  /** Shown to the user before anything else. */
  readonly consoleMessages?: readonly string[];
  readonly needsAudit?: boolean;
  /** Largest push in bytes. */
  readonly pushSizeBytesMax?: number;
}

/** Finds the entries of each kind the ways GitLab does. */
export class Directory {
  readonly #users = new Map<number, DevUser>();
  readonly #keys = new Map<number, DevKey>();
  readonly #projects = new Map<string, DevProject>();

  /** Adds or replaces a user. */
  setUser(user: DevUser): void {
    this.#users.set(user.id, user);
  }
  /** Adds or replaces a key. */
  setKey(key: DevKey): void {
    this.#keys.set(key.id, key);
  }
  /** Adds or replaces a project. */
  setProject(project: DevProject): void {
    this.#projects.set(project.path.toLowerCase(), project);
  }
  /** Forgets a key, as when its owner deletes it. */
  removeKey(id: number): void {
    this.#keys.delete(id);
  }

  get users(): readonly DevUser[] {
    return [...this.#users.values()];
  }
  get keys(): readonly DevKey[] {
    return [...this.#keys.values()];
  }
  get projects(): readonly DevProject[] {
    return [...this.#projects.values()];
  }

  user(id: number | undefined): DevUser | undefined {
    return id === undefined ? undefined : this.#users.get(id);
  }

  userByName(username: string): DevUser | undefined {
    return this.users.find((user) => user.username === username);
  }

  userByPrincipal(principal: string): DevUser | undefined {
    return this.users.find((user) => user.kerberosPrincipal === principal);
  }

  /** @param id Decimal digits, as they come in requests. */
  key(id: string): DevKey | undefined {
    return /^[0-9]+$/.test(id) ? this.#keys.get(Number(id)) : undefined;
  }

  /** @param blob Base64 of the key's wire form, padded or not. */
  keyByBlob(blob: string): DevKey | undefined {
    const wanted = withoutPadding(blob);
    return this.keys.find(({ publicKey }) =>
      withoutPadding(publicKey.split(" ")[1] ?? "") === wanted
    );
  }

  /** @param text The repository as the user typed it. */
  project(text: string): DevProject | undefined {
    const path = text.replace(/^\/+/, "").replace(/\.git$/, "");
    return this.#projects.get(path.toLowerCase());
  }
}

function withoutPadding(base64: string): string {
  return base64.replace(/=+$/, "");
}
