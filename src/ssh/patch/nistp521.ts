/**
 * Key exchange over P-521.
 * Row F9: ssh2 asks for the curve as `secp521r1` through `createECDH`, which
 * Deno 2.9.6 does not have there; the client sees a dropped connection. The
 * same curve works through key objects.
 * Source: ssh2 1.17.0, lib/protocol/kex.js, ECDHExchange; RFC 5656, section 4.
 * @module
 */
import { Buffer } from "node:buffer";
import {
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
} from "node:crypto";
import type { Ssh2KeyExchange } from "../ssh2_types.ts";

const COORDINATE_BYTES = 66;
const POINT_BYTES = 1 + 2 * COORDINATE_BYTES;
const UNCOMPRESSED = 4;

/** Replaces the key generation of an exchange over P-521; leaves others alone. */
export function patchNistp521(exchange: Ssh2KeyExchange): void {
  if (exchange.type !== "ecdh" || exchange.curveName !== "secp521r1") return;
  exchange.generateKeys = () => {
    if (exchange._dh) return;
    const { privateKey, publicKey } = generateKeyPairSync("ec", {
      namedCurve: "P-521",
    });
    const { x = "", y = "" } = publicKey.export({ format: "jwk" });
    exchange._public = Buffer.concat([
      Buffer.of(UNCOMPRESSED),
      padCoordinate(x),
      padCoordinate(y),
    ]);
    exchange._dh = {
      computeSecret: (point) =>
        diffieHellman({ privateKey, publicKey: importPoint(point) }),
    };
  };
}

/** @throws {Error} If the bytes are not a point of the curve. */
function importPoint(point: Buffer) {
  if (point.length !== POINT_BYTES || point[0] !== UNCOMPRESSED) {
    throw new Error(`Cannot use a P-521 point of ${point.length} bytes`);
  }
  const coordinate = (at: number) =>
    point.subarray(at, at + COORDINATE_BYTES).toString("base64url");
  return createPublicKey({
    format: "jwk",
    key: {
      kty: "EC",
      crv: "P-521",
      x: coordinate(1),
      y: coordinate(1 + COORDINATE_BYTES),
    },
  });
}

function padCoordinate(text: string): Buffer {
  const bytes = Buffer.from(text, "base64url");
  return Buffer.concat([Buffer.alloc(COORDINATE_BYTES - bytes.length), bytes]);
}
