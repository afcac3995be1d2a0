import { assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { patchNistp521 } from "../../../../src/ssh/patch/nistp521.ts";
import type { Ssh2KeyExchange } from "../../../../src/ssh/ssh2_types.ts";

function makeExchange(curveName = "secp521r1", type = "ecdh"): Ssh2KeyExchange {
  const exchange: Ssh2KeyExchange = {
    sessionID: Buffer.of(),
    remoteExtInfoEnabled: false,
    type,
    curveName,
    _public: null,
    _dh: null,
    _remoteKexinit: undefined,
    negotiated: { kex: "", serverHostKey: "" },
    _hostKey: undefined,
    getPublicKey: () => Buffer.of(),
    convertPublicKey: (key) => key,
    parse: () => undefined,
    generateKeys: () => {},
    computeSecret: () => Buffer.of(),
  };
  patchNistp521(exchange);
  exchange.generateKeys();
  return exchange;
}

Deno.test("patchNistp521() lets two sides agree", () => {
  const ours = makeExchange();
  const theirs = makeExchange();
  const a = ours._dh?.computeSecret(theirs._public ?? Buffer.of());
  const b = theirs._dh?.computeSecret(ours._public ?? Buffer.of());
  assertEquals(a?.length, 66);
  assertEquals(a, b);
  assertEquals(ours._public?.length, 133);
});

Deno.test("patchNistp521() makes one key for an exchange", () => {
  const exchange = makeExchange();
  const first = exchange._public;
  exchange.generateKeys();
  assertEquals(exchange._public, first);
});

const BAD: [string, Buffer][] = [
  ["nothing", Buffer.of()],
  ["a compressed point", Buffer.alloc(67, 2)],
  ["a point of another length", Buffer.alloc(65, 4)],
  ["a point that is not on the curve", Buffer.alloc(133, 4)],
  ["the point of zeros", Buffer.concat([Buffer.of(4), Buffer.alloc(132)])],
];
for (const [what, point] of BAD) {
  Deno.test(`patchNistp521() refuses ${what}`, () => {
    const exchange = makeExchange();
    assertThrows(() => exchange._dh?.computeSecret(point));
  });
}

Deno.test("patchNistp521() leaves other exchanges alone", () => {
  assertEquals(makeExchange("prime256v1")._dh, null);
  assertEquals(makeExchange("secp521r1", "group")._dh, null);
});
