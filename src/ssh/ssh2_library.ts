/**
 * Loads ssh2 and makes sure that it is the version this room was written for.
 * Source: ssh2 1.17.0, lib/server.js, lib/protocol/Protocol.js, kex.js, utils.js.
 * @module
 */
import { checkMlKem } from "./ml_kem.ts";
import { memberOf, SSH2_VERSION } from "./ssh2_check.ts";
import { probeCiphers, probeConnection } from "./ssh2_probe.ts";
import type { Ssh2Library } from "./ssh2_types.ts";

const POLY1305_MAC_BYTES = 16;
const POLY1305_KEY_BYTES = 32;
const POLY1305_LENGTH_BYTES = 4;
/** More than the largest packet of either direction. */
const POLY1305_BODY_BYTES = 64 * 1024;

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
  await probeConnection(library);
  await probeCiphers();
  await checkMlKem();
  return library;
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

function isLibrary(value: unknown): value is Ssh2Library {
  const hasFunctions = ["Server", "KexInit", "sendPacket"].every((name) =>
    typeof memberOf(value, name) === "function"
  );
  return hasFunctions && memberOf(value, "poly1305") !== undefined;
}
