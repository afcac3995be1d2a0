import { assertEquals, assertStrictEquals } from "@std/assert";
import { acceptServerStream } from "../../../src/gitaly/server_stream.ts";
import { SidechannelRegistry } from "../../../src/gitaly/sidechannel_registry.ts";
import { YamuxSession } from "../../../src/gitaly/yamux_session.ts";
import { makeSocketPair } from "../../support/gitaly_socket_pair.ts";
import { type PeerStream, YamuxPeer } from "../../support/gitaly_yamux_peer.ts";

const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const EMPTY_SETTINGS = "000000040000000000";
const SETTINGS_ACK = "000000040100000000";
/** Trailers only: `:status` 200, `content-type`, `grpc-status` 12. */
const UNIMPLEMENTED_BLOCK = "88" + "0f1010" + toHex("application/grpc") +
  "000b" + toHex("grpc-status") + "02" + toHex("12");

function toHex(text: string): string {
  return new TextEncoder().encode(text).toHex();
}

/** Runs `use` on a server-opened stream that an answerer serves. */
async function withBackchannel(
  use: (stream: PeerStream, peer: YamuxPeer) => Promise<void>,
): Promise<void> {
  const [client, server] = makeSocketPair();
  const registry = new SidechannelRegistry();
  const session = new YamuxSession(client, {
    preamble: new Uint8Array(0),
    onStream: (stream) =>
      void acceptServerStream(stream, { registry, connection: {} }),
  });
  const peer = new YamuxPeer(server);
  try {
    await use(await peer.open(), peer);
  } finally {
    session.close();
    peer.close();
    await peer.ended;
  }
}

async function readHex(stream: PeerStream, size: number): Promise<string> {
  return (await stream.readExactly(size)).toHex();
}

Deno.test("gitaly.md case 25: settings, pings and calls of the server are answered", async () => {
  await withBackchannel(async (stream) => {
    await stream.write(PREFACE);
    assertStrictEquals(await readHex(stream, 9), EMPTY_SETTINGS);
    await stream.write(
      Uint8Array.fromHex("000006040000000000" + "000400010000"),
    );
    assertStrictEquals(await readHex(stream, 9), SETTINGS_ACK);
    await stream.write(
      Uint8Array.fromHex("000008060000000000" + "0102030405060708"),
    );
    assertStrictEquals(
      await readHex(stream, 17),
      "000008060100000000" + "0102030405060708",
    );
    // A request whose header block needs a CONTINUATION, then its body.
    await stream.write(Uint8Array.fromHex("000001010000000001" + "82"));
    await stream.write(Uint8Array.fromHex("000001090400000001" + "86"));
    await stream.write(Uint8Array.fromHex("000005000100000001" + "0000000000"));
    const answer = UNIMPLEMENTED_BLOCK.length / 2;
    assertStrictEquals(
      await readHex(stream, 9 + answer),
      `0000${answer.toString(16)}010500000001${UNIMPLEMENTED_BLOCK}`,
    );
    assertStrictEquals(
      await readHex(stream, 13),
      "000004080000000000" + "00000005",
    );
  });
});

Deno.test("acknowledgements and unknown frames are not answered", async () => {
  await withBackchannel(async (stream) => {
    await stream.write(PREFACE);
    await readHex(stream, 9);
    await stream.write(Uint8Array.fromHex(SETTINGS_ACK));
    await stream.write(
      Uint8Array.fromHex("000008060100000000" + "00".repeat(8)),
    );
    await stream.write(Uint8Array.fromHex("0000030a0000000001" + "abcdef"));
    await stream.write(
      Uint8Array.fromHex("000008060000000000" + "11".repeat(8)),
    );
    assertStrictEquals(
      await readHex(stream, 17),
      "000008060100000000" + "11".repeat(8),
    );
  });
});

Deno.test("frames are understood however they are cut", async () => {
  const input = Uint8Array.of(
    ...PREFACE,
    ...Uint8Array.fromHex("000006040000000000" + "000400010000"),
    ...Uint8Array.fromHex("000008060000000000" + "0102030405060708"),
  );
  for (let cut = 0; cut <= input.length; cut++) {
    await withBackchannel(async (stream) => {
      await stream.write(input.subarray(0, cut));
      await stream.write(input.subarray(cut));
      assertStrictEquals(
        await readHex(stream, 9 + 9 + 17),
        EMPTY_SETTINGS + SETTINGS_ACK + "000008060100000000" +
          "0102030405060708",
      );
    });
  }
});

Deno.test("a frame of more than 16384 bytes ends the stream", async () => {
  await withBackchannel(async (stream) => {
    await stream.write(PREFACE);
    await stream.write(Uint8Array.fromHex("004001000000000001"));
    await readHex(stream, 9);
    assertStrictEquals(await stream.read(), null);
  });
});

Deno.test("the server's end is answered with ours", async () => {
  await withBackchannel(async (stream) => {
    await stream.write(PREFACE);
    await stream.closeWrite();
    await readHex(stream, 9);
    assertEquals(await stream.read(), null);
    assertStrictEquals(stream.finCount, 1);
  });
});
