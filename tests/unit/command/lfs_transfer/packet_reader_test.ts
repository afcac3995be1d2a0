import { assertEquals, assertRejects } from "@std/assert";
import {
  LIST_PACKETS_MAX,
  PacketFault,
  PacketReader,
} from "../../../../src/command/lfs_transfer/packet_reader.ts";
import { readerOf } from "../../../support/fake_host.ts";
import { b, D, F, t } from "../../../support/lfs_session.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Everything that data brings, up to its end. */
async function readAllData(reader: PacketReader): Promise<string> {
  let text = "";
  for (let piece; (piece = await reader.readData()) !== null;) {
    text += decoder.decode(piece);
  }
  return text;
}

const TEXTS = [
  ["0008abc\n", "text", "abc"],
  ["0007abc", "text", "abc"],
  ["0009abc\n\n", "text", "abc\n"],
  ["0009abc\r\n", "text", "abc\r"],
  ["0005\n", "text", ""],
  ["0004", "text", ""],
  ["0000", "flush", ""],
  ["0001", "delim", ""],
  ["", "end", ""],
  ["000Fshort", "text", "short"],
] as const;
for (const [input, kind, text] of TEXTS) {
  Deno.test(`lfs.md 2.3: ${JSON.stringify(input)} is a ${kind} ${JSON.stringify(text)}`, async () => {
    const reader = new PacketReader(readerOf(input));
    assertEquals(await reader.readText(), { kind, text });
  });
}

Deno.test("lfs.md 2.3: bytes that are no text become U+FFFD, and a mark stays", async () => {
  const bytes = Uint8Array.of(
    ...encoder.encode("0009"),
    0xef,
    0xbb,
    0xbf,
    0xff,
    0x0a,
  );
  const reader = new PacketReader(readerOf(bytes));
  assertEquals((await reader.readText()).text, "\ufeff\ufffd");
});

Deno.test("lfs.md 2.3: the longest packet there can be, cut anywhere", async () => {
  const input = encoder.encode(`ffff${"x".repeat(65_530)}\n0000`);
  for (const at of [1, 3, 4, 5, 100, 65_534, 65_535, 65_536, 65_538]) {
    const chunks = [input.slice(0, at), input.slice(at)];
    const reader = new PacketReader(readerOf(...chunks));
    assertEquals((await reader.readText()).text.length, 65_530);
    assertEquals((await reader.readText()).kind, "flush");
  }
});

Deno.test("lists end at their marker; the other one is an empty text", async () => {
  const reader = new PacketReader(readerOf(t("a") + D + t("b") + F + F + D));
  assertEquals(await reader.readList("flush"), ["a", "", "b"]);
  assertEquals(await reader.readList("delim"), [""]);
  await assertRejects(() => reader.readList("flush"), PacketFault, "EOF");
});

Deno.test("a list has a bound, of small packets as well", async () => {
  const chunk = encoder.encode("0004".repeat(1000));
  let count = 0;
  const reader = new PacketReader({
    read: () => {
      count++;
      return Promise.resolve(chunk);
    },
  });
  await assertRejects(() => reader.readList("flush"), Error, "Too many");
  assertEquals(count <= LIST_PACKETS_MAX / 1000 + 1, true);
});

Deno.test("data is the same at every split, and reading goes on behind it", async () => {
  const input = b("hello ") + b("world") + F + t("quit");
  for (let at = 0; at <= input.length; at++) {
    const chunks = [input.slice(0, at), input.slice(at)].filter((one) =>
      one !== ""
    );
    const reader = new PacketReader(readerOf(...chunks));
    assertEquals(await readAllData(reader), "hello world", `split at ${at}`);
    assertEquals((await reader.readText()).text, "quit");
  }
});

Deno.test("data that is cut short ends where it ends", async () => {
  const reader = new PacketReader(readerOf("0010hello"));
  assertEquals(await readAllData(reader), "hello");
  assertEquals((await reader.readText()).kind, "end");
});

Deno.test("skipData() passes over data, and over a fault at its end", async () => {
  const good = new PacketReader(readerOf(b("abc") + F + t("quit")));
  await good.skipData();
  assertEquals((await good.readText()).text, "quit");
  const bad = new PacketReader(readerOf(`${b("abc")}zzzz${t("quit")}`));
  await bad.skipData();
  assertEquals((await bad.readText()).text, "quit");
});
