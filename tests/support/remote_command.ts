/**
 * A Git command that is sent on, with a real HTTP client and everything else
 * made of values.
 * @module
 */
import type { AccessAnswer, CustomAction } from "../../src/api/access.ts";
import { GitHttpClient } from "../../src/api/git_http.ts";
import { TokenMinter } from "../../src/api/token.ts";
import { WebTransport } from "../../src/api/web_transport.ts";
import { run as runReceivePack } from "../../src/command/receive_pack.ts";
import { run as runUploadPack } from "../../src/command/upload_pack.ts";
import type { ByteReader } from "../../src/core/io.ts";
import { Secret } from "../../src/core/secret.ts";
import { FakeClock, readerOf } from "./fake_host.ts";
import {
  type FakeSession,
  makeAnswer,
  makeFakeSession,
  makeRequest,
} from "./fake_session.ts";

/** How one command runs. */
export interface RemoteRun {
  readonly service: "upload-pack" | "receive-pack";
  /** What `/allowed` has answered. */
  readonly answer: Partial<AccessAnswer>;
  /** Read to its end; it ends at once if left out. */
  readonly stdin?: ByteReader;
  readonly gitProtocol?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly silenceMs?: number;
  readonly forwardedFor?: string;
  readonly signal?: AbortSignal;
  /** Waited for after each write to standard output. */
  readonly onOutput?: () => Promise<void>;
}

/** What became of it. */
export interface RemoteOutcome extends FakeSession {
  /** Absent if it ended well. */
  readonly error: unknown;
}

/** The answer of a Geo secondary. */
export function customAction(over: Partial<CustomAction>): {
  httpStatus: number;
  customAction: CustomAction;
} {
  return {
    httpStatus: 300,
    customAction: {
      primaryRepo: "",
      requestHeaders: {},
      fetchDirectToPrimary: false,
      pushDirectToPrimary: false,
      ...over,
    },
  };
}

/** Runs a command to its end; never rejects. */
export async function runRemotely(run: RemoteRun): Promise<RemoteOutcome> {
  const { service, answer, stdin = readerOf(), gitProtocol = "" } = run;
  const session = makeFakeSession({
    answer: makeAnswer(answer),
    ...run.signal && { signal: run.signal },
    api: {
      gitHttp: () =>
        Promise.resolve(
          new GitHttpClient({
            web: new WebTransport({
              env: (name) => new Map(Object.entries(run.env ?? {})).get(name),
              setEnv: () => {},
            }),
            minter: new TokenMinter(new Secret("s3cret\n")),
            log: session.context.log,
            clock: new FakeClock(),
            correlationId: session.context.correlationId,
            forwardedFor: run.forwardedFor ?? "",
            silenceMs: run.silenceMs ?? 20_000,
          }),
        ),
    },
  });
  const context = {
    ...session.context,
    io: {
      ...session.context.io,
      stdin,
      stdout: {
        async write(bytes: Uint8Array) {
          await session.stdout.write(bytes);
          await run.onOutput?.();
        },
      },
    },
  };
  const runCommand = service === "upload-pack" ? runUploadPack : runReceivePack;
  const request = makeRequest([`git-${service}`, "group/repo"], {
    gitProtocol,
  });
  try {
    await runCommand(request, context);
    return { ...session, error: undefined };
  } catch (error) {
    return { ...session, error };
  }
}

/** A client whose input is fed bit by bit, and stays open until told. */
export class OpenInput implements ByteReader {
  readonly #waiting: (Uint8Array | null)[] = [];
  #wake = () => {};

  /** @param text Latin-1. */
  say(text: string): void {
    this.#waiting.push(Uint8Array.from(text, (char) => char.charCodeAt(0)));
    this.#wake();
  }

  end(): void {
    this.#waiting.push(null);
    this.#wake();
  }

  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) return next;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}
