import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type BodyFraming,
  HttpStream,
  type StreamRequest,
} from "../../../src/api/http1_stream.ts";
import { UnsendableRequestError } from "../../../src/api/http1_request.ts";
import type { ByteDuplex } from "../../../src/core/io.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (text: string) => new TextEncoder().encode(text);

/** A connection that keeps what is written and reads what it is given. */
class FakeConnection implements ByteDuplex {
  written = "";
  isClosed = false;
  readonly #answers: string[];
  #wake = () => {};
  #isWriting = false;

  constructor(answers: string[] = []) {
    this.#answers = answers;
  }

  answer(piece: string): void {
    this.#answers.push(piece);
    this.#wake();
  }

  async read(): Promise<Uint8Array | null> {
    while (!this.isClosed) {
      const piece = this.#answers.shift();
      if (piece !== undefined) return bytes(piece);
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    throw new Deno.errors.Interrupted("closed");
  }

  async write(piece: Uint8Array): Promise<void> {
    if (this.#isWriting) throw new TypeError("Two writes at once");
    this.#isWriting = true;
    await Promise.resolve();
    this.written += text(piece);
    this.#isWriting = false;
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    this.#wake();
  }
}

const request = (body: BodyFraming): StreamRequest => ({
  method: "POST",
  target: "/x",
  host: "h",
  headers: [["User-Agent", "u"]],
  body,
});
const never = new AbortController().signal;

Deno.test("a body of unknown length goes out in chunks, behind the head", async () => {
  const connection = new FakeConnection();
  using stream = HttpStream.open(connection, request("chunked"), never);
  await stream.requestBody.write(bytes("hello"));
  await stream.requestBody.write(bytes(""));
  await stream.requestBody.write(bytes("x".repeat(17)));
  await stream.endBody();
  assertEquals(
    connection.written,
    "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n" +
      `User-Agent: u\r\n\r\n5\r\nhello\r\n11\r\n${"x".repeat(17)}\r\n0\r\n\r\n`,
  );
});

Deno.test("a body of known length is counted", async () => {
  const connection = new FakeConnection();
  using stream = HttpStream.open(connection, request(5), never);
  await stream.requestBody.write(bytes("hel"));
  await assertRejects(() => stream.endBody(), RangeError);
  await assertRejects(
    () => stream.requestBody.write(bytes("lo!")),
    RangeError,
  );
  await stream.requestBody.write(bytes("lo"));
  await stream.endBody();
  assertEquals(connection.written.split("\r\n\r\n")[1], "hello");
  assertEquals(connection.written.includes("Content-Length: 5\r\n"), true);
});

Deno.test("the answer is read while the request's body is open", async () => {
  const connection = new FakeConnection();
  using stream = HttpStream.open(connection, request("chunked"), never);
  connection.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  assertEquals((await stream.readHead()).status, 200);
  connection.answer("3\r\none\r\n");
  assertEquals(text(await stream.read() ?? bytes("")), "one");
  await stream.requestBody.write(bytes("more"));
  connection.answer("0\r\n\r\n");
  assertEquals(await stream.read(), null);
});

Deno.test("an answer is read although nothing can be written any more", async () => {
  const connection = new FakeConnection([
    "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno",
  ]);
  connection.write = () => Promise.reject(new Deno.errors.BrokenPipe("gone"));
  using stream = HttpStream.open(connection, request("chunked"), never);
  await assertRejects(
    () => stream.requestBody.write(bytes("x")),
    Deno.errors.BrokenPipe,
  );
  assertEquals((await stream.readHead()).status, 403);
  assertEquals(text(await stream.read() ?? bytes("")), "no");
});

Deno.test("a signal ends the exchange and closes the connection", async () => {
  const connection = new FakeConnection();
  const abort = new AbortController();
  using stream = HttpStream.open(connection, request("none"), abort.signal);
  const reading = stream.readHead();
  abort.abort(new Error("enough"));
  await assertRejects(() => reading, Error, "enough");
  assertEquals(connection.isClosed, true);
});

Deno.test("a header that would break its line is refused, and nothing sent", () => {
  const connection = new FakeConnection();
  const bad = { ...request("none"), headers: [["A", "b\r\nc"]] as const };
  assertThrows(
    () => HttpStream.open(connection, bad, never),
    UnsendableRequestError,
  );
  assertEquals([connection.written, connection.isClosed], ["", true]);
});
