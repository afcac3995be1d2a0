import { assertEquals, assertRejects } from "@std/assert";
import { collectBody, Exchange } from "../../../src/api/exchange.ts";
import { ProtocolError } from "../../../src/core/errors.ts";
import type { ByteDuplex } from "../../../src/core/io.ts";

const encoder = new TextEncoder();
const NEVER = new AbortController().signal;

/** A peer that says its pieces, whatever it is sent. */
class Peer implements ByteDuplex {
  closes = 0;
  readonly #pieces: (string | Error)[];
  // One buffer for all pieces, as a socket has: nobody may keep a view of it.
  readonly #buffer = new Uint8Array(1024);
  constructor(...pieces: (string | Error)[]) {
    this.#pieces = pieces;
  }
  read(): Promise<Uint8Array | null> {
    const piece = this.#pieces.shift();
    if (piece === undefined) return Promise.resolve(null);
    if (typeof piece !== "string") return Promise.reject(piece);
    const { written } = encoder.encodeInto(piece, this.#buffer);
    return Promise.resolve(this.#buffer.subarray(0, written));
  }
  write(): Promise<void> {
    return Promise.reject(new Error("Peer does not read"));
  }
  closeWrite(): Promise<void> {
    return Promise.resolve();
  }
  close(): void {
    this.closes++;
  }
}

async function readAll(peer: Peer): Promise<[number, string]> {
  using exchange = new Exchange(peer, NEVER);
  const { status } = await exchange.readHead();
  const body = await collectBody(exchange, 10);
  return [status, new TextDecoder().decode(body)];
}

const HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

Deno.test("Exchange reads head and body from one read or many", async () => {
  const whole = `${HEAD}2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n`;
  assertEquals(await readAll(new Peer(whole)), [200, "abcde"]);
  assertEquals(await readAll(new Peer(...whole)), [200, "abcde"]);
  for (let at = 1; at < whole.length; at++) {
    const peer = new Peer(whole.slice(0, at), whole.slice(at));
    assertEquals(await readAll(peer), [200, "abcde"], `split at ${at}`);
  }
});

Deno.test("Exchange gives the head even if a bad body came along with it", async () => {
  for (const pieces of [[`${HEAD}zz\r\n`], [HEAD, "zz\r\n"]]) {
    using exchange = new Exchange(new Peer(...pieces), NEVER);
    assertEquals((await exchange.readHead()).status, 200);
    await assertRejects(() => exchange.readBody(), ProtocolError);
    await assertRejects(() => exchange.readBody(), ProtocolError);
  }
});

Deno.test("Exchange can say the head again and its end for ever", async () => {
  using exchange = new Exchange(new Peer("HTTP/1.1 204 No\r\n\r\n"), NEVER);
  assertEquals((await exchange.readHead()).status, 204);
  assertEquals((await exchange.readHead()).status, 204);
  assertEquals(await exchange.readBody(), null);
  assertEquals(await exchange.readBody(), null);
});

Deno.test("collectBody() has a limit", async () => {
  const peer = new Peer("HTTP/1.1 200 OK\r\n\r\n", "12345", "67890");
  assertEquals(await readAll(peer), [200, "1234567890"]);
  const longer = new Peer("HTTP/1.1 200 OK\r\n\r\n", "12345", "67890x");
  await assertRejects(() => readAll(longer), ProtocolError, "too long");
  assertEquals(longer.closes, 1);
});

Deno.test("Exchange tells the signal's reason, not what closing did", async () => {
  const controller = new AbortController();
  const peer = new Peer(new Deno.errors.Interrupted("closed"));
  using exchange = new Exchange(peer, controller.signal);
  const reason = new Error("client has gone");
  controller.abort(reason);
  assertEquals(peer.closes, 1);
  assertEquals(await exchange.readHead().catch((error) => error), reason);
  assertEquals(
    await exchange.send(new Uint8Array(1)).catch((error) => error),
    reason,
  );
});
