/**
 * An agent with keys of our making, so that OpenSSH's own client can be made
 * to offer certificates and keys of security keys that nobody has to touch.
 * Source: draft-ietf-sshm-ssh-agent.
 */
import { SshReader, SshWriter } from "../../src/ssh/wire.ts";

const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
const FAILURE = 5;

/** A key as an agent has it. */
export interface AgentKey {
  /** What is offered: a key or a certificate of it. */
  readonly blob: Uint8Array;
  sign(data: Uint8Array): Uint8Array;
}

/** An agent that listens. */
export class TestAgent implements AsyncDisposable {
  readonly path: string;
  /** How often something was signed. */
  signatures = 0;
  readonly #keys: readonly AgentKey[];
  readonly #listener: Deno.UnixListener;
  readonly #connections = new Set<Deno.UnixConn>();
  readonly #serving: Promise<void>;

  /** @param path Of the socket, in a folder that exists. */
  constructor(path: string, keys: readonly AgentKey[]) {
    this.path = path;
    this.#keys = keys;
    this.#listener = Deno.listen({ transport: "unix", path });
    this.#serving = this.#acceptAll();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) connection.close();
    await this.#serving;
  }

  async #acceptAll(): Promise<void> {
    const served: Promise<void>[] = [];
    try {
      for await (const connection of this.#listener) {
        served.push(this.#serve(connection));
      }
    } catch {
      // Closed.
    }
    await Promise.all(served);
  }

  async #serve(connection: Deno.UnixConn): Promise<void> {
    this.#connections.add(connection);
    try {
      for (;;) {
        const head = await readExactly(connection, 4);
        const sizeBytes = new SshReader(head).readUint32();
        const request = await readExactly(connection, sizeBytes);
        const reply = new SshWriter().string(this.#answer(request)).bytes();
        for (let at = 0; at < reply.length;) {
          at += await connection.write(reply.subarray(at));
        }
      }
    } catch {
      // The client is done.
    }
    if (this.#connections.delete(connection)) {
      try {
        connection.close();
      } catch {
        // Closed with the agent.
      }
    }
  }

  #answer(request: Uint8Array): Uint8Array {
    const reader = new SshReader(request);
    switch (reader.readByte()) {
      case REQUEST_IDENTITIES: {
        const answer = new SshWriter().byte(IDENTITIES_ANSWER)
          .uint32(this.#keys.length);
        for (const { blob } of this.#keys) answer.string(blob).string("test");
        return answer.bytes();
      }
      case SIGN_REQUEST: {
        const blob = reader.readString();
        const data = reader.readString();
        const key = this.#keys.find((each) =>
          each.blob.toBase64() === blob.toBase64()
        );
        if (!key) break;
        this.signatures++;
        return new SshWriter().byte(SIGN_RESPONSE).string(key.sign(data))
          .bytes();
      }
    }
    return Uint8Array.of(FAILURE);
  }
}

async function readExactly(
  connection: Deno.UnixConn,
  sizeBytes: number,
): Promise<Uint8Array> {
  const target = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes;) {
    const count = await connection.read(target.subarray(at));
    if (count === null) throw new Error("Closed");
    at += count;
  }
  return target;
}
