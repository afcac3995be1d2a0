import { assertEquals } from "@std/assert";
import {
  type ConversationTurn,
  FetchTurn,
  PushTurn,
} from "../../../src/git/conversation_turn.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** `>` is the client, `<` the server, `$` the client's end; then whose turn. */
type Step = readonly [said: string, isServers: boolean];

function follow(turn: ConversationTurn, steps: readonly Step[]): void {
  for (const [said, isServers] of steps) {
    const text = bytes(said.slice(1));
    if (said.startsWith(">")) turn.onClient(text);
    else if (said.startsWith("<")) turn.onServer(text);
    else turn.onClientEnd();
    assertEquals(turn.isServers, isServers, `after ${said}`);
  }
}

const startsServer = { startsServer: true };

Deno.test("a fetch of version 0: references, negotiation, pack", () => {
  const turn = new FetchTurn(startsServer);
  assertEquals(turn.isServers, true);
  follow(turn, [
    ["<000dref a", true],
    ["<bcd\n", true],
    ["<0000", false],
    [">000awant\n\n", false],
    [">0000", true],
    [">000ahave\n\n", false],
    [">0000", true],
    ["<0008NAK\n", false],
    [">0009done\n", true],
    ["<0008NAK\n", true],
    ["<0006\x01P", true],
    ["<0000", false],
    ["$", true],
  ]);
});

Deno.test("a fetch of version 2: sections end with a flush", () => {
  follow(new FetchTurn(startsServer), [
    ["<000eversion 2\n", true],
    ["<0000", false],
    [">0014command=ls-refs\n", false],
    [">0001", false],
    [">0000", true],
    ["<0008x y\n", true],
    ["<0000", false],
    [">0009done\n0000", true],
    ["<000dpackfile\n", true],
    ["<0006\x01P", true],
    ["<0000", false],
  ]);
});

Deno.test("a pack without side-band is the server's to its end", () => {
  follow(new FetchTurn(startsServer), [
    ["<0000", false],
    [">0009done\n", true],
    ["<0008NAK\n", true],
    ["<PACK", true],
    ["<0000", true],
  ]);
});

Deno.test("a push is the client's until it ends, however long it takes", () => {
  const turn = new PushTurn(startsServer);
  assertEquals(turn.isServers, true);
  follow(turn, [
    ["<000dref abcd\n", true],
    ["<0000", false],
    [">00", false],
    [">PACK", false],
    ["$", true],
    ["<0000", true],
    ["<more", true],
  ]);
});

Deno.test("a push by two requests begins with the client", () => {
  const turn = new PushTurn({ startsServer: false });
  assertEquals(turn.isServers, false);
  follow(turn, [[">0000", false], ["$", true]]);
});
