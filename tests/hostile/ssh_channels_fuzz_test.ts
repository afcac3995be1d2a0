/**
 * Fuzz target: packets of a client that has logged in, as they leave the
 * cipher: channels opened, requested on, written to and closed in any order
 * and with any numbers. The connection goes on or ends with a reason; no
 * session outlives it; no window is overrun and nothing follows a CLOSE.
 */
import { Buffer } from "node:buffer";
import { assert } from "@std/assert";
import { ProtocolError } from "../../src/core/errors.ts";
import { Logger } from "../../src/core/log.ts";
import type { ApiClient } from "../../src/api/client.ts";
import { ChannelTable } from "../../src/ssh/channel_table.ts";
import type { Login } from "../../src/ssh/login.ts";
import type { Session } from "../../src/ssh/session.ts";
import { MESSAGE } from "../../src/ssh/ssh_messages.ts";
import type { SshTransport } from "../../src/ssh/transport.ts";
import { SshReader, SshWriter } from "../../src/ssh/wire.ts";
import { FakeClock } from "../support/fake_host.ts";
import { defineFuzzTarget, refusal } from "../support/fuzz_target.ts";

const SESSIONS_MAX = 3;
const PACKETS_MAX = 64;
const REPLY_BYTES_MAX = 3_000;

/** One channel as the client would see it. */
interface SeenChannel {
  windowBytes: number;
  isClosed: boolean;
}

/** The server's other end: keeps what a client may hold the server to. */
class FakeClient {
  readonly channels: SeenChannel[] = [];
  readonly refused: number[] = [];
  readonly #opening: { id: number; windowBytes: number }[] = [];
  readonly #byRemoteId = new Map<number, SeenChannel[]>();

  /** What the product calls of a transport. */
  get transport(): SshTransport {
    const protocol = {
      channelOpenConfirm: (remoteId: number) => {
        const { windowBytes = 0 } = this.#opening.pop() ?? {};
        const channel = { windowBytes, isClosed: false };
        this.channels.push(channel);
        this.#byRemoteId.set(remoteId, [
          ...this.#byRemoteId.get(remoteId) ?? [],
          channel,
        ]);
      },
      channelData: (id: number, data: Uint8Array) => this.#take(id, data),
      channelExtData: (id: number, data: Uint8Array) => this.#take(id, data),
      channelClose: (id: number) => {
        const channel = this.#find(id);
        assert(channel, `CLOSE of a channel that is closed: ${id}`);
        if (channel) channel.isClosed = true;
      },
    };
    return {
      isOver: false,
      hasRoom: true,
      untilRoom: () => Promise.resolve(),
      send: (payload: Uint8Array) => void this.refused.push(payload[0] ?? 0),
      protocol: new Proxy(protocol, {
        get: (target, name) =>
          Reflect.get(target, name) ??
            ((id: number) => assert(this.#find(id), `${String(name)} ${id}`)),
      }),
    } as unknown as SshTransport;
  }

  /** Notes what a message gives the server, before the server reads it. */
  note(payload: Uint8Array): void {
    try {
      const reader = new SshReader(payload, 1);
      if (payload[0] === MESSAGE.channelOpen) {
        reader.readString();
        const id = reader.readUint32();
        this.#opening.push({ id, windowBytes: reader.readUint32() });
      } else if (payload[0] === MESSAGE.channelWindowAdjust) {
        const channel = this.channels[reader.readUint32()];
        if (channel) channel.windowBytes += reader.readUint32();
      }
    } catch (error) {
      refusal(error, ProtocolError);
    }
  }

  #take(remoteId: number, data: Uint8Array): void {
    // A client may give one number to several channels, and is to blame then.
    const open = this.#byRemoteId.get(remoteId)?.filter(isOpen) ?? [];
    assert(open.length > 0, `data for a closed channel ${remoteId}`);
    const widest = open.toSorted((a, b) => b.windowBytes - a.windowBytes)[0];
    if (!widest) return;
    widest.windowBytes -= data.length;
    if (open.length === 1) assert(widest.windowBytes >= 0, "window overrun");
  }

  #find(remoteId: number): SeenChannel | undefined {
    return this.#byRemoteId.get(remoteId)?.find(isOpen);
  }
}

function isOpen({ isClosed }: SeenChannel): boolean {
  return !isClosed;
}

/** Cuts an input into packets: two bytes of length, and the payload. */
function packetsOf(input: Uint8Array): Buffer[] {
  const packets: Buffer[] = [];
  for (let at = 0; at < input.length && packets.length < PACKETS_MAX;) {
    const size = (input[at] ?? 0) << 8 | (input[at + 1] ?? 0);
    packets.push(Buffer.from(input.slice(at + 2, at + 2 + size)));
    at += 2 + size;
  }
  return packets;
}

