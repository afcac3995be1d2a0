import { assertEquals } from "@std/assert";
import { PktTail } from "../../../src/git/pkt_tail.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

const ROWS = [
  ["", "none", ""],
  ["0", "partial", ""],
  ["0000", "flush", ""],
  ["0001", "delim", ""],
  ["0002", "response_end", ""],
  ["0004", "data", ""],
  ["0008NAK\n", "data", "NAK\n"],
  ["0008NAK", "partial", "NAK"],
  ["000ahello\n0000", "flush", ""],
  ["000AHELLO\n", "data", "HELL"],
  ["0008NAK\nPACK", "raw", ""],
  ["0003", "raw", ""],
  ["<html>", "raw", ""],
] as const;
for (const [text, state, word] of ROWS) {
  Deno.test(`after ${JSON.stringify(text)} a stream stands at ${state}`, () => {
    // At every split point, and byte by byte.
    for (let split = 0; split <= text.length; split++) {
      const tail = new PktTail();
      tail.push(bytes(text.slice(0, split)));
      tail.push(bytes(text.slice(split)));
      assertEquals([tail.state, tail.word], [state, word]);
    }
    const tail = new PktTail();
    for (const char of text) tail.push(bytes(char));
    assertEquals([tail.state, tail.word], [state, word]);
  });
}
