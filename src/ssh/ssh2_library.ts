/**
 * Loads ssh2 and makes sure that it is the version this room was written for.
 * Several of its defects are cured through private members, so another
 * version must stop the start and not the first customer.
 * Source: ssh2 1.17.0, lib/server.js, lib/protocol/Protocol.js, kex.js, utils.js.
 * @module
 */
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { checkMlKem } from "./ml_kem.ts";
import type { Ssh2Client, Ssh2Library } from "./ssh2_types.ts";

/** The version whose private members are known. */
export const SSH2_VERSION = "1.17.0";

const PROBE_TIMEOUT_MS = 5_000;
const POLY1305_MAC_BYTES = 16;
const POLY1305_KEY_BYTES = 32;
const POLY1305_LENGTH_BYTES = 4;
/** More than the largest packet of either direction. */
const POLY1305_BODY_BYTES = 64 * 1024;
const PROBE_IDENT = Buffer.from("SSH-2.0-probe\r\n");

/** Members of a connection and its protocol, with the type that is relied on. */
const PROTOCOL_MEMBERS: ReadonlyMap<string, string> = new Map([
  ["_offer", "object"],
  ["_offer.lists.kex.array", "object"],
  ["_hostKeys", "object"],
  ["_remoteIdentRaw", "object"],
  ["_kex", "undefined"],
  ["_kexinit", "undefined"],
  ["_queue", "undefined"],
  ["rekey", "function"],
  ["_cipher.free", "function"],
  ["_decipher.free", "function"],
  ["_decipher._onPayload", "function"],
  ["_decipher.inSeqno", "number"],
  ["_packetRW.write.alloc", "function"],
  ["_packetRW.write.finalize", "function"],
  ["_packetRW.write.allocStart", "number"],
  ["_packetRW.write.allocStartKEX", "number"],
  ["_destruct", "function"],
  ["_onPayload", "function"],
  ["_onHandshakeComplete", "function"],
  ["channelData", "function"],
  ["channelExtData", "function"],
  ["channelOpenConfirm", "function"],
  ["channelWindowAdjust", "function"],
  ["channelSuccess", "function"],
  ["channelFailure", "function"],
  ["channelEOF", "function"],
  ["channelClose", "function"],
  ["exitStatus", "function"],
]);

/**
 * Loads ssh2 and checks it.
 * @throws {Error} If it is another version, or a member that we rely on is
 * missing or of another type.
 */
export async function loadSsh2(): Promise<Ssh2Library> {
  const [server, kex, utils, poly1305] = await Promise.all([
    import("ssh2/lib/server.js"),
    import("ssh2/lib/protocol/kex.js"),
    import("ssh2/lib/protocol/utils.js"),
    import("ssh2/lib/protocol/crypto/poly1305.js"),
  ]);
  const library: unknown = {
    Server: memberOf(server, "default"),
    KexInit: memberOf(memberOf(kex, "default"), "KexInit"),
    sendPacket: memberOf(memberOf(utils, "default"), "sendPacket"),
    poly1305: await openPoly1305(memberOf(poly1305, "default")),
  };
  if (!isLibrary(library)) {
    throw new Error(`Cannot use ssh2: it is not version ${SSH2_VERSION}`);
  }
  await probe(library);
  await checkMlKem();
  return library;
}

/**
 * Compares one connection with what this room relies on.
 * @param client The connection, its client identified, before key exchange.
 * @param ident What it sent on its own: ssh2 names its version there.
 * @throws {Error} Naming the first difference.
 */
export function checkSsh2(client: unknown, ident: string): void {
  const expected = `SSH-2.0-ssh2js${SSH2_VERSION}\r\n`;
  if (ident !== expected) {
    throw new Error(
      `Cannot use ssh2: it calls itself ${JSON.stringify(ident)}, ` +
        `expected ${JSON.stringify(expected)}`,
    );
  }
  if (memberOf(client, "_sock") === undefined) {
    throw new Error("Cannot use ssh2: a client has no member _sock");
  }
  const protocol = memberOf(client, "_protocol");
  for (const [path, type] of PROTOCOL_MEMBERS) {
    let member = protocol;
    for (const name of path.split(".")) member = memberOf(member, name);
    const actual: string = typeof member;
    if (actual !== type) {
      throw new Error(
        `Cannot use ssh2: member ${path} is ${actual}, expected ${type}`,
      );
    }
  }
}

/**
 * Starts a Poly1305 of our own and sets places in its memory aside. Each
 * computation is finished before the next begins, so one is enough.
 */
async function openPoly1305(create: unknown): Promise<unknown> {
  if (typeof create !== "function") return undefined;
  const module: unknown = await create();
  const allocate = memberOf(module, "_malloc");
  const _poly1305_auth = memberOf(module, "_poly1305_auth");
  const HEAPU8 = memberOf(module, "HEAPU8");
  const isUsable = typeof allocate === "function" &&
    typeof _poly1305_auth === "function" && HEAPU8 instanceof Uint8Array;
  if (!isUsable) return undefined;
  const places = {
    mac: allocate(POLY1305_MAC_BYTES),
    key: allocate(POLY1305_KEY_BYTES),
    length: allocate(POLY1305_LENGTH_BYTES),
    body: allocate(POLY1305_BODY_BYTES),
  };
  return { HEAPU8, places, _poly1305_auth };
}

/** Checks a connection without a network at the moment we hook into it. */
async function probe(library: Ssh2Library): Promise<void> {
  const socket = new ProbeSocket();
  const server = new library.Server({ hostKeys: [] });
  const checked = Promise.withResolvers<void>();
  server.on("connection", (client: Ssh2Client) => {
    client.on("error", () => {});
    try {
      checkSsh2(client, socket.written);
      checked.resolve();
    } catch (error) {
      checked.reject(error);
    }
  });
  const timer = setTimeout(
    () => checked.reject(new Error("Cannot use ssh2: it does not answer")),
    PROBE_TIMEOUT_MS,
  );
  try {
    server.injectSocket(socket);
    await checked.promise;
  } finally {
    clearTimeout(timer);
    socket.emit("close");
  }
}

/** As much of a socket as ssh2 uses until the client has named itself. */
class ProbeSocket extends EventEmitter {
  readonly writable = true;
  readonly _readableState = { ended: false };
  written = "";

  write(bytes: Uint8Array): boolean {
    // What follows the identification is our own KEXINIT.
    if (this.written === "") this.written = Buffer.from(bytes).toString();
    return true;
  }
  pause(): void {}
  resume(): void {
    queueMicrotask(() => this.emit("data", PROBE_IDENT));
  }
  end(): void {}
}

function memberOf(value: unknown, name: string): unknown {
  const isObject = typeof value === "object" && value !== null;
  if (!isObject && typeof value !== "function") return undefined;
  return Reflect.get(value, name);
}

function isLibrary(value: unknown): value is Ssh2Library {
  const hasFunctions = ["Server", "KexInit", "sendPacket"].every((name) =>
    typeof memberOf(value, name) === "function"
  );
  return hasFunctions && memberOf(value, "poly1305") !== undefined;
}
