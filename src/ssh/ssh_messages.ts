/**
 * SSH messages above key exchange, as far as a server reads and writes them.
 * Pure: payloads in and out, framing and encryption are the transport's.
 * Source: RFC 4252, RFC 4253, RFC 4254, RFC 8308; OpenSSH, PROTOCOL.
 * @module
 */
import { SshReader, SshWriter } from "./wire.ts";

/** Message numbers. */
export const MESSAGE = {
  disconnect: 1,
  ignore: 2,
  unimplemented: 3,
  debug: 4,
  serviceRequest: 5,
  serviceAccept: 6,
  extInfo: 7,
  kexInit: 20,
  userauthRequest: 50,
  userauthFailure: 51,
  userauthSuccess: 52,
  userauthBanner: 53,
  userauthPkOk: 60,
  globalRequest: 80,
  requestSuccess: 81,
  requestFailure: 82,
  channelOpen: 90,
  channelOpenFailure: 92,
  channelWindowAdjust: 93,
  channelData: 94,
  channelExtendedData: 95,
  channelEof: 96,
  channelClose: 97,
  channelRequest: 98,
  channelSuccess: 99,
  channelFailure: 100,
  /** `ping@openssh.com`. */
  ping: 192,
  pong: 193,
} as const;

/** Reasons of a DISCONNECT. */
export const DISCONNECT_REASON = {
  protocolError: 2,
  keyExchangeFailed: 3,
  serviceNotAvailable: 7,
  connectionLost: 10,
  byApplication: 11,
  tooManyConnections: 12,
} as const;

/** Reasons of a refused channel. */
export const OPEN_FAILURE = {
  connectFailed: 2,
  unknownChannelType: 3,
  resourceShortage: 4,
} as const;

/** A request to log in; what the method adds is still undecoded. */
export interface UserauthRequest {
  readonly user: string;
  readonly service: string;
  readonly method: string;
  readonly body: Uint8Array;
}

/** A public-key request: a query when it has no signature. */
export interface PublicKeyRequest {
  readonly algorithm: string;
  readonly blob: Uint8Array;
  readonly signature: Signature | undefined;
  /** What the signature covers after the session id. */
  readonly signedPayload: Uint8Array;
}

/** A signature and the name of its format. */
export interface Signature {
  readonly format: string;
  readonly bytes: Uint8Array;
}

/** A request for a channel. */
export interface ChannelOpen {
  readonly type: string;
  /** The client's number of the channel. */
  readonly senderId: number;
  readonly windowBytes: number;
  readonly packetBytesMax: number;
}

/** A request on a channel; `body` is the type's own. */
export interface ChannelRequest {
  readonly type: string;
  readonly wantReply: boolean;
  readonly body: Uint8Array;
}

/**
 * Reads the common part of a request to log in.
 * @throws {ProtocolError} If the message is cut off, as all decoders here.
 */
export function decodeUserauthRequest(payload: Uint8Array): UserauthRequest {
  const reader = new SshReader(payload, 1);
  return {
    user: reader.readText(),
    service: reader.readText(),
    method: reader.readText(),
    body: reader.readRest(),
  };
}

/** @param payload The whole message, which the signature covers in part. */
export function decodePublicKeyRequest(payload: Uint8Array): PublicKeyRequest {
  const reader = new SshReader(payload, 1);
  reader.readString();
  reader.readString();
  reader.readString();
  const hasSignature = reader.readBool();
  const algorithm = reader.readText();
  const blob = reader.readString();
  const signedPayload = payload.subarray(0, reader.offsetBytes);
  const signature = hasSignature
    ? decodeSignature(reader.readString())
    : undefined;
  reader.expectEnd();
  return { algorithm, blob, signature, signedPayload };
}

/**
 * Splits a signature into its format and the rest, which is one string for
 * plain keys and more for `sk-` ones.
 */
export function decodeSignature(bytes: Uint8Array): Signature {
  const reader = new SshReader(bytes);
  return { format: reader.readText(), bytes: reader.readRest() };
}

/** @throws {ProtocolError} If the message is cut off. */
export function decodeChannelOpen(payload: Uint8Array): ChannelOpen {
  const reader = new SshReader(payload, 1);
  return {
    type: reader.readText(),
    senderId: reader.readUint32(),
    windowBytes: reader.readUint32(),
    packetBytesMax: reader.readUint32(),
  };
}

/** @param reader Behind the channel number. */
export function decodeChannelRequest(reader: SshReader): ChannelRequest {
  return {
    type: reader.readText(),
    wantReply: reader.readBool(),
    body: reader.readRest(),
  };
}

/** @returns Reason and text, as Go words a connection that ended so. */
export function decodeDisconnect(
  payload: Uint8Array,
): { reason: number; text: string } {
  const reader = new SshReader(payload, 1);
  return { reason: reader.readUint32(), text: reader.readText() };
}

/** The last message of a connection: why it ends. */
export function encodeDisconnect(reason: number, text: string): Uint8Array {
  return new SshWriter().byte(MESSAGE.disconnect).uint32(reason).string(text)
    .string("").bytes();
}

/** @param sequence Number of the message that means nothing here. */
export function encodeUnimplemented(sequence: number): Uint8Array {
  return new SshWriter().byte(MESSAGE.unimplemented).uint32(sequence).bytes();
}

/** The answer to a request for a service that we have. */
export function encodeServiceAccept(name: string): Uint8Array {
  return new SshWriter().byte(MESSAGE.serviceAccept).string(name).bytes();
}

/** @param extensions Names and values, in the order in which they are sent. */
export function encodeExtInfo(
  extensions: readonly (readonly [name: string, value: string])[],
): Uint8Array {
  const writer = new SshWriter().byte(MESSAGE.extInfo)
    .uint32(extensions.length);
  for (const [name, value] of extensions) writer.string(name).string(value);
  return writer.bytes();
}

/** @param methods Those that can go on. */
export function encodeUserauthFailure(methods: readonly string[]): Uint8Array {
  return new SshWriter().byte(MESSAGE.userauthFailure).nameList(methods)
    .bool(false).bytes();
}

/** @param text For the user, its own line end included. */
export function encodeUserauthBanner(text: string): Uint8Array {
  return new SshWriter().byte(MESSAGE.userauthBanner).string(text).string("")
    .bytes();
}

/** The end of authentication. */
export function encodeUserauthSuccess(): Uint8Array {
  return Uint8Array.of(MESSAGE.userauthSuccess);
}

/** The answer to a query: this key may be used. */
export function encodePkOk(algorithm: string, blob: Uint8Array): Uint8Array {
  return new SshWriter().byte(MESSAGE.userauthPkOk).string(algorithm)
    .string(blob).bytes();
}

/** The refusal of a global request. */
export function encodeRequestFailure(): Uint8Array {
  return Uint8Array.of(MESSAGE.requestFailure);
}

/** A keepalive: a global request whose answer is all that matters. */
export function encodeKeepalive(): Uint8Array {
  return new SshWriter().byte(MESSAGE.globalRequest)
    .string("keepalive@openssh.com").bool(true).bytes();
}

/** @param senderId The number that the client gave. */
export function encodeOpenFailure(
  senderId: number,
  reason: number,
  text: string,
): Uint8Array {
  return new SshWriter().byte(MESSAGE.channelOpenFailure).uint32(senderId)
    .uint32(reason).string(text).string("en").bytes();
}

/** The answer to a ping, with the data of the ping. */
export function encodePong(ping: Uint8Array): Uint8Array {
  const pong = ping.slice();
  pong[0] = MESSAGE.pong;
  return pong;
}
