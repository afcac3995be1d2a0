/**
 * The root certificates of this process, read when the first TLS connection
 * asks for them, and once.
 * @module
 */

/** Reads the roots and keeps them. */
export class TrustedRoots {
  readonly #env: (name: string) => string | undefined;
  #roots: Promise<string[]> | undefined;

  constructor(env: (name: string) => string | undefined) {
    this.#env = env;
  }

  /** Every root as PEM text. */
  list(): Promise<string[]> {
    return this.#roots ??= import("../core/tls_roots.ts")
      .then(({ loadTlsRoots }) => loadTlsRoots({ env: this.#env }));
  }
}