function inputOf(...payloads: Uint8Array[]): Uint8Array {
  const bytes = payloads.flatMap((payload) => [
    payload.length >> 8,
    payload.length & 0xff,
    ...payload,
  ]);
  return Uint8Array.from(bytes);
}

const open = (id: number, windowBytes = 2_000, packetBytes = 1_000) =>
  new SshWriter().byte(MESSAGE.channelOpen).string("session").uint32(id)
    .uint32(windowBytes).uint32(packetBytes).bytes();
const request = (id: number, type: string, body = new Uint8Array(0)) =>
  new SshWriter().byte(MESSAGE.channelRequest).uint32(id).string(type)
    .bool(true).raw(body).bytes();
const exec = (id: number, command: string) =>
  request(id, "exec", new SshWriter().string(command).bytes());
const about = (type: number, id: number) =>
  new SshWriter().byte(type).uint32(id);
const data = (id: number, text: string) =>
  about(MESSAGE.channelData, id).string(text).bytes();
const eof = (id: number) => about(MESSAGE.channelEof, id).bytes();
const close = (id: number) => about(MESSAGE.channelClose, id).bytes();
const adjust = (id: number, bytes: number) =>
  about(MESSAGE.channelWindowAdjust, id).uint32(bytes).bytes();
const env = (id: number, name: string) =>
  request(id, "env", new SshWriter().string(name).string("version=2").bytes());

const silent = new Logger({
  sink: { writeLine: () => {} },
  clock: new FakeClock(),
  threshold: 12,
  format: "json",
});

defineFuzzTarget(import.meta.url, {
  seeds: [
    inputOf(open(0), exec(0, "a"), data(0, "hello"), eof(0), close(0)),
    inputOf(
      open(7),
      env(0, "GIT_PROTOCOL"),
      env(0, "LD_PRELOAD"),
      request(0, "pty-req"),
      request(0, "shell"),
      adjust(0, 4_000),
      eof(0),
    ),
    inputOf(
      open(1),
      open(2),
      open(3),
      open(4),
      exec(1, "b"),
      close(0),
      open(5),
    ),
    inputOf(
      open(0, 0, 9),
      exec(0, "c"),
      eof(0),
      adjust(0, 1),
      adjust(0, 5_000),
    ),
    inputOf(open(0, 1, 0), exec(0, "x"), exec(0, "y"), request(0, "subsystem")),
  ],
  words: [
    inputOf(open(9)),
    inputOf(close(0)),
    inputOf(eof(0)),
    inputOf(data(0, "x".repeat(200))),
    inputOf(adjust(0, 0xffff_ffff)),
    inputOf(exec(0, "z")),
    inputOf(request(0, "signal")),
    Uint8Array.of(MESSAGE.channelExtendedData),
  ],
  inputs: 8_000,
  outcomes: ["goes on", "refused: ssh: invalid channel"],
  async run(input) {
    const client = new FakeClient();
    const abort = new AbortController();
    const sessions: Session[] = [];
    const table = new ChannelTable(client.transport, {
      handle: async (_start, { io }) => {
        let bytes = 0;
        for (
          let piece = await io.stdin.read();
          piece;
          piece = await io.stdin.read()
        ) {
          bytes += piece.length;
        }
        const reply = new Uint8Array(Math.min(bytes * 10, REPLY_BYTES_MAX));
        await io.stdout.write(reply).catch(() => {});
        await io.stderr.write(reply.subarray(0, 10)).catch(() => {});
        return { exitStatus: 0 };
      },
      clock: new FakeClock(),
      start: {
        login: { kind: "key", keyId: "1" } as unknown as Login,
        remoteAddress: "127.0.0.1:1",
      },
      around: { api: {} as ApiClient, log: silent, correlationId: "c" },
      limits: {
        idleChannelMs: 60_000,
        clientGoneMs: 60_000,
        stalledMs: 60_000,
      },
      signal: abort.signal,
    }, {
      sessionsMax: SESSIONS_MAX,
      onSession: (session) => void sessions.push(session),
    });
    let outcome = "goes on";
    for (const packet of packetsOf(input)) {
      const type = packet[0];
      if (type === undefined) continue;
      client.note(packet);
      try {
        if (!table.receive(type, packet)) outcome = "goes on, unimplemented";
      } catch (error) {
        outcome = refusal(error, Error);
        // What ends a connection is worded for its ends, or a decoder's.
        assert(
          error instanceof ProtocolError || /^.*ssh: /.test(outcome),
          outcome,
        );
        break;
      }
      // Now and then the sessions have their turn in between.
      await Promise.resolve();
    }
    table.loseClient();
    abort.abort(new Error("context canceled"));
    await Promise.all(sessions.map(({ ended }) => ended));
    return outcome;
  },
});
