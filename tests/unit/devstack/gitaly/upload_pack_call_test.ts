import { assert, assertEquals, assertMatch } from "@std/assert";
import { SideBandDecoder } from "../../../../src/git/side_band.ts";
import { CARRIERS, framed, GitalyStand, pkt } from "./gitaly_stand.ts";
import type { CallOutcome, MultiplexedClient } from "./grpc_clients.ts";
import { childrenOf, untilGone } from "./processes.ts";

const METHOD = "SSHUploadPackWithSidechannel";
const V2 = { gitProtocol: "version=2" };
const ID = { "gitaly-sidechannel-id": "7" };
const MISSING_OID = "1".repeat(40);
const ALL_ZERO = {
  payloadSize: 0,
  packets: 0,
  caps: [],
  wants: 0,
  haves: 0,
  shallows: 0,
  deepen: "",
  filter: "",
};

interface Fetched {
  readonly outcome: CallOutcome;
  readonly stdout: Uint8Array;
  readonly stderr: string;
}

/** Runs a fetch whose whole input is `input`, and takes the bands apart. */
async function fetchAll(
  stand: GitalyStand,
  client: MultiplexedClient,
  { input, fields = V2, streamId = 2 }: {
    readonly input: string;
    readonly fields?: Readonly<Record<string, unknown>>;
    readonly streamId?: number;
  },
): Promise<Fetched> {
  const call = startFetch(stand, client, fields);
  await client.acceptSidechannel(streamId);
  await client.yamux.send({ streamId }, framed(input));
  const decoder = new SideBandDecoder();
  const stdout: Uint8Array[] = [];
  let stderr = "";
  for (;;) {
    const bytes = await client.yamux.takeSome(streamId);
    if (bytes === null) break;
    decoder.feed(bytes);
    while (decoder.next()) {
      if (decoder.band === 1) stdout.push(decoder.payload.slice());
      else stderr += new TextDecoder().decode(decoder.payload);
    }
    await client.yamux.grant(streamId, bytes.length).catch(() => {});
  }
  decoder.end();
  const whole = new Uint8Array(
    await new Blob(stdout as BlobPart[]).arrayBuffer(),
  );
  return { outcome: await call.outcome, stdout: whole, stderr };
}

function startFetch(
  stand: GitalyStand,
  client: MultiplexedClient,
  fields: Readonly<Record<string, unknown>> = V2,
) {
  const request = { repository: stand.repository, ...fields };
  const call = client.grpc.start(METHOD, request, stand.metadata(ID));
  call.halfClose();
  return call;
}

