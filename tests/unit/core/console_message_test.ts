import { assertEquals } from "@std/assert";
import {
  formatInfoBlock,
  formatWarningBlock,
} from "../../../src/core/console_message.ts";

const BLANK = "remote: \n";
const RULER = "remote: " +
  "========================================================================\n";
const DIVIDER = BLANK + RULER + BLANK;

for (const messages of [[""], [" "], [], ["", " ", "\t\u3000"]]) {
  const shown = JSON.stringify(messages);
  Deno.test(`shell.md case 75: nothing is printed for ${shown}`, () => {
    assertEquals(formatWarningBlock(messages), "");
    assertEquals(formatInfoBlock(messages), "");
  });
}

Deno.test("shell.md case 76: a warning of one message is 216 bytes", () => {
  const block = formatWarningBlock(["something"]);
  assertEquals(block.length, 216);
  assertEquals(block, `${DIVIDER}remote: something\n${DIVIDER}`);
});

const BLOCKS = [
  [
    "case 77",
    formatWarningBlock(["something", "here"]),
    `${DIVIDER}remote: something\nremote: here\n${DIVIDER}`,
  ],
  [
    "case 78",
    formatInfoBlock(["something"]),
    "remote: \nremote: something\nremote: \n",
  ],
  [
    "case 79",
    formatInfoBlock(["something", "here"]),
    "remote: \nremote: something\nremote: here\nremote: \n",
  ],
  [
    "case 80",
    formatInfoBlock(["", "x"]),
    "remote: \nremote: \nremote: x\nremote: \n",
  ],
  [
    "case 81",
    formatInfoBlock(["a\nb"]),
    "remote: \nremote: a\nb\nremote: \n",
  ],
  [
    "case 82",
    formatInfoBlock(["  x  "]),
    "remote: \nremote:   x  \nremote: \n",
  ],
  [
    "3.4",
    formatInfoBlock(["To Geo primary:", "", "  ssh://host/x.git"]),
    "remote: \nremote: To Geo primary:\nremote: \n" +
    "remote:   ssh://host/x.git\nremote: \n",
  ],
  // White space to JavaScript, and something to Go.
  [
    "3.3",
    formatInfoBlock(["\ufeff"]),
    "remote: \nremote: \ufeff\nremote: \n",
  ],
  // White space to Go, and something to JavaScript.
  ["3.3", formatInfoBlock(["\u0085"]), ""],
] as const;
for (const [where, block, expected] of BLOCKS) {
  Deno.test(`shell.md ${where}: ${JSON.stringify(expected.slice(0, 60))}`, () => {
    assertEquals(block, expected);
  });
}
