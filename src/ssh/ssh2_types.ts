/**
 * The parts of ssh2 1.17.0 that this room touches. Members whose names begin
 * with an underscore are private to ssh2: `ssh2_library.ts` checks at start
 * that they are what these types say.
 * Source: ssh2 1.17.0, lib/server.js and lib/protocol/.
 * @module
 */
import type { Buffer } from "node:buffer";
import type { EventEmitter } from "node:events";

/** Frames payloads; both starts move while a key exchange is under way. */
export interface Ssh2PacketWriter {
  /** Where the payload begins in what `alloc` returns. */
  readonly allocStart: number;
  /** The same when `force` is true. */
  readonly allocStartKEX: number;
  alloc(payloadBytes: number, force?: boolean): Buffer;
  finalize(packet: Buffer, force?: boolean): Buffer;
}

/** What ECDH and finite-field exchanges compute with. */
export interface Ssh2DiffieHellman {
  computeSecret(peerPublic: Buffer): Buffer;
}

/** One key exchange. */
export interface Ssh2KeyExchange {
  /** Hash of the first exchange. */
  readonly sessionID: Buffer;
  /** Whether the client asked for EXT_INFO. */
  remoteExtInfoEnabled: boolean;
  /** `25519`, `ecdh`, `group` or `groupex`. */
  readonly type: string;
  /** Name of the curve, of `ecdh` alone. */
  readonly curveName?: string;
  /** Name of the group, of `group` alone. */
  readonly groupName?: string;
  _public: Buffer | null;
  _dh: Ssh2DiffieHellman | null;
  /** The client's KEXINIT, which the exchange hash covers. */
  _remoteKexinit: Buffer | undefined;
  readonly negotiated: { kex: string; serverHostKey: string };
  /** The key that is proven; found when the client's value is there. */
  _hostKey: Ssh2HostKey | undefined;
  generateKeys(): void;
  getPublicKey(): Buffer;
  /** Brings a public value into the form in which it is hashed. */
  convertPublicKey(key: Buffer): Buffer;
  computeSecret(peerPublic: Buffer): Buffer | Error;
  /** Takes a message of the exchange; returns as a payload handler does. */
  parse(payload: Buffer): number | false | undefined;
}

/** A host key as ssh2 calls it. */
export interface Ssh2HostKey {
  readonly type: string;
  getPublicSSH(): Buffer;
  /** @param hash Given for the two RSA SHA-2 names alone. */
  sign(data: Buffer, hash: string | undefined): Buffer | Error;
}

/** A cipher of `node:crypto`, as far as it is ended here. */
interface NodeCipher {
  final(): Buffer;
}

/** Either direction's cipher. */
export interface Ssh2Cipher {
  readonly _cipherInstance?: NodeCipher;
  readonly _decipherInstance?: NodeCipher | null;
  free(): void;
}

/** Decrypts; counts packets. */
export interface Ssh2Decipher extends Ssh2Cipher {
  inSeqno: number;
  /** Takes a payload; a number or `false` moves the parser on. */
  _onPayload: Ssh2PayloadHandler;
}

/** What is replaced in an outgoing cipher. */
export interface Ssh2Encrypter extends Ssh2Cipher {
  readonly _dead: boolean;
  outSeqno: number;
  _onWrite(bytes: Buffer): void;
  /** Frames a payload of this size, which belongs at the sixth byte. */
  allocPacket(payloadBytes: number): Buffer;
  /** @param packet Length field, padding length, payload and padding. */
  encrypt(packet: Buffer): void;
}

/** Encrypts aes128-gcm@openssh.com and aes256-gcm@openssh.com. */
export interface Ssh2GcmCipher extends Ssh2Encrypter {
  readonly _encSSLName: "aes-128-gcm" | "aes-256-gcm";
  readonly _encKey: Buffer;
  /** Counts the packets. */
  readonly _encIV: Buffer;
}

/** Encrypts chacha20-poly1305@openssh.com. */
export interface Ssh2ChachaCipher extends Ssh2Encrypter {
  readonly _encKeyMain: Buffer;
  readonly _encKeyPktLen: Buffer;
}

/** Decrypts aes128-gcm@openssh.com and aes256-gcm@openssh.com. */
export interface Ssh2GcmDecipher extends Ssh2Decipher {
  readonly _decipherSSLName: "aes-128-gcm" | "aes-256-gcm";
  readonly _decipherKey: Buffer;
  /** Counts the packets. */
  readonly _decipherIV: Buffer;
  /** @returns Where to go on, or `undefined` when all is used. */
  decrypt(data: Buffer, from: number, end: number): number | undefined;
}

