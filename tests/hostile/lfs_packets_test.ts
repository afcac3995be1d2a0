/**
 * A client of git-lfs-transfer that sends anything: damaged transcripts and
 * plain noise. Each session ends, in an exit status or at the end of input,
 * and what it answers is always packets.
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { PacketFault } from "../../src/command/lfs_transfer/packet_reader.ts";
import { readerOf } from "../support/fake_host.ts";
import {
  b,
  D,
  F,
  GREETING,
  OBJECT,
  t,
  transfer,
} from "../support/lfs_session.ts";
import { UPLOAD_VECTOR } from "../support/lfs_vectors.ts";
import { json, openScriptedApi } from "../support/scripted_api.ts";
import { SeededRandom } from "../support/seeded_random.ts";

const ROUNDS = 400;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const TRANSCRIPT = encoder.encode(
  t("version 1") + F +
    t("batch") + t("transfer=ssh") + D + t(`${OBJECT.oid} 12`) + F +
    t(`put-object ${OBJECT.oid}`) + t("size=12") + t(`id=${UPLOAD_VECTOR.id}`) +
    t(`token=${UPLOAD_VECTOR.token}`) + D + b("hello there\n") + F +
    t(`verify-object ${OBJECT.oid}`) + t("size=12") + F +
    t("lock") + t("path=a") + F + t("unlock 1") + F +
    t("list-lock") + t("limit=2") + F + t("quit") + F,
);

/** Every reply is whole; a session's error is one that its user can read. */
async function assertSessionEnds(input: Uint8Array, url: string) {
  const { error, bytes } = await transfer("", { stdin: readerOf(input), url });
  assert(error === undefined || error instanceof PacketFault, String(error));
  assert(decoder.decode(bytes).startsWith(GREETING));
  let isOpen = false;
  let at = 0;
  while (at < bytes.length) {
    const digits = decoder.decode(bytes.subarray(at, at + 4));
    assert(/^[0-9a-f]{4}$/.test(digits), `length ${digits}`);
    const length = parseInt(digits, 16);
    assert(length < 2 || length > 4, `length ${length}`);
    isOpen = length !== 0;
    at += Math.max(length, 4);
  }
  assertEquals([at, isOpen], [bytes.length, false], "whole replies alone");
}

Deno.test("damaged transcripts end in replies or in a fault", async () => {
  await using api = openScriptedApi([json(404, {})]);
  const random = new SeededRandom(20_260_818);
  for (let round = 0; round < ROUNDS; round++) {
    const input = TRANSCRIPT.slice();
    const count = 1 + random.below(4);
    for (let change = 0; change < count; change++) {
      input[random.below(input.length)] = random.below(256);
    }
    const end = random.below(4) === 0 ? random.below(input.length) : undefined;
    await assertSessionEnds(input.subarray(0, end), api.url);
  }
});

Deno.test("noise ends in replies or in a fault", async () => {
  await using api = openScriptedApi([json(404, {})]);
  const random = new SeededRandom(7);
  const digits = encoder.encode("0123456789abcdef0000");
  for (let round = 0; round < ROUNDS; round++) {
    const isDigits = random.below(2) === 0;
    const input = Uint8Array.from(
      { length: random.below(200) },
      () =>
        isDigits ? digits[random.below(digits.length)] ?? 0 : random.below(256),
    );
    await assertSessionEnds(input, api.url);
  }
});