for (const carrier of CARRIERS) {
  for (const flavour of ["hashicorp", "libp2p"] as const) {
    Deno.test(`gitaly.md 5.9: a fetch of 5 MiB comes whole through a sidechannel (${carrier}, ${flavour})`, async () => {
      await using stand = await GitalyStand.start({
        carrier,
        yamux: { flavour },
        seed: { content: { kind: "bulk", sizeMib: 5 } },
      });
      await using client = await stand.multiplexedClient();
      const oid = await stand.git("rev-parse", "main");
      const input = pkt("command=fetch\n") + "0001" + pkt("no-progress\n") +
        pkt(`want ${oid}\n`) + pkt("done\n") + "0000";
      const { outcome, stdout, stderr } = await fetchAll(stand, client, {
        input,
      });
      assertEquals([outcome.code, stderr], [0, ""]);
      assertEquals(outcome.statistics?.["wants"], 1);
      assertEquals(outcome.statistics?.["packets"], 4);
      const [record] = stand.gitaly.calls.all;
      assertEquals(record?.outputBytes, stdout.length);
      assert(stdout.length > 5 * 1024 * 1024);
      assertEquals(new TextDecoder().decode(stdout.subarray(-4)), "0000");
    });
  }

  Deno.test(`gitaly.md case 34: the sidechannel names the id of the call (${carrier})`, async () => {
    await using stand = await GitalyStand.start({ carrier });
    await using client = await stand.multiplexedClient();
    const call = startFetch(stand, client);
    const { id } = await client.acceptSidechannel();
    assertEquals(id, 7n);
    await client.yamux.send({ streamId: 2 }, framed(""));
    assertEquals((await call.outcome).code, 0);
  });

  Deno.test(`gitaly.md case 59: version 2 with nothing to say is OK, all statistics zero (${carrier})`, async () => {
    await using stand = await GitalyStand.start({ carrier });
    await using client = await stand.multiplexedClient();
    const { outcome } = await fetchAll(stand, client, { input: "" });
    assertEquals(outcome.code, 0);
    assertEquals({ ...outcome.statistics }, ALL_ZERO);
  });

  Deno.test(`gitaly.md case 59: version 0 with nothing to say is CANCELLED (${carrier})`, async () => {
    await using stand = await GitalyStand.start({ carrier });
    await using client = await stand.multiplexedClient();
    const { outcome, stderr } = await fetchAll(stand, client, {
      input: "",
      fields: {},
    });
    const text = "running upload-pack: user canceled the request";
    assertEquals([outcome.code, outcome.details], [1, text]);
    assertEquals(stderr, "fatal: the remote end hung up unexpectedly\n");
  });

  Deno.test(`gitaly.md case 60: git's complaint comes on band 2 and in the status (${carrier})`, async () => {
    await using stand = await GitalyStand.start({ carrier });
    await using client = await stand.multiplexedClient();
    const input = pkt("command=fetch\n") + "0001" +
      pkt(`want ${MISSING_OID}\n`) + pkt("done\n") + "0000";
    const { outcome, stderr } = await fetchAll(stand, client, { input });
    const complaint = `fatal: git upload-pack: not our ref ${MISSING_OID}`;
    assertEquals(stderr, `${complaint}\n`);
    assertEquals(outcome.code, 13);
    assertEquals(
      outcome.details,
      `running upload-pack: cmd wait: exit status 128, stderr: "${complaint}\\n"`,
    );
  });

  Deno.test(`gitaly.md case 58: done without newline does not stop the clock (${carrier})`, async () => {
    await using stand = await GitalyStand.start({
      carrier,
      timeouts: { uploadPackNegotiationMs: 200 },
    });
    await using client = await stand.multiplexedClient();
    const call = startFetch(stand, client);
    await client.acceptSidechannel();
    const oid = await stand.git("rev-parse", "main");
    const input = pkt("command=fetch\n") + "0001" + pkt(`want ${oid}\n`) +
      pkt("done");
    await client.yamux.send(
      { streamId: 2 },
      new TextEncoder().encode(pkt(input)),
    );
    const { code, details } = await call.outcome;
    const text =
      "running upload-pack: waiting for negotiation: context canceled";
    assertEquals([code, details], [4, text]);
    assertEquals(stand.gitaly.gitCount, 0);
  });

  Deno.test(`gitaly.md case 63: a plain connection has no sidechannel (${carrier})`, async () => {
    await using stand = await GitalyStand.start({ carrier });
    using client = stand.plainClient();
    const { repository } = stand;
    const run = (extra: Record<string, string>) =>
      client.run(METHOD, { repository }, { metadata: stand.metadata(extra) });
    const { code, details } = await run(ID);
    assertEquals([code, details], [
      13,
      "opennig sidechannel: sidechannel: fail to extract mux session: non-multiplexed connection",
    ]);
    assertEquals(
      (await run({})).details,
      "opennig sidechannel: sidechannel: sidechannel-id not found in incoming metadata",
    );
  });

  Deno.test(`gitaly.md case 57: the sidechannel is opened before the repository is looked at (${carrier})`, async () => {
    await using stand = await GitalyStand.start({ carrier });
    await using client = await stand.multiplexedClient();
    const { outcome, stdout, stderr } = await fetchAll(stand, client, {
      input: "",
      fields: { repository: { storageName: "default", relativePath: "x" } },
    });
    assertEquals([outcome.code, outcome.details], [5, "repository not found"]);
    assertEquals([stdout.length, stderr], [0, ""]);
  });

  const HANDSHAKES = [
    ["an answer other than ok", "no", 'expected ok, got "no"'],
    ["half an answer", "o", "receive confirmation: EOF"],
    ["no answer", "", "receive confirmation: EOF"],
  ] as const;
  for (const [what, answer, cause] of HANDSHAKES) {
    Deno.test(`gitaly.md case 36: ${what} ends the call (${carrier})`, async () => {
      await using stand = await GitalyStand.start({ carrier });
      await using client = await stand.multiplexedClient();
      const call = startFetch(stand, client);
      await client.acceptSidechannel(2, answer);
      await client.yamux.finish(2);
      const { code, details } = await call.outcome;
      const expected = `opennig sidechannel: sidechannel: ${cause}`;
      assertEquals([code, details], [13, expected]);
      assertEquals(stand.gitaly.calls.all[0]?.gitPid, undefined);
    });
  }

  Deno.test(`gitaly.md 5.9: a handshake that takes too long ends the call, with the code of its age (${carrier})`, async () => {
    await using stand = await GitalyStand.start({
      carrier,
      era: "gitaly_17",
      isBackchannelEager: false,
      timeouts: { sidechannelMs: 10 },
    });
    await using client = await stand.multiplexedClient();
    const { code, details } = await startFetch(stand, client).outcome;
    assertEquals([code, details], [
      10,
      "opennig sidechannel: sidechannel: receive confirmation: i/o deadline reached",
    ]);
  });

  Deno.test(`gitaly.md case 64: cancelling a fetch ends git and all that it started (${carrier})`, async () => {
    await using stand = await GitalyStand.start({
      carrier,
      seed: { content: { kind: "bulk", sizeMib: 5 } },
    });
    await using client = await stand.multiplexedClient();
    const oid = await stand.git("rev-parse", "main");
    const call = startFetch(stand, client);
    await client.acceptSidechannel();
    const input = pkt("command=fetch\n") + "0001" + pkt(`want ${oid}\n`) +
      pkt("done\n") + "0000";
    await client.yamux.send({ streamId: 2 }, framed(input));
    // The window is never granted again, so git stops in mid-pack.
    const { gitPid = 0, ended } = await stand.gitaly.calls.until((record) =>
      record.outputBytes > 262_144
    );
    const children = await childrenOf(gitPid);
    assert(children.length > 0);
    call.cancel();
    assertEquals(await ended, { code: 1, message: "context canceled" });
    for (const pid of [gitPid, ...children]) await untilGone(pid);
    assertEquals(stand.gitaly.gitCount, 0);
  });

  Deno.test(`gitaly.md 9.5: a client that is killed takes git with it (${carrier})`, async () => {
    await using stand = await GitalyStand.start({ carrier });
    const client = await stand.multiplexedClient();
    startFetch(stand, client);
    await client.acceptSidechannel();
    const record = await stand.gitaly.calls.until(({ gitPid }) =>
      gitPid !== undefined
    );
    await client[Symbol.asyncDispose]();
    assertEquals((await record.ended).code, 1);
    assertEquals(stand.gitaly.gitCount, 0);
    await record.connection.closed;
  });

  Deno.test(`gitaly.md case 25: an eager backchannel takes stream 2, the sidechannel 4 (${carrier})`, async () => {
    await using stand = await GitalyStand.start({ carrier, era: "gitaly_17" });
    await using client = await stand.multiplexedClient();
    const preface = await client.yamux.take(2, 24);
    assertMatch(new TextDecoder().decode(preface), /^PRI \* HTTP\/2\.0\r\n/);
    const settingsAndAck = new Uint8Array(18);
    settingsAndAck[3] = settingsAndAck[12] = 4;
    settingsAndAck[13] = 1;
    await client.yamux.send({ streamId: 2 }, settingsAndAck);
    const { outcome } = await fetchAll(stand, client, {
      input: "",
      streamId: 4,
    });
    assertEquals(outcome.code, 0);
    const connection = await stand.gitaly.connections.until((record) =>
      record.backchannel === "settled"
    );
    assertEquals(connection.kind, "multiplexed");
  });
}
