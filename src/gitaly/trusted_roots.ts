/**
 * The root certificates of this process, read when the first TLS connection
 * asks for them.
 * @module
 */

/** Reads the roots once and keeps them. */
export class TrustedRoots {
  readonly #env: (name: string) => string | undefined;
  #roots: Promise<string[]> | undefined;
  #isFiltered = false;

  constructor(env: (name: string) => string | undefined) {
    this.#env = env;
  }

  /** Every root as PEM text. */
  list(): Promise<string[]> {
    return this.#roots ??= import("../core/tls_roots.ts")
      .then(({ loadTlsRoots }) => loadTlsRoots({ env: this.#env }));
  }

  /**
   * Leaves out what Deno refuses; one such certificate spoils the whole list.
   * @returns `false` if that was done before and is no help.
   */
  async dropUnusable(): Promise<boolean> {
    if (this.#isFiltered) return false;
    this.#isFiltered = true;
    const roots = await this.list();
    const { dropUnusableRoots } = await import("../core/tls_roots.ts");
    const usable = dropUnusableRoots(roots);
    this.#roots = Promise.resolve(usable);
    return usable.length < roots.length;
  }
}
