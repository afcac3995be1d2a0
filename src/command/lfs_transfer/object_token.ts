/**
 * The id and token of an object: the id carries where the object is and what
 * opens the door, the token proves that it came from us. Batch and transfer
 * run in different sessions, possibly on different hosts, so both are made
 * exactly as the reference makes them.
 * Source: GitLab Shell 14.56.1, lfstransfer backend.
 * @module
 */
import { readFields, toText, toTextMap } from "../../api/go_fields.ts";
import { parseFirstJson } from "../../api/go_json.ts";
import type { LfsAction, LfsOperation } from "../../api/lfs_batch.ts";
import { stringifyGoJson } from "../../core/go_text.ts";
import type { Secret } from "../../core/secret.ts";
import type { Arguments } from "./arguments.ts";
import { TransferError } from "./transfer_error.ts";

/** An object and the operation that its action is for. */
export interface ObjectUse {
  readonly operation: LfsOperation;
  readonly oid: string;
}

const HMAC = { name: "HMAC", hash: "SHA-256" } as const;
const encoder = new TextEncoder();

/** Signs and checks with the shell's secret. */
export class ObjectTokens {
  readonly #secret: Secret;
  #key: Promise<CryptoKey> | undefined;

  /** @param secret As it was loaded: a line end in its file counts here. */
  constructor(secret: Secret) {
    this.#secret = secret;
  }

  /** The two arguments that stand for an action. */
  async sign(use: ObjectUse, action: LfsAction): Promise<string> {
    const id = encoder.encode(encodeId(use, action));
    const token = await crypto.subtle.sign(HMAC, await this.#getKey(), id);
    return `id=${id.toBase64()} token=${new Uint8Array(token).toBase64()}`;
  }

  /**
   * Finds the action that a client's arguments stand for.
   * @throws {TransferError} If they were not made by us for this use.
   */
  async check(args: Arguments, use: ObjectUse): Promise<LfsAction> {
    const idText = args.get("id") ?? "";
    const tokenText = args.get("token") ?? "";
    if (idText === "") throw new TransferError(400, "error: missing id");
    if (tokenText === "") throw new TransferError(401, "error: missing token");
    const id = decodeGoBase64(idText);
    if (!id) throw new TransferError(400, "error: invalid id");
    const token = decodeGoBase64(tokenText);
    if (!token) throw new TransferError(400, "error: invalid token");
    // In constant time, as Web Crypto verifies.
    const isOurs = await crypto.subtle
      .verify(HMAC, await this.#getKey(), token, id);
    if (!isOurs) throw new TransferError(403, "error: token hash mismatch");
    const found = decodeId(id);
    if (found.operation !== use.operation) {
      throw new TransferError(403, "error: invalid operation");
    }
    if (found.oid !== use.oid) {
      throw new TransferError(403, "error: invalid oid");
    }
    return found;
  }

  #getKey(): Promise<CryptoKey> {
    return this.#key ??= crypto.subtle.importKey(
      "raw",
      encoder.encode(this.#secret.reveal()),
      HMAC,
      false,
      ["sign", "verify"],
    );
  }
}

function encodeId(
  { operation, oid }: ObjectUse,
  { href, headers }: LfsAction,
): string {
  const sorted = Object.entries(headers)
    .sort(([left], [right]) => left < right ? -1 : 1);
  return stringifyGoJson({
    operation,
    oid,
    href,
    ...(sorted.length > 0 && { headers: Object.fromEntries(sorted) }),
  });
}

function decodeId(
  bytes: Uint8Array,
): LfsAction & { operation: string; oid: string } {
  const found = { operation: "", oid: "", href: "" };
  let headers: Record<string, string> = {};
  try {
    readFields(parseFirstJson(bytes), {
      operation: (value) => found.operation = toText(value),
      oid: (value) => found.oid = toText(value),
      href: (value) => found.href = toText(value),
      headers: (value) => headers = toTextMap(value),
    });
  } catch (cause) {
    throw new TransferError(400, "error: invalid id", { cause });
  }
  return { ...found, headers };
}

/** What Go's standard encoding takes: padding always, line ends anywhere. */
function decodeGoBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bare = text.replace(/[\r\n]/g, "");
  if (bare.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(bare)) {
    return undefined;
  }
  return Uint8Array.fromBase64(bare);
}
