/**
 * Puts gitlab-sshd in front of a stack. Stands apart from the stack itself,
 * which must not know the product.
 * @module
 */
import type { Devstack } from "../devstack/stack.ts";
import {
  makeSshKeys,
  openSshFrontDoor,
  sshdConfigLines,
} from "./ssh_front_door.ts";

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

const HOSTNAME = "127.0.0.1";

/**
 * Opens the door.
 * @throws {Deno.errors.AddrInUse} If the port is taken.
 * @throws {Error} If gitlab-sshd does not start, with the place of its log.
 */
export async function startFrontDoor(
  { stack: { folder, shellRoot }, port }: FrontDoorOptions,
): Promise<FrontDoor> {
  checkPort(port);
  const keysFolder = `${folder}/sshd`;
  await Deno.mkdir(keysFolder, { recursive: true });
  const keys = await makeSshKeys(keysFolder);
  const lines = sshdConfigLines(keys, { hostname: HOSTNAME, port });
  await Deno.writeTextFile(shellRoot.configFile, `\n${lines.join("\n")}\n`, {
    append: true,
  });
  return await openSshFrontDoor(shellRoot);
}

/** Asked here, where the caller can be told in words what is wrong. */
function checkPort(port: number): void {
  try {
    Deno.listen({ hostname: HOSTNAME, port }).close();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AddrInUse)) throw cause;
    throw new Deno.errors.AddrInUse(
      `Cannot listen on ${HOSTNAME}:${port}: the address is in use`,
      { cause },
    );
  }
}
