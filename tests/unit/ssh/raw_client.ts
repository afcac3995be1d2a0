/**
 * A client that says exactly what a test wants it to say: ssh2 exchanges keys
 * and encrypts, every other message is written and read by hand.
 */
import { Buffer } from "node:buffer";
import { createPrivateKey, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { decodeOpensshPrivateKey } from "../../../src/ssh/openssh_private_key.ts";
import { patchCiphers } from "../../../src/ssh/patch/cipher_release.ts";
import { sendPayload } from "../../../src/ssh/patch/raw_packet.ts";
import { loadSsh2 } from "../../../src/ssh/ssh2_library.ts";
import { MESSAGE } from "../../../src/ssh/ssh_messages.ts";
import type { Ssh2Library, Ssh2Protocol } from "../../../src/ssh/ssh2_types.ts";
import type { MlkemClientHalf } from "../../support/mlkem_client.ts";
import { SshReader, SshWriter } from "../../../src/ssh/wire.ts";
import type { SshFixture } from "./ssh_fixture.ts";

/** Protocol of ssh2 in the client's role. */
interface ClientProtocol extends Ssh2Protocol {
  start(): void;
  parse(chunk: Buffer, at: number, end: number): void;
  rekey(): void;
  cleanup(): void;
}

type ProtocolOptions = Record<string, unknown>;

/** Names of CHANNEL_ messages that are written here and nowhere in src/. */
const CHANNEL_OPEN_CONFIRMATION = 91;

/** One connection, seen from outside. */
export class RawClient implements AsyncDisposable {
  /** Everything received above key exchange that nobody has asked for yet. */
  readonly messages: Buffer[] = [];
  /** Settles when the server has closed the connection. */
  readonly ended: Promise<void>;
  /** Bytes that the network has not taken yet. */
  unsentBytes = 0;
  /** The server's identification line. */
  ident = "";
  /** Whether the server is kept waiting for an answer to its KEXINIT. */
  ignoresRekeys = false;
  /** Bytes that came from the server, encrypted. */
  receivedBytes = 0;
  /** Key exchanges that are complete. */
  exchanges = 0;
  readonly #tcp: Deno.TcpConn;
  readonly #mlkem: MlkemClientHalf | undefined;
  readonly #ssh2: Ssh2Library;
  readonly #protocol: ClientProtocol;
  readonly #keysReady = Promise.withResolvers<void>();
  #wake: (() => void) | undefined;
  #isReading = true;
  #resumeReading: (() => void) | undefined;
  #writing = Promise.resolve();
  #hasEnded = false;

  private constructor(
    tcp: Deno.TcpConn,
    { ssh2, protocol, mlkem }: {
      ssh2: Ssh2Library;
      protocol: (options: ProtocolOptions) => ClientProtocol;
      mlkem: MlkemClientHalf | undefined;
    },
  ) {
    this.#tcp = tcp;
    this.#mlkem = mlkem;
    this.#ssh2 = ssh2;
    this.#protocol = protocol({
      server: false,
      onWrite: (bytes: Uint8Array) => {
        const copy = bytes.slice();
        this.unsentBytes += copy.length;
        this.#writing = this.#writing.then(async () => {
          // A killed client has nothing more to say.
          if (this.#hasEnded) return;
          await writeAll(tcp, copy);
          this.unsentBytes -= copy.length;
        }).catch(() => {});
      },
      onError: (error: Error) => this.#keysReady.reject(error),
      onHeader: (header: { identRaw: string }) => {
        this.ident = header.identRaw;
        mlkem?.install(this.#protocol, ssh2);
      },
      onHandshakeComplete: () => {
        this.exchanges++;
        this.#keysReady.resolve();
      },
      messageHandlers: {},
    });
    const inner = this.#protocol._onPayload;
    this.#protocol._onPayload = (payload) => {
      if (payload[0] === MESSAGE.kexInit) {
        return this.ignoresRekeys ? undefined : inner(payload);
      }
      this.messages.push(Buffer.from(payload));
      this.#wake?.();
      return undefined;
    };
    // Its ciphers would be kept for ever too.
    patchCiphers(ssh2, this.#protocol);
    // A write under way outlives the reading, and the connection's close.
    this.ended = this.#readAll().then(() => this.#writing);
    this.#protocol.start();
  }

  /**
   * Connects and exchanges keys.
   * @param mlkem Exchanges keys in the hybrid way, of which ssh2 knows nothing.
   */
  static async connect(
    port: number,
    mlkem?: MlkemClientHalf,
  ): Promise<RawClient> {
    const { default: Protocol } = await import("ssh2/lib/protocol/Protocol.js");
    const ssh2 = await loadSsh2();
    const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
    tcp.setNoDelay(true);
    const client = new RawClient(tcp, {
      ssh2,
      protocol: (options) => new Protocol(options),
      mlkem,
    });
    await client.#keysReady.promise;
    return client;
  }

  /** Connects and logs in with the fixture's key. */
  static async login(
    fixture: Pick<SshFixture, "folder" | "port">,
    mlkem?: MlkemClientHalf,
  ): Promise<RawClient> {
    const client = await RawClient.connect(fixture.port, mlkem);
    await client.requestAuth();
    const { key, blob } = await readUserKey(`${fixture.folder}/user_ed25519`);
    client.send(client.publicKeyRequest({ key, blob }));
    await client.next(MESSAGE.userauthSuccess);
    return client;
  }

  get sessionId(): Uint8Array {
    return this.#protocol._kex?.sessionID ?? new Uint8Array();
  }

  send(payload: Uint8Array): void {
    sendPayload(this.#ssh2, this.#protocol, payload);
  }

  rekey(): void {
    this.#protocol.rekey();
  }

  /** Sends bytes past encryption. */
  async sendRaw(bytes: Uint8Array): Promise<void> {
    await writeAll(this.#tcp, bytes);
  }

  /** Waits for the next message with one of these numbers; others are dropped. */
  async next(...types: number[]): Promise<Buffer> {
    for (;;) {
      for (;;) {
        const message = this.messages.shift();
        if (!message) break;
        if (types.includes(message[0] ?? -1)) return message;
      }
      if (this.#hasEnded) throw new Error(`Ended before message ${types}`);
      await new Promise<void>((wake) => this.#wake = wake);
    }
  }

  /** Asks for the authentication service. */
  async requestAuth(): Promise<void> {
    this.send(
      new SshWriter().byte(MESSAGE.serviceRequest).string("ssh-userauth")
        .bytes(),
    );
    await this.next(MESSAGE.serviceAccept);
  }

  /** A request with or without a signature. */
  publicKeyRequest(
    { user = "git", algorithm = "ssh-ed25519", key, blob, isQuery = false }: {
      user?: string;
      algorithm?: string;
      key: KeyObject;
      blob: Uint8Array;
      isQuery?: boolean;
    },
  ): Uint8Array {
    const request = new SshWriter().byte(MESSAGE.userauthRequest).string(user)
      .string("ssh-connection").string("publickey").bool(!isQuery)
      .string(algorithm).string(blob);
    if (isQuery) return request.bytes();
    const signed = new SshWriter().string(this.sessionId)
      .raw(request.bytes()).bytes();
    const signature = new SshWriter().string(algorithm)
      .string(sign(null, signed, key)).bytes();
    return request.string(signature).bytes();
  }

  /** Asks for a session channel; waits for the answer's message. */
  openChannel(
    {
      type = "session",
      id = 0,
      windowBytes = 2 ** 21,
      packetBytes = 2 ** 15,
    } = {},
  ): Promise<Buffer> {
    this.send(
      new SshWriter().byte(MESSAGE.channelOpen).string(type).uint32(id)
        .uint32(windowBytes).uint32(packetBytes).bytes(),
    );
    return this.next(CHANNEL_OPEN_CONFIRMATION, MESSAGE.channelOpenFailure);
  }

  /** Opens a session and returns the server's number of it. */
  async openSession(
    options: { id?: number; windowBytes?: number; packetBytes?: number } = {},
  ): Promise<number> {
    const reply = await this.openChannel(options);
    const reader = new SshReader(reply, 1);
    reader.readUint32();
    return reader.readUint32();
  }

  /** Sends a channel request. */
  request(
    channel: number,
    type: string,
    { wantReply = true, body = new Uint8Array() }: {
      wantReply?: boolean;
      body?: Uint8Array;
    } = {},
  ): void {
    this.send(
      new SshWriter().byte(MESSAGE.channelRequest).uint32(channel).string(type)
        .bool(wantReply).raw(body).bytes(),
    );
  }

  exec(channel: number, command: string): void {
    this.request(channel, "exec", {
      body: new SshWriter().string(command).bytes(),
    });
  }

  data(channel: number, bytes: Uint8Array): void {
    this.send(
      new SshWriter().byte(MESSAGE.channelData).uint32(channel).string(bytes)
        .bytes(),
    );
  }

  adjust(channel: number, addedBytes: number): void {
    this.send(
      new SshWriter().byte(MESSAGE.channelWindowAdjust).uint32(channel)
        .uint32(addedBytes).bytes(),
    );
  }

  eof(channel: number): void {
    this.send(
      new SshWriter().byte(MESSAGE.channelEof).uint32(channel).bytes(),
    );
  }

  closeChannel(channel: number): void {
    this.send(
      new SshWriter().byte(MESSAGE.channelClose).uint32(channel).bytes(),
    );
  }

  /** Stops reading from the network, so that the server's output piles up. */
  pause(): void {
    this.#isReading = false;
  }

  resume(): void {
    this.#isReading = true;
    this.#resumeReading?.();
  }

  /** Closes the connection as a killed client does. */
  kill(): void {
    this.#hasEnded = true;
    this.resume();
    try {
      this.#tcp.close();
    } catch {
      // The server was first.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.ended;
  }

  async #parse(chunk: Buffer): Promise<void> {
    const mlkem = this.#mlkem;
    if (!mlkem || this.#protocol._kexinit === undefined) {
      return this.#protocol.parse(chunk, 0, chunk.length);
    }
    // A packet ends with its last byte: there the parser can be made to wait
    // until the secret is known.
    for (let at = 0; at < chunk.length; at++) {
      this.#protocol.parse(chunk.subarray(at, at + 1), 0, 1);
      await mlkem.settled;
    }
  }

  async #readAll(): Promise<void> {
    const target = new Uint8Array(65_536);
    try {
      while (!this.#hasEnded) {
        if (!this.#isReading) {
          await new Promise<void>((resume) => this.#resumeReading = resume);
        }
        const count = await this.#tcp.read(target);
        if (count === null) break;
        this.receivedBytes += count;
        const chunk = Buffer.from(target.slice(0, count).buffer);
        await this.#parse(chunk);
      }
    } catch (error) {
      this.#keysReady.reject(error);
    }
    this.#keysReady.promise.catch(() => {});
    this.#keysReady.reject(new Error("Closed during key exchange"));
    this.#hasEnded = true;
    this.#protocol.cleanup();
    this.#wake?.();
    try {
      this.#tcp.close();
    } catch {
      // Killed.
    }
  }
}

/** A private Ed25519 key and the wire form of its public half. */
export async function readUserKey(
  path: string,
): Promise<{ key: KeyObject; blob: Uint8Array }> {
  const text = await Deno.readTextFile(path);
  const body = text.replaceAll(/-----[^-]+-----|\s/g, "");
  const key = createPrivateKey({
    key: decodeOpensshPrivateKey(Uint8Array.fromBase64(body)),
    format: "jwk",
  });
  const line = await Deno.readTextFile(`${path}.pub`);
  return { key, blob: Uint8Array.fromBase64(line.split(" ")[1] ?? "") };
}

async function writeAll(tcp: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await tcp.write(bytes.subarray(at));
  }
}
