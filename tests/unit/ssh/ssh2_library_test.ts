import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  checkCiphers,
  checkKeyExchange,
  checkSsh2,
} from "../../../src/ssh/ssh2_check.ts";
import { loadSsh2 } from "../../../src/ssh/ssh2_library.ts";

const IDENT = "SSH-2.0-ssh2js1.17.0\r\n";
const noop = () => {};

/** Everything that is relied on, as plain values. */
function knownClient() {
  return {
    _sock: {},
    _protocol: {
      _offer: { lists: { kex: { array: [] } } },
      _hostKeys: {},
      _remoteIdentRaw: {},
      _kex: undefined as unknown,
      _kexinit: undefined,
      _queue: undefined,
      rekey: noop,
      _cipher: { free: noop },
      _decipher: { _onPayload: noop, inSeqno: 0, free: noop },
      _packetRW: {
        write: {
          alloc: noop as unknown,
          finalize: noop,
          allocStart: 5,
          allocStartKEX: 5,
        },
      },
      _destruct: noop,
      _onPayload: noop as unknown,
      _onHandshakeComplete: noop,
      channelData: noop,
      channelExtData: noop,
      channelOpenConfirm: noop,
      channelWindowAdjust: noop,
      channelSuccess: noop,
      channelFailure: noop,
      channelEOF: noop,
      channelClose: noop,
      exitStatus: noop,
    },
  };
}

Deno.test("loadSsh2() finds the pinned version as this room knows it", async () => {
  const library = await loadSsh2();
  assertEquals(Object.keys(library), [
    "Server",
    "KexInit",
    "sendPacket",
    "poly1305",
  ]);
  assert(await loadSsh2());
});

Deno.test("checkSsh2() accepts the members that are relied on", () => {
  checkSsh2(knownClient(), IDENT);
});

Deno.test("checkSsh2() refuses another version by its name", () => {
  assertThrows(
    () => checkSsh2(knownClient(), "SSH-2.0-ssh2js1.18.0\r\n"),
    Error,
    'Cannot use ssh2: it calls itself "SSH-2.0-ssh2js1.18.0\\r\\n"',
  );
});

Deno.test("checkSsh2() names the member that is missing", () => {
  const client = knownClient();
  client._protocol._packetRW.write.alloc = undefined;
  assertThrows(
    () => checkSsh2(client, IDENT),
    Error,
    "Cannot use ssh2: member _packetRW.write.alloc is undefined, expected function",
  );
});

Deno.test("checkSsh2() notices a key exchange that has already begun", () => {
  const client = knownClient();
  client._protocol._kex = {};
  assertThrows(
    () => checkSsh2(client, IDENT),
    Error,
    "Cannot use ssh2: member _kex is object, expected undefined",
  );
});

Deno.test("checkSsh2() refuses what is no client at all", () => {
  assertThrows(() => checkSsh2(undefined, IDENT), Error, "_sock");
});

Deno.test("checkKeyExchange() names the member that is missing", () => {
  const exchange = {
    type: "25519",
    negotiated: { kex: "x", serverHostKey: "x" },
    remoteExtInfoEnabled: false,
    _remoteKexinit: {},
    _hostKey: undefined,
    _public: null,
    _dh: null,
    generateKeys: noop,
    getPublicKey: noop,
    convertPublicKey: noop,
    computeSecret: noop as unknown,
    parse: noop,
  };
  checkKeyExchange(exchange);
  exchange.computeSecret = undefined;
  assertThrows(
    () => checkKeyExchange(exchange),
    Error,
    "Cannot use ssh2: member computeSecret is undefined, expected function",
  );
});

Deno.test("checkCiphers() notices ciphers that keep their keys elsewhere", () => {
  const both = { cipher: {}, decipher: {} };
  assertThrows(
    () => checkCiphers(both, both),
    Error,
    "Cannot use ssh2: member outSeqno is undefined, expected number",
  );
});
