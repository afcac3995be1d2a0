/**
 * A devstack with one of the two doors in front of it: OpenSSH's sshd with the
 * lookup helper and gitlab-shell of `dist/`, or gitlab-sshd.
 * @module
 */
import {
  makeSshKeys,
  openSshFrontDoor,
  sshdConfigLines,
} from "../../src/cli/ssh_front_door.ts";
import { SAMPLE } from "../../src/devstack/sample.ts";
import {
  type Devstack,
  type DevstackOptions,
  startDevstack,
} from "../../src/devstack/stack.ts";
import { GitClient, type SshDoor } from "./git_client.ts";
import { startOpenssh } from "./openssh_server.ts";
import { makeTempDir } from "./temp_dir.ts";

/** Both doors by name. */
export const DOOR_NAMES = ["OpenSSH and gitlab-shell", "gitlab-sshd"] as const;
/** One of the doors. */
export type DoorName = typeof DOOR_NAMES[number];

/** A stack with a door, and a folder for its clients. */
export interface SshWorld extends AsyncDisposable {
  readonly stack: Devstack;
  readonly door: SshDoor;
  readonly folder: string;
}

/** Opens a world whose one key is the sample user's. */
export async function openSshWorld(
  name: DoorName,
  options: DevstackOptions = {},
): Promise<SshWorld> {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(makeTempDir()).path;
  const keys = await makeSshKeys(folder);
  const stack = parts.use(
    await startDevstack({
      ...options,
      keys: [{
        id: SAMPLE.keyId,
        type: "key",
        publicKey: keys.userPublicKey,
        userId: SAMPLE.userId,
      }],
      configLines: [
        ...sshdConfigLines(keys, { hostname: "127.0.0.1", port: 0 }),
        ...options.configLines ?? [],
      ],
    }),
  );
  const rootPath = stack.shellRoot.path;
  const door = name === "gitlab-sshd"
    ? {
      ...parts.use(await openSshFrontDoor(stack.shellRoot)),
      user: "git",
      keys,
    }
    : parts.use(await startOpenssh({ rootPath, keys }));
  const owned = parts.move();
  return {
    stack,
    door,
    folder,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Defines one test with a client of its own, on a world that all share. */
export type DefineWorldTest = (
  name: string,
  run: (client: GitClient, world: SshWorld) => Promise<void>,
) => void;

/**
 * Makes the definer of the tests of one world, which is opened by the first
 * of them and closed after the last of the file.
 */
export function onSshWorld(
  name: DoorName,
  options: DevstackOptions = {},
): DefineWorldTest {
  let world: SshWorld | undefined;
  let count = 0;
  Deno.test.afterAll(async () => await world?.[Symbol.asyncDispose]());
  return (testName, run) =>
    Deno.test({
      name: `${name}: ${testName}`,
      // The world's servers wait before, during and after each test.
      sanitizeOps: false,
      sanitizeResources: false,
      async fn() {
        world ??= await openSshWorld(name, options);
        const folder = `${world.folder}/${++count}`;
        await Deno.mkdir(folder);
        await run(await GitClient.make(folder, world.door), world);
      },
    });
}
