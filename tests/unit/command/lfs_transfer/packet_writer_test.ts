import { assertEquals } from "@std/assert";
import { DataWriter } from "../../../../src/command/lfs_transfer/data_writer.ts";
import { PacketWriter } from "../../../../src/command/lfs_transfer/packet_writer.ts";
import { SILENT_LOGGER } from "../../../../src/core/log.ts";
import { CollectingWriter } from "../../../support/fake_host.ts";
import { D, F, t } from "../../../support/lfs_session.ts";

Deno.test("lfs.md 2.5: the four shapes of replies, each in one write", async () => {
  const sink = new CollectingWriter();
  const writer = new PacketWriter(sink, SILENT_LOGGER);
  await writer.writeReply({ status: 200 });
  await writer.writeReply({ status: 200, lines: [] });
  await writer.writeReply({ status: 201, args: ["id=1"], lines: ["x"] });
  await writer.writeReply({ status: 7 });
  assertEquals(sink.chunks.map((chunk) => new TextDecoder().decode(chunk)), [
    t("status 200") + F,
    t("status 200") + D + F,
    t("status 201") + t("id=1") + D + t("x") + F,
    t("status 007") + F,
  ]);
});

Deno.test("lfs.md 2.3: a line of 65516 bytes is sent, and a longer one is not", async () => {
  const sink = new CollectingWriter();
  const writer = new PacketWriter(sink, SILENT_LOGGER);
  const longest = "x".repeat(65_515);
  writer.addText(longest);
  writer.addText(`${longest}y`);
  await writer.writeFlush();
  assertEquals(sink.text, `fff0${longest}\n0000`);
});

Deno.test("DataWriter cuts the same packets however it is fed, object after object", async () => {
  const bytes = crypto.getRandomValues(new Uint8Array(65_536));
  const whole = new Uint8Array(65_516 * 9 + 7);
  for (let at = 0; at < whole.length; at += bytes.length) {
    whole.set(bytes.subarray(0, whole.length - at), at);
  }
  const sink = new CollectingWriter();
  const data = new DataWriter(sink);
  let before = 0;
  for (const step of [1000, 65_516, 262_144, whole.length]) {
    for (let at = 0; at < whole.length; at += step) {
      await data.write(whole.subarray(at, at + step));
    }
    await data.finish();
    const out = sink.bytes.slice(before);
    before += out.length;
    assertEquals(out.length, whole.length + 10 * 4);
    const digits = (at: number) =>
      new TextDecoder().decode(out.subarray(at, at + 4));
    assertEquals([digits(0), digits(65_520 * 9)], ["fff0", "000b"]);
    const joined = new Uint8Array(whole.length);
    for (let packet = 0; packet < 10; packet++) {
      const start = packet * 65_520;
      joined.set(out.subarray(start + 4, start + 65_520), packet * 65_516);
    }
    assertEquals(joined, whole);
  }
});

Deno.test("DataWriter writes nothing for an empty object", async () => {
  const sink = new CollectingWriter();
  const data = new DataWriter(sink);
  await data.finish();
  assertEquals(sink.chunks.length, 0);
});
