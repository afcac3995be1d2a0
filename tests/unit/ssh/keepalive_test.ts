import { assertEquals } from "@std/assert";
import { SILENT_LOGGER } from "../../../src/core/log.ts";
import { Keepalive } from "../../../src/ssh/keepalive.ts";
import { encodeKeepalive } from "../../../src/ssh/ssh_messages.ts";
import { TcpSocket } from "../../../src/ssh/tcp_socket.ts";

const INTERVAL_MS = 5;

/** A transport that only counts, and a socket whose progress is set by hand. */
class FakeTransport {
  isOver = false;
  isRekeying = false;
  readonly sent: Uint8Array[] = [];
  progressBytes = 0;
  readonly ended = Promise.withResolvers<unknown>();
  onSend = () => {};
  readonly socket: TcpSocket;

  constructor() {
    this.socket = new TcpSocket({
      remoteAddr: { transport: "tcp", hostname: "::1", port: 1 },
      read: () => Promise.resolve(null),
      write: (bytes) => Promise.resolve(bytes.length),
      closeWrite: () => Promise.resolve(),
      close: () => {},
    });
    Object.defineProperty(this.socket, "progressBytes", {
      get: () => this.progressBytes,
    });
  }
  send(payload: Uint8Array): void {
    this.sent.push(payload);
    this.onSend();
  }
  fail(error: unknown): void {
    this.isOver = true;
    this.ended.resolve(error);
  }
}

Deno.test("sshd.md case 98: a keepalive is sent at every interval that is answered", async () => {
  const transport = new FakeTransport();
  const keepalive = new Keepalive(transport, SILENT_LOGGER);
  const enough = Promise.withResolvers<void>();
  transport.onSend = () => {
    keepalive.receiveReply();
    if (transport.sent.length === 3) enough.resolve();
  };
  keepalive.start(INTERVAL_MS);
  await enough.promise;
  keepalive.stop();
  assertEquals(transport.sent[0], encodeKeepalive());
});

Deno.test("a client that neither answers nor moves is given up", async () => {
  const transport = new FakeTransport();
  const keepalive = new Keepalive(transport, SILENT_LOGGER);
  keepalive.start(INTERVAL_MS);
  const error = await transport.ended.promise;
  assertEquals(String(error), "Error: ssh: client does not answer");
  assertEquals(transport.sent.length, 1, "no second question before an answer");
});

Deno.test("a slow line counts as life", async () => {
  const transport = new FakeTransport();
  const keepalive = new Keepalive(transport, SILENT_LOGGER);
  const moving = setInterval(() => transport.progressBytes++, 1);
  keepalive.start(INTERVAL_MS);
  await new Promise((done) => setTimeout(done, INTERVAL_MS * 12));
  assertEquals(transport.isOver, false);
  clearInterval(moving);
  await transport.ended.promise;
});

Deno.test("no keepalives without an interval", () => {
  const keepalive = new Keepalive(new FakeTransport(), SILENT_LOGGER);
  keepalive.start(0);
  keepalive.start(-1);
  keepalive.stop();
});
