/**
 * Fuzz target: what a client of git-lfs-transfer sends, command by command.
 * The packets are the same however they were cut, lists have a bound, and
 * arguments and objects are read or refused.
 */
import { assert, assertEquals } from "@std/assert";
import {
  parseArguments,
  parseInt64,
} from "../../src/command/lfs_transfer/arguments.ts";
import { parseObjectLine } from "../../src/command/lfs_transfer/batch.ts";
import {
  LIST_PACKETS_MAX,
  PacketFault,
  PacketReader,
} from "../../src/command/lfs_transfer/packet_reader.ts";
import { TransferError } from "../../src/command/lfs_transfer/transfer_error.ts";
import { readerOf } from "../support/fake_host.ts";
import {
  cutAtRandom,
  defineFuzzTarget,
  refusal,
} from "../support/fuzz_target.ts";

const OID = "ab".repeat(32);
const STEPS_MAX = 200;

const packet = (text: string) =>
  (text.length + 4).toString(16).padStart(4, "0") + text;

interface Read {
  readonly steps: readonly string[];
  readonly lists: readonly string[][];
}

/** Text, a list, data, and again, until the input ends. */
async function read(chunks: readonly Uint8Array[]): Promise<Read> {
  const reader = new PacketReader(readerOf(...chunks));
  const steps: string[] = [];
  const lists: string[][] = [];
  for (let step = 0; step < STEPS_MAX; step++) {
    try {
      const { kind, text } = await reader.readText();
      steps.push(`${kind} ${text}`);
      if (kind === "end") break;
      const list = await reader.readList(step % 2 === 0 ? "delim" : "flush");
      assert(list.length <= LIST_PACKETS_MAX);
      lists.push(list);
      let data = "";
      for (
        let piece = await reader.readData();
        piece;
        piece = await reader.readData()
      ) {
        data += piece.toHex();
      }
      steps.push(data);
    } catch (error) {
      if (!(error instanceof PacketFault)) throw error;
      steps.push(error.message);
    }
  }
  return { steps, lists };
}

defineFuzzTarget(import.meta.url, {
  seeds: [
    `${packet("version 1")}0000${packet("batch")}${
      packet("transfer=ssh\n")
    }0001` +
    `${packet(`${OID} 12`)}0000`,
    `${packet(`put-object ${OID}`)}${packet("size=12")}${
      packet("token=x")
    }0001` +
    `${packet("hello there\n")}0000`,
    `${packet("list-lock")}${packet("limit=-9223372036854775808")}0000`,
    "0000000100020003",
    "+00f" + "x".repeat(20),
  ],
  words: [
    "0000",
    "0001",
    "0004",
    "0003",
    "fff0",
    "-001",
    "=",
    " ",
    "size=",
    OID,
  ],
  inputs: 3_000,
  outcomes: ["objects", "arguments", "nothing"],
  async run(input, random) {
    const whole = await read([input]);
    assertEquals(await read(cutAtRandom(input, random)), whole);
    let outcome = "nothing";
    for (const list of whole.lists) {
      for (
        const [name, parse] of [
          ["arguments", () => void parseArguments(list)],
          ["objects", () => void list.map(parseObjectLine)],
        ] as const
      ) {
        if (list.length === 0) continue;
        try {
          parse();
          outcome = name;
        } catch (error) {
          refusal(error, TransferError);
        }
      }
      for (const text of list) {
        const value = parseInt64(text.slice(text.indexOf("=") + 1));
        assert(value === undefined || BigInt.asIntN(64, value) === value);
      }
    }
    return outcome;
  },
});
