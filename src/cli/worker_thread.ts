/**
 * Whether this code runs in a thread beside the main one.
 *
 * Such a thread is started from the entry itself, with the arguments of the
 * process and all that it may do: a build needs no second entry for it.
 * @module
 */

/** Messages between the threads; a thread of its own has these two. */
export interface ThreadScope {
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent) => void) | null;
}

/** The scope of a thread beside the main one; `undefined` in the main one. */
export function findThreadScope(): ThreadScope | undefined {
  const scope: Record<string, unknown> & typeof globalThis = globalThis;
  return typeof scope["WorkerGlobalScope"] === "function" &&
      isThreadScope(scope)
    ? scope
    : undefined;
}

function isThreadScope(scope: object): scope is ThreadScope {
  return "postMessage" in scope && typeof scope.postMessage === "function" &&
    "onmessage" in scope;
}
