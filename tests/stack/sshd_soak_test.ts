/**
 * gitlab-sshd under churn: clients that log in and ask, list, clone, rekey,
 * are refused, leave in every way that there is, and come again. After the
 * warm-up its memory stays where it is, its files are given back, and the last
 * session is served as the first.
 *
 * SOAK_MINUTES=15 makes a soak of it, and the bound a narrow one.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { SAMPLE } from "../../src/devstack/sample.ts";
import { MESSAGE } from "../../src/ssh/ssh_messages.ts";
import { SshReader } from "../../src/ssh/wire.ts";
import { openFaultWorld } from "../support/fault_world.ts";
import { countOpenFiles, memoryMib, waitUntil } from "../support/processes.ts";
import { RawClient } from "../unit/ssh/raw_client.ts";

const GIVEN = Deno.env.get("SOAK_MINUTES");
const IS_FULL = GIVEN !== undefined;
const DURATION_MS = IS_FULL ? Number(GIVEN) * 60_000 : 16_000;
const VISITORS = 6;
const VISIT_MS_MAX = 30_000;
const SAMPLE_MS = IS_FULL ? 1_000 : 100;
/**
 * Between two collections the heap breathes by some 15 MiB, so that the least
 * of a quarter is what counts. A short run is still finding its size.
 */
const GROWN_MIB_MAX = IS_FULL ? 8 : 40;
/** What a visit may seem to leave: less than any object that it is made of. */
const GROWN_KIB_PER_VISIT = 0.5;
const KIB_PER_MIB = 1024;
const KEPT_FILES_MAX = 12;
const ENDED_MS_MAX = 30_000;

interface Place {
  readonly folder: string;
  readonly port: number;
}

type Visit = (place: Place) => Promise<void>;

const encoder = new TextEncoder();
const pkt = (text: string) =>
  encoder.encode((text.length + 4).toString(16).padStart(4, "0") + text);

/** Output of a channel until `enough` says so, or the server closes it. */
async function readOutput(
  client: RawClient,
  enough: (text: string) => boolean = () => false,
): Promise<string> {
  let text = "";
  while (!enough(text)) {
    const message = await client.next(
      MESSAGE.channelData,
      MESSAGE.channelClose,
    );
    if (message[0] === MESSAGE.channelClose) break;
    const reader = new SshReader(message, 1);
    reader.readUint32();
    text += new TextDecoder("latin1").decode(reader.readString());
  }
  return text;
}

async function greet(client: RawClient, id: number): Promise<void> {
  const channel = await client.openSession({ id });
  client.request(channel, "shell", { wantReply: false });
  assertStringIncludes(
    await readOutput(client),
    `Welcome to GitLab, @${SAMPLE.username}!`,
  );
}

/** Asks for all of a repository; the answer may be left. */
async function startClone(client: RawClient): Promise<number> {
  const channel = await client.openSession();
  client.exec(channel, `git-upload-pack '${SAMPLE.project}.git'`);
  const list = await readOutput(client, (text) => text.endsWith("0000"));
  const [, head] = /^.{4}([0-9a-f]{40}) /.exec(list) ?? [];
  if (head === undefined) throw new Error(`No refs: ${JSON.stringify(list)}`);
  client.data(channel, pkt(`want ${head} side-band-64k\n`));
  client.data(channel, encoder.encode("0000"));
  client.data(channel, pkt("done\n"));
  return channel;
}