/** Decrypts chacha20-poly1305@openssh.com. */
export interface Ssh2ChachaDecipher extends Ssh2Decipher {
  readonly _decKeyMain: Buffer;
  readonly _decKeyPktLen: Buffer;
  /** @returns Where to go on, or `undefined` when all is used. */
  decrypt(data: Buffer, from: number, end: number): number | undefined;
}

/** ssh2's compiled Poly1305, and places in its memory that are ours. */
export interface Ssh2Poly1305 {
  readonly HEAPU8: Uint8Array<ArrayBuffer>;
  readonly places: {
    readonly mac: number;
    readonly key: number;
    readonly length: number;
    readonly body: number;
  };
  readonly _poly1305_auth: (
    mac: number,
    first: number,
    firstBytes: number,
    second: number,
    secondBytes: number,
    key: number,
  ) => void;
}

/** Takes a payload; what it returns tells the parser where to go on. */
export type Ssh2PayloadHandler = (
  payload: Buffer,
) => number | false | undefined;

/** The lists of a KEXINIT. */
export interface Ssh2Offer {
  readonly kex: readonly string[];
  readonly serverHostKey: readonly string[];
  readonly cs: Ssh2DirectionOffer;
  readonly sc: Ssh2DirectionOffer;
}

/** The lists of one direction. */
export interface Ssh2DirectionOffer {
  readonly cipher: readonly string[];
  readonly mac: readonly string[];
  readonly compress: readonly string[];
  readonly lang: readonly string[];
}

/** An encoded offer; only ssh2 looks inside. */
export interface Ssh2KexInit {
  readonly totalSize: number;
  /** Names are compared with `array`; what is sent is encoded already. */
  readonly lists: { readonly kex: { readonly array: string[] } };
}

/** Names that an exchange settled on. */
export interface Ssh2Negotiated {
  readonly kex: string;
  readonly serverHostKey: string;
  readonly cs: { readonly cipher: string; readonly mac: string };
  readonly sc: { readonly cipher: string; readonly mac: string };
}

/** One connection's transport layer. */
export interface Ssh2Protocol {
  _offer: Ssh2KexInit;
  _hostKeys: Record<string, Ssh2HostKey>;
  _remoteIdentRaw: Buffer;
  _kex: Ssh2KeyExchange | undefined;
  /** Our KEXINIT while an exchange is under way. */
  readonly _kexinit: Buffer | undefined;
  /** What waits for the end of an exchange. */
  readonly _queue: readonly Buffer[] | undefined;
  readonly _cipher: Ssh2Cipher;
  readonly _decipher: Ssh2Decipher;
  readonly _packetRW: { readonly write: Ssh2PacketWriter };
  /** Absent once the instance can be used no more. */
  readonly _destruct: unknown;
  _onPayload: Ssh2PayloadHandler;
  _onHandshakeComplete: (negotiated: Ssh2Negotiated) => void;
  /** Begins an exchange of new keys. */
  rekey(): void;
  channelData(remoteId: number, data: Buffer): void;
  channelExtData(remoteId: number, data: Buffer, type: number): void;
  channelOpenConfirm(
    remoteId: number,
    localId: number,
    windowBytes: number,
    packetBytesMax: number,
  ): void;
  channelWindowAdjust(remoteId: number, addedBytes: number): void;
  channelSuccess(remoteId: number): void;
  channelFailure(remoteId: number): void;
  channelEOF(remoteId: number): void;
  channelClose(remoteId: number): void;
  exitStatus(remoteId: number, status: number): void;
}

/** One connection as the server hands it out. */
export interface Ssh2Client extends EventEmitter {
  readonly _sock: unknown;
  readonly _protocol: Ssh2Protocol;
}

/** The server; it never listens here. */
export interface Ssh2Server extends EventEmitter {
  injectSocket(socket: EventEmitter): void;
}

/** Options of the server that are given here. */
export interface Ssh2ServerOptions {
  readonly hostKeys: readonly never[];
  readonly ident?: string;
}

/** What is taken from the package. */
export interface Ssh2Library {
  readonly Server: new (options: Ssh2ServerOptions) => Ssh2Server;
  readonly KexInit: new (offer: Ssh2Offer) => Ssh2KexInit;
  readonly poly1305: Ssh2Poly1305;
  /** @returns Whether the packet went out at once. */
  readonly sendPacket: (
    protocol: Ssh2Protocol,
    packet: Buffer,
    bypass?: boolean,
  ) => boolean;
}
