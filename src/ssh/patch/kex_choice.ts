/**
 * Chooses the key exchange in ssh2's place, and tells ssh2 of the choice alone.
 * Row F7: ssh2 does not know `mlkem768x25519-sha256` and fails at its name, so
 * it is told of the exchange that the hybrid contains. And it takes a client's
 * guessed packet for right when the guess was chosen, where RFC 4253 asks that
 * both sides *prefer* it: Dropbear then sends a second one, which ssh2 would
 * take for a fault.
 * Source: RFC 4253, section 7; ssh2 1.17.0, lib/protocol/kex.js, handleKexInit.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Ssh2KexInit, Ssh2Library, Ssh2Offer } from "../ssh2_types.ts";
import { SshReader, SshWriter } from "../wire.ts";

/** The hybrid exchange. */
export const MLKEM_EXCHANGE = "mlkem768x25519-sha256";
/** The exchange that ssh2 computes the classical half of it with. */
const CLASSICAL_EXCHANGE = "curve25519-sha256";
/** Names in the list that are no exchanges, as ssh2 looks for them. */
const CLIENT_MARKERS = ["ext-info-c", "kex-strict-c-v00@openssh.com"] as const;
/** Stands for a guess that missed: never offered, so never chosen. */
const MISSED = "missed-guess";
const COOKIE_BYTES = 16;
/** Lists between those of host keys and the flag of a guess. */
const LISTS_AFTER_HOST_KEYS = 8;

/** What was chosen, and how ssh2 is told. */
export interface KexChoice {
  readonly name: string;
  /** The client's own message: the exchange hash covers it. */
  readonly original: Buffer;
  /** The message that ssh2 reads in its place. */
  readonly shown: Buffer;
}

/**
 * Chooses the exchange of a client's KEXINIT.
 * @param offer Has at least one exchange in common with it.
 * @throws {ProtocolError} If the message is cut off.
 */
export function chooseKex(
  { kex, serverHostKey }: Ssh2Offer,
  original: Buffer,
): KexChoice {
  const reader = new SshReader(original, 1 + COOKIE_BYTES);
  const names = reader.readNameList();
  const restAt = reader.offsetBytes;
  const [firstHostKey] = reader.readNameList();
  for (let list = 0; list < LISTS_AFTER_HOST_KEYS; list++) reader.readString();
  const hasGuess = reader.readBool();
  const isMissed = names[0] !== kex[0] || firstHostKey !== serverHostKey[0];
  const name = names.find((name) => kex.includes(name)) ?? "";
  const shownNames = [
    ...(hasGuess && isMissed ? [MISSED] : []),
    name === MLKEM_EXCHANGE ? CLASSICAL_EXCHANGE : name,
    ...CLIENT_MARKERS.filter((marker) => names.includes(marker)),
  ];
  const shown = new SshWriter().raw(original.subarray(0, 1 + COOKIE_BYTES))
    .nameList(shownNames).raw(original.subarray(restAt)).bytes();
  return { name, original, shown: Buffer.from(shown.buffer) };
}

/**
 * Encodes our own offer, so that ssh2 finds in it whatever it is shown.
 * @param markers Names that are sent after the exchanges.
 */
export function makeKexInit(
  { KexInit }: Ssh2Library,
  offer: Ssh2Offer,
  markers: readonly string[] = [],
): Ssh2KexInit {
  const kexInit = new KexInit({ ...offer, kex: [...offer.kex, ...markers] });
  // Encoded already: what is added is compared with and never sent.
  const { array } = kexInit.lists.kex;
  if (!array.includes(CLASSICAL_EXCHANGE)) array.push(CLASSICAL_EXCHANGE);
  return kexInit;
}
