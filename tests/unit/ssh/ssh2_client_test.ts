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