const VISITS: ReadonlyMap<string, Visit> = new Map<string, Visit>([
  ["asks who it is, four times on one connection", async (place) => {
    await using client = await RawClient.login(place);
    for (let id = 0; id < 4; id++) await greet(client, id);
  }],
  ["clones", async (place) => {
    await using client = await RawClient.login(place);
    await startClone(client);
    assertStringIncludes(await readOutput(client), "PACK");
  }],
  ["lists and has enough", async (place) => {
    await using client = await RawClient.login(place);
    const channel = await client.openSession();
    client.exec(channel, `git-upload-pack '${SAMPLE.project}.git'`);
    await readOutput(client, (text) => text.endsWith("0000"));
    client.data(channel, encoder.encode("0000"));
    client.eof(channel);
    await readOutput(client);
  }],
  ["is killed in the middle of a clone", async (place) => {
    const client = await RawClient.login(place);
    await startClone(client);
    client.pause();
    client.kill();
    await client.ended;
  }],
  ["closes a channel that is being written to", async (place) => {
    await using client = await RawClient.login(place);
    client.closeChannel(await startClone(client));
    await greet(client, 1);
  }],
  ["exchanges keys again", async (place) => {
    await using client = await RawClient.login(place);
    const { exchanges } = client;
    client.rekey();
    await greet(client, 0);
    assert(client.exchanges > exchanges);
  }],
  ["asks for what does not exist", async (place) => {
    await using client = await RawClient.login(place);
    const channel = await client.openSession();
    client.exec(channel, "git-upload-pack 'nobody/nothing.git'");
    assertEquals(await readOutput(client), "");
  }],
  ["leaves before it logs in", async (place) => {
    const client = await RawClient.connect(place.port);
    await client.requestAuth();
    client.kill();
    await client.ended;
  }],
  ["speaks no SSH", async (place) => {
    using tcp = await Deno.connect({ hostname: "127.0.0.1", port: place.port });
    await tcp.write(encoder.encode("GET / HTTP/1.1\r\n\r\n"));
    // The server's own line; then the scanner goes on to the next port.
    await tcp.read(new Uint8Array(4_096));
  }],
]);

/** Comes and goes until the time is over; returns how often. */
async function visitUntil(
  endMs: number,
  place: Place,
  first: number,
): Promise<number> {
  const visits = [...VISITS];
  let count = 0;
  for (; performance.now() < endMs; count++) {
    const [name, visit] = visits[(first + count) % visits.length] ??
      ["", () => Promise.resolve()];
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error("takes too long")),
      VISIT_MS_MAX,
    );
    try {
      await Promise.race([visit(place), late.promise]);
    } catch (cause) {
      throw new Error(`Visit ${count}, who ${name}, failed`, { cause });
    } finally {
      clearTimeout(timer);
    }
  }
  return count;
}

/** Memory of the process, sample by sample, until the end or a failure. */
async function watchMemory(
  pid: number,
  endMs: number,
  signal: AbortSignal,
): Promise<number[]> {
  const samples: number[] = [];
  while (performance.now() < endMs && !signal.aborted) {
    samples.push(memoryMib(pid, "VmRSS"));
    await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
  }
  return samples;
}

Deno.test({
  name: "gitlab-sshd: memory and files stay level under churn",
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using world = await openFaultWorld({
      door: "gitlab-sshd",
      sshdLines: ["max_startups: none", "per_source_penalties: no"],
      rateLimit: Infinity,
    });
    const { pid, door: { keys, port }, folder } = world;
    if (pid === undefined) throw new Error("No process");
    for (const end of ["", ".pub"]) {
      await Deno.copyFile(
        keys.userKeyFile + end,
        `${folder}/user_ed25519${end}`,
      );
    }
    const place = { folder, port };
    for (const visit of VISITS.values()) await visit(place);
    const filesBefore = countOpenFiles(pid);
    const endMs = performance.now() + DURATION_MS;
    const failed = new AbortController();
    const watching = watchMemory(pid, endMs, failed.signal);
    const counts = await Promise.all(
      Array.from(
        { length: VISITORS },
        (_, number) => visitUntil(endMs, place, number),
      ),
    ).catch(async (error) => {
      // Else it would look for a process that has gone, and hide the error.
      failed.abort();
      await watching;
      throw error;
    });
    const samples = await watching;
    const quarter = Math.floor(samples.length / 4);
    const early = Math.min(...samples.slice(quarter, 2 * quarter));
    const late = Math.min(...samples.slice(-quarter));
    const visits = counts.reduce((sum, count) => sum + count, 0);
    const story = `${visits} visits, at least ${early.toFixed(1)} MiB, ` +
      `then ${late.toFixed(1)} MiB`;
    if (IS_FULL) console.log(story);
    assert(visits > VISITS.size * VISITORS, story);
    const mayGrowMib = GROWN_MIB_MAX +
      visits * GROWN_KIB_PER_VISIT / KIB_PER_MIB;
    assert(late - early < mayGrowMib, story);
    const isBack = await waitUntil(
      () => countOpenFiles(pid) <= filesBefore + KEPT_FILES_MAX,
      ENDED_MS_MAX,
    );
    assert(isBack, `${filesBefore} files, ${countOpenFiles(pid)} after`);
    for (const visit of VISITS.values()) await visit(place);
  },
});
