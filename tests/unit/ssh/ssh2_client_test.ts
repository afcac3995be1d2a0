/** A second client than OpenSSH's: ssh2's own, as programs use it. */
import { assertEquals } from "@std/assert";
import type { EventEmitter } from "node:events";
import { Buffer } from "node:buffer";
import { startFixture } from "./ssh_fixture.ts";

/** What is used of ssh2's client. */
interface Client extends EventEmitter {
  connect(options: Record<string, unknown>): void;
  exec(
    command: string,
    options: Record<string, unknown>,
    done: (error: Error | undefined, stream: Stream) => void,
  ): void;
  end(): void;
}
interface Stream extends EventEmitter {
  readonly stderr: EventEmitter;
  end(data: Uint8Array): void;
}

Deno.test({
  name: "ssh2's client logs in, sends, receives and learns the exit status",
  // Its ciphers are never given back: see patch/chacha20.ts.
  sanitizeResources: false,
  sanitizeOps: false,
  async fn() {
    await using fixture = await startFixture({
      handle: async (start, { io }) => {
        await io.stderr.write(new TextEncoder().encode(start.gitProtocol));
        for (
          let data = await io.stdin.read();
          data;
          data = await io.stdin.read()
        ) {
          await io.stdout.write(data);
        }
        return { exitStatus: 3 };
      },
    });
    const { default: ssh2 } = await import("ssh2");
    const client: Client = new ssh2.Client();
    const ready = Promise.withResolvers<void>();
    client.on("ready", ready.resolve).on("error", ready.reject);
    client.connect({
      host: "127.0.0.1",
      port: fixture.port,
      username: "git",
      privateKey: await Deno.readTextFile(`${fixture.folder}/user_ed25519`),
    });
    await ready.promise;
    const sent = Buffer.alloc(5_000_000, "0123456789abcdef!");
    const received: Buffer[] = [];
    let stderr = "";
    const code = await new Promise<number>((resolve, reject) => {
      const options = { env: { GIT_PROTOCOL: "version=2" } };
      client.exec("x", options, (error, stream) => {
        if (error) return reject(error);
        stream.on("data", (data: Buffer) => received.push(data));
        stream.stderr.on("data", (data: Buffer) => stderr += data);
        stream.on("close", resolve);
        stream.end(sent);
      });
    });
    assertEquals(code, 3);
    assertEquals(Buffer.compare(Buffer.concat(received), sent), 0);
    assertEquals(stderr, "version=2");
    const closed = new Promise((resolve) => client.once("close", resolve));
    client.end();
    await closed;
    const done = await fixture.logged("server: handleConn: done");
    assertEquals(done["error_message"], 'ssh: disconnect, reason 11: ""');
  },
});

/** What ssh2's own client can choose of what we offer; one choice each. */
const CHOICES: [string, Record<string, string[]>][] = [
  ["curve25519-sha256", { kex: ["curve25519-sha256"] }],
  ["ecdh-sha2-nistp256", { kex: ["ecdh-sha2-nistp256"] }],
  ["ecdh-sha2-nistp384", { kex: ["ecdh-sha2-nistp384"] }],
  ["diffie-hellman-group14-sha256", {
    kex: ["diffie-hellman-group14-sha256"],
  }],
  ["aes128-gcm@openssh.com", { cipher: ["aes128-gcm@openssh.com"] }],
  ["aes256-gcm@openssh.com", { cipher: ["aes256-gcm@openssh.com"] }],
  ["chacha20-poly1305@openssh.com", {
    cipher: ["chacha20-poly1305@openssh.com"],
  }],
  ["aes192-ctr, hmac-sha2-512", {
    cipher: ["aes192-ctr"],
    hmac: ["hmac-sha2-512"],
  }],
  ["aes256-ctr, hmac-sha2-256-etm@openssh.com", {
    cipher: ["aes256-ctr"],
    hmac: ["hmac-sha2-256-etm@openssh.com"],
  }],
  ["rsa-sha2-512", { serverHostKey: ["rsa-sha2-512"] }],
  ["ecdsa-sha2-nistp256", { serverHostKey: ["ecdsa-sha2-nistp256"] }],
  ["ssh-ed25519", { serverHostKey: ["ssh-ed25519"] }],
];
Deno.test({
  name: "sshd.md case 38: ssh2's client with each choice, 300 KB each way",
  sanitizeResources: false,
  sanitizeOps: false,
  async fn(test) {
    await using fixture = await startFixture({
      handle: async (_start, { io }) => {
        for (;;) {
          const data = await io.stdin.read();
          if (!data) return { exitStatus: 0 };
          await io.stdout.write(data);
        }
      },
    });
    const privateKey = await Deno.readTextFile(
      `${fixture.folder}/user_ed25519`,
    );
    const sent = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000)));
    for (const [name, algorithms] of CHOICES) {
      await test.step(name, async () => {
        const { default: ssh2 } = await import("ssh2");
        const client: Client = new ssh2.Client();
        const ready = Promise.withResolvers<void>();
        client.on("ready", ready.resolve).on("error", ready.reject);
        client.connect({
          host: "127.0.0.1",
          port: fixture.port,
          username: "git",
          privateKey,
          algorithms,
        });
        await ready.promise;
        const received: Buffer[] = [];
        await new Promise<void>((resolve, reject) => {
          client.exec("x", {}, (error, stream) => {
            if (error) return reject(error);
            stream.on("data", (data: Buffer) => received.push(data));
            stream.on("close", () => resolve());
            stream.end(Buffer.concat(Array(5).fill(sent)));
          });
        });
        const whole = Buffer.concat(received);
        assertEquals(whole.length, 5 * sent.length);
        assertEquals(Buffer.compare(whole.subarray(-sent.length), sent), 0);
        const closed = new Promise((resolve) => client.once("close", resolve));
        client.end();
        await closed;
      });
    }
  },
});
