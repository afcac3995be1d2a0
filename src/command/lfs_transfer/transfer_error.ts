/**
 * What a client is told instead of what it asked for.
 * Source: git-lfs-transfer as GitLab Shell 14.56.1 has it, status and errors.
 * @module
 */

/** A command that fails without ending the session. */
export class TransferError extends Error {
  override name = "TransferError";
  /** Three digits, as HTTP has them. */
  readonly status: number;

  /** @param message Sent as it is. */
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** A fault that is not the client's. */
export function internalError(cause?: unknown): TransferError {
  return new TransferError(500, "internal error", { cause });
}

/** A fault in what the client wrote. */
export function parseError(detail: string): TransferError {
  return new TransferError(400, `error: parse error: ${detail}`);
}
