/**
 * git-lfs-transfer without a process: what a client sends goes in whole, and
 * the replies come out as text. Packets are made here, and not taken from the
 * product, which they are to check.
 * @module
 */
import type { ApiClient } from "../../src/api/client.ts";
import { run as runCommand } from "../../src/command/lfs_transfer/lfs_transfer.ts";
import { Secret } from "../../src/core/secret.ts";
import type { ByteReader, StandardStreams } from "../../src/core/io.ts";
import {
  type FakeSession,
  makeFakeSession,
  makeRequest,
} from "./fake_session.ts";
import { readerOf } from "./fake_host.ts";

/** The object of the specification's transcripts. */
export const OBJECT = {
  text: "hello world\n",
  oid: "a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447",
} as const;
/** Its other object. */
export const OTHER_OBJECT = {
  text: "hello LFS\n",
  oid: "6ac97e550e392b07ccb5abbf37dd0a813f546493b8c7e2c9f673be29676140b0",
} as const;
/** What every session is greeted with. */
export const GREETING = "000eversion=1\n000clocking\n0000";
/** A delimiter and a flush packet. */
export const D = "0001";
export const F = "0000";

const encoder = new TextEncoder();

/** A packet of text, its line end added. */
export function t(text: string): string {
  return b(`${text}\n`);
}

/** A packet of exactly this. */
export function b(text: string): string {
  const length = encoder.encode(text).length + 4;
  return length.toString(16).padStart(4, "0") + text;
}

/** An error reply. */
export function errorReply(status: number, message: string): string {
  return t(`status ${status}`) + D + t(message) + F;
}

/** How a session is run. */
export interface LfsRun {
  readonly operation?: "download" | "upload";
  /** `http://…/group/repo.git`; nothing answers there when left out. */
  readonly url?: string;
  readonly secret?: string;
  readonly words?: readonly string[];
  /** Instead of a text, for bytes. */
  readonly stdin?: ByteReader;
  /** Instead of credentials that are good for two hours. */
  readonly authenticateLfs?: ApiClient["authenticateLfs"];
  /** After which standard output is a broken pipe. */
  readonly stdoutBytesMax?: number;
}

/** What came of it. */
export interface LfsOutcome {
  /** Without the greeting. */
  readonly replies: string;
  readonly bytes: Uint8Array;
  /** What the session ended with, if with anything. */
  readonly error: Error | undefined;
  readonly session: FakeSession;
  /** Waits that the session asked for, in milliseconds. */
  readonly sleepsMs: readonly number[];
}

/** Runs one session on this input. */
export async function transfer(
  input: string,
  run: LfsRun = {},
): Promise<LfsOutcome> {
  const { operation = "upload", url, secret = "sssh", words, stdin } = run;
  const session = makeFakeSession({
    stdin: stdin ?? readerOf(input),
    config: { secret: new Secret(secret) },
    api: {
      authenticateLfs: run.authenticateLfs ?? (() =>
        Promise.resolve({
          username: "demo",
          lfsToken: "token123",
          repositoryHttpPath: url ?? "http://127.0.0.1:1/group/repo.git",
          expiresInSeconds: 7200,
        })),
    },
  });
  let error: Error | undefined;
  try {
    const all = words ?? ["git-lfs-transfer", "group/repo.git", operation];
    const io = limitOutput(session.context.io, run.stdoutBytesMax ?? Infinity);
    await runCommand(makeRequest(all), { ...session.context, io });
  } catch (thrown) {
    error = thrown instanceof Error ? thrown : new Error(String(thrown));
  }
  const { text, bytes } = session.stdout;
  const { sleepsMs } = session.context.clock as unknown as {
    sleepsMs: number[];
  };
  return {
    replies: text.startsWith(GREETING) ? text.slice(GREETING.length) : text,
    bytes,
    error,
    session,
    sleepsMs,
  };
}

function limitOutput(io: StandardStreams, bytesMax: number): StandardStreams {
  let sizeBytes = 0;
  return {
    ...io,
    stdout: {
      async write(bytes) {
        sizeBytes += bytes.length;
        if (sizeBytes > bytesMax) throw new Deno.errors.BrokenPipe("gone");
        await io.stdout.write(bytes);
      },
    },
  };
}

/** Splits replies at their flush packets; of texts only. */
export function splitReplies(replies: string): string[] {
  const found: string[] = [];
  let reply = "";
  for (let at = 0; at < replies.length;) {
    const length = parseInt(replies.slice(at, at + 4), 16);
    const size = Math.max(length, 4);
    reply += replies.slice(at, at + size);
    at += size;
    if (length > 0) continue;
    found.push(reply);
    reply = "";
  }
  return found;
}

/** Signs an id as the reference does, with the same secret as sessions. */
export async function proofOf(
  id: Record<string, unknown> | string,
  secret = "sssh",
): Promise<{ id: string; token: string }> {
  const text = typeof id === "string" ? id : JSON.stringify(id);
  const key = await crypto.subtle.importKey(
    "raw",
    encoder.encode(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  const bytes = encoder.encode(text);
  const token = await crypto.subtle.sign("HMAC", key, bytes);
  return {
    id: bytes.toBase64(),
    token: new Uint8Array(token).toBase64(),
  };
}

/** The arguments that go with a proof. */
export function proofPackets(proof: { id: string; token: string }): string {
  return t(`id=${proof.id}`) + t(`token=${proof.token}`);
}
