/**
 * Fuzz target: the frames of Gitaly's sidechannel. Cut anywhere they are the
 * same frames, and a session that is fed with them ends, with no more held
 * than its windows allow.
 */
import { assert, assertEquals } from "@std/assert";
import { ProtocolError } from "../../src/core/errors.ts";
import type { Socket } from "../../src/gitaly/socket.ts";
import {
  encodeYamuxHeader,
  YAMUX_FLAG,
  YAMUX_TYPE,
  YamuxDecoder,
} from "../../src/gitaly/yamux_frame.ts";
import { YamuxSession } from "../../src/gitaly/yamux_session.ts";
import {
  cutAtRandom,
  defineFuzzTarget,
  refusal,
} from "../support/fuzz_target.ts";

interface Read {
  readonly frames: readonly string[];
  readonly fault: string;
}

function read(chunks: readonly Uint8Array[]): Read {
  const decoder = new YamuxDecoder();
  const frames: string[] = [];
  try {
    for (const chunk of chunks) {
      decoder.feed(chunk);
      for (let kind = decoder.next(); kind; kind = decoder.next()) {
        if (kind === "header") frames.push(JSON.stringify(decoder.frame) + " ");
        else frames[frames.length - 1] += decoder.payload.toHex();
      }
    }
    const end = decoder.isBetweenFrames ? "complete" : "incomplete";
    return { frames, fault: end };
  } catch (error) {
    return { frames, fault: refusal(error, ProtocolError) };
  }
}

/** A socket that brings `chunks`, takes everything, and counts what it took. */
function socketOf(chunks: Uint8Array[]): Socket & { sentBytes: number } {
  return {
    sentBytes: 0,
    read(buffer) {
      const chunk = chunks[0];
      if (!chunk) return Promise.resolve(null);
      const size = Math.min(chunk.length, buffer.length);
      buffer.set(chunk.subarray(0, size));
      if (size === chunk.length) chunks.shift();
      else chunks[0] = chunk.subarray(size);
      return Promise.resolve(size);
    },
    write(bytes) {
      this.sentBytes += bytes.length;
      return Promise.resolve(bytes.length);
    },
    closeWrite: () => Promise.resolve(),
    close() {},
  } as Socket & { sentBytes: number };
}

/** @returns How a session with one stream of ours ended. */
async function converse(chunks: Uint8Array[]): Promise<string> {
  const inputBytes = chunks.reduce((sum, { length }) => sum + length, 0);
  const socket = socketOf(chunks);
  const peers: number[] = [];
  const session = new YamuxSession(socket, {
    preamble: new Uint8Array(0),
    onStream: (stream) => void peers.push(stream.id),
    closeTimeoutMs: 0,
  });
  session.openStream();
  const end = await session.ended;
  session.close();
  assert(peers.length <= 256);
  // At most a frame of our own for each that came, and those of our stream.
  assert(socket.sentBytes <= inputBytes + 24 + 12 * 8, `${socket.sentBytes}`);
  return end.by;
}

const { data, windowUpdate, ping, goAway } = YAMUX_TYPE;
const { syn, ack, fin, rst } = YAMUX_FLAG;

function frame(
  type: number,
  flags: number,
  streamId: number,
  length: number,
): Uint8Array {
  return encodeYamuxHeader({ type, flags, streamId, length });
}

function join(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

defineFuzzTarget(import.meta.url, {
  seeds: [
    join(
      frame(windowUpdate, ack, 1, 0),
      frame(data, 0, 1, 3),
      new Uint8Array(3),
    ),
    join(
      frame(windowUpdate, syn, 2, 0),
      frame(data, fin, 2, 1),
      new Uint8Array(1),
    ),
    join(frame(ping, syn, 0, 7), frame(goAway, 0, 0, 0)),
    join(frame(data, syn | fin, 4, 0), frame(windowUpdate, rst, 1, 0)),
  ],
  words: [
    frame(windowUpdate, 0, 1, 0xffff_ffff),
    frame(data, 0, 1, 0xffff_ffff),
    frame(data, rst, 2, 0),
    frame(ping, ack, 0, 1),
    frame(windowUpdate, syn, 6, 0),
  ],
  inputs: 6_000,
  outcomes: ["peer", "violation", "peer refused: Cannot accept yamux"].slice(
    0,
    2,
  ),
  async run(input, random) {
    const whole = read([input]);
    assertEquals(read(cutAtRandom(input, random)), whole);
    const end = await converse(cutAtRandom(input, random));
    assert(end !== "us");
    return `${end}, ${whole.fault}`;
  },
});
