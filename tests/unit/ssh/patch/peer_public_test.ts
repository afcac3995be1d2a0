import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { Buffer } from "node:buffer";
import { createDiffieHellmanGroup } from "node:crypto";
import {
  isGroupValue,
  patchPeerPublic,
} from "../../../../src/ssh/patch/peer_public.ts";
import type { Ssh2KeyExchange } from "../../../../src/ssh/ssh2_types.ts";

const prime = createDiffieHellmanGroup("modp14").getPrime();

/** The prime minus a small number. */
function below(difference: number): Buffer {
  const value = Buffer.concat([Buffer.of(0), prime]);
  value[value.length - 1] = (value.at(-1) ?? 0) - difference;
  return value;
}

const VALUES: [string, Buffer, boolean][] = [
  ["nothing", Buffer.of(), false],
  ["0", Buffer.of(0), false],
  ["1", Buffer.of(1), false],
  ["2", Buffer.of(2), true],
  ["p - 2", below(2), true],
  ["p - 1", below(1), false],
  ["p", below(0), false],
  ["a negative number", Buffer.alloc(256, 0xff), false],
];
for (const [what, value, expected] of VALUES) {
  Deno.test(`isGroupValue() of ${what} is ${expected}`, () => {
    assertEquals(isGroupValue(value, "modp14"), expected);
  });
}

function exchangeOf(type: string, secret: Buffer): Ssh2KeyExchange {
  const exchange: Ssh2KeyExchange = {
    sessionID: Buffer.of(),
    remoteExtInfoEnabled: false,
    type,
    groupName: "modp14",
    _public: null,
    _dh: null,
    _remoteKexinit: undefined,
    negotiated: { kex: "", serverHostKey: "" },
    _hostKey: undefined,
    getPublicKey: () => Buffer.of(),
    convertPublicKey: (key) => key,
    parse: () => undefined,
    generateKeys: () => {},
    computeSecret: () => secret,
  };
  patchPeerPublic(exchange);
  return exchange;
}

Deno.test("patchPeerPublic() refuses X25519 values of a wrong size and zero secrets", () => {
  const good = exchangeOf("25519", Buffer.of(5));
  assertEquals(good.computeSecret(Buffer.alloc(32, 1)), Buffer.of(5));
  assertInstanceOf(good.computeSecret(Buffer.alloc(31, 1)), Error);
  const zero = exchangeOf("25519", Buffer.alloc(0));
  assertInstanceOf(zero.computeSecret(Buffer.alloc(32, 1)), Error);
});

Deno.test("patchPeerPublic() refuses group values out of range", () => {
  const group = exchangeOf("group", Buffer.of(5));
  assertEquals(group.computeSecret(Buffer.of(9)), Buffer.of(5));
  assertInstanceOf(group.computeSecret(Buffer.of(1)), Error);
});

Deno.test("the ground: Deno computes with a Diffie-Hellman value of 1", () => {
  const group = createDiffieHellmanGroup("modp14");
  group.generateKeys();
  // If this begins to throw, patchPeerPublic() has become superfluous.
  assert(group.computeSecret(Buffer.of(1)).length > 0);
});
