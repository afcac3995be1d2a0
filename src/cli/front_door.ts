/**
 * Puts gitlab-sshd in front of a stack. Stands apart from the stack itself,
 * which must not know the product.
 * @module
 */
import type { Devstack } from "../devstack/stack.ts";

/** What the door opens to. */
export interface FrontDoorOptions {
  readonly stack: Devstack;
  /** 0 for any free one. */
  readonly port: number;
}

/** A door that is open; disposing closes it and ends its sessions. */
export interface FrontDoor extends AsyncDisposable {
  readonly port: number;
}

/**
 * Opens the door.
 * @returns `undefined` in a release that has no gitlab-sshd.
 */
export function startFrontDoor(
  _options: FrontDoorOptions,
): Promise<FrontDoor | undefined> {
  return Promise.resolve(undefined);
}
