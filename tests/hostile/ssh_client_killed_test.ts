/**
 * The attack, or the accident: a client that is killed in the middle of a
 * clone, of a push, or while Gitaly is still thinking. What Gitaly does for it
 * ends within two seconds; the reference leaves it running.
 */
import { assert, assertEquals } from "@std/assert";
import {
  makeSshKeys,
  openSshFrontDoor,
  sshdConfigLines,
} from "../../src/cli/ssh_front_door.ts";
import type { CallRecord } from "../../src/devstack/gitaly/call_records.ts";
import type { GitalyFaults } from "../../src/devstack/gitaly/faults.ts";
import { SAMPLE, SAMPLE_PROJECTS } from "../../src/devstack/sample.ts";
import { type Devstack, startDevstack } from "../../src/devstack/stack.ts";
import { MESSAGE } from "../../src/ssh/ssh_messages.ts";
import { SshReader } from "../../src/ssh/wire.ts";
import { makeTempDir } from "../support/temp_dir.ts";
import { RawClient } from "../unit/ssh/raw_client.ts";

const END_MS_MAX = 2_000;
const BIG_PROJECT = "tanuki/whale";
const ZERO_ID = "0".repeat(40);
const NEW_ID = "1".repeat(40);

interface World extends AsyncDisposable {
  readonly stack: Devstack;
  login(): Promise<RawClient>;
}

async function openWorld(faults: GitalyFaults = {}): Promise<World> {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(makeTempDir()).path;
  const keys = await makeSshKeys(folder);
  for (const end of ["", ".pub"]) {
    await Deno.copyFile(keys.userKeyFile + end, `${folder}/user_ed25519${end}`);
  }
  const [first] = SAMPLE_PROJECTS;
  if (first === undefined) throw new Error("The sample has no projects");
  const content = { kind: "bulk", sizeMib: 16 } as const;
  const stack = parts.use(
    await startDevstack({
      keys: [{
        id: SAMPLE.keyId,
        type: "key",
        publicKey: keys.userPublicKey,
        userId: SAMPLE.userId,
      }],
      projects: [
        ...SAMPLE_PROJECTS,
        { ...first, id: 201, path: BIG_PROJECT, content },
      ],
      gitaly: { gitConfigOptions: ["pack.window=0"], faults },
      configLines: sshdConfigLines(keys, { hostname: "127.0.0.1", port: 0 }),
    }),
  );
  const door = parts.use(await openSshFrontDoor(stack.shellRoot));
  const owned = parts.move();
  return {
    stack,
    login: () => RawClient.login({ folder, port: door.port }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const pkt = (text: string) =>
  new TextEncoder().encode(
    (text.length + 4).toString(16).padStart(4, "0") + text,
  );

/** Reads output up to the flush that ends an advertisement. */
async function readAdvertisement(client: RawClient): Promise<string> {
  let text = "";
  while (!text.endsWith("0000")) {
    const reader = new SshReader(await client.next(MESSAGE.channelData), 1);
    reader.readUint32();
    text += new TextDecoder("latin1").decode(reader.readString());
  }
  return text;
}

/** Kills the client, and waits for the end of its call. */
async function killDuring(
  { stack }: World,
  client: RawClient,
  call: CallRecord,
): Promise<void> {
  assertEquals(stack.gitaly.calls.all.length, 1);
  client.kill();
  const startMs = performance.now();
  await call.ended;
  const elapsedMs = performance.now() - startMs;
  assert(elapsedMs < END_MS_MAX, `${elapsedMs} ms`);
  while (stack.gitaly.gitCount > 0) {
    assert(performance.now() - startMs < 2 * END_MS_MAX, "git still runs");
    await new Promise((next) => setTimeout(next, 10));
  }
}

Deno.test("a client killed in the middle of a clone", async () => {
  await using world = await openWorld();
  const client = await world.login();
  // The window is used up long before the pack is sent.
  const channel = await client.openSession({ windowBytes: 2 ** 18 });
  client.exec(channel, `git-upload-pack '${BIG_PROJECT}.git'`);
  const [, head = ""] = /^.{4}([0-9a-f]{40}) /.exec(
    await readAdvertisement(client),
  ) ?? [];
  client.data(channel, pkt(`want ${head} side-band-64k\n`));
  client.data(channel, new TextEncoder().encode("0000"));
  client.data(channel, pkt("done\n"));
  const call = await world.stack.gitaly.calls.until(({ outputBytes }) =>
    outputBytes > 2 ** 18
  );
  await killDuring(world, client, call);
});

Deno.test("a client killed in the middle of a push", async () => {
  await using world = await openWorld();
  const client = await world.login();
  const channel = await client.openSession();
  client.exec(channel, `git-receive-pack '${SAMPLE.project}.git'`);
  await readAdvertisement(client);
  client.data(
    channel,
    pkt(`${ZERO_ID} ${NEW_ID} refs/heads/x\0 report-status side-band-64k`),
  );
  client.data(channel, new TextEncoder().encode("0000"));
  // A pack of three objects, of which there is not even one.
  client.data(channel, new TextEncoder().encode("PACK\0\0\0\x02\0\0\0\x03"));
  const call = await world.stack.gitaly.calls.until(({ gitPid }) =>
    gitPid !== undefined
  );
  await killDuring(world, client, call);
});

Deno.test("a client killed while Gitaly thinks", async () => {
  await using world = await openWorld({ call: () => ({ delayMs: 60_000 }) });
  const client = await world.login();
  const channel = await client.openSession();
  client.exec(channel, `git-upload-pack '${SAMPLE.project}.git'`);
  const call = await world.stack.gitaly.calls.until(() => true);
  await killDuring(world, client, call);
});
