/**
 * Error classes that callers tell apart. Anything else is a bug of ours.
 * @module
 */

/** A peer sent bytes or text that its protocol does not allow. */
export class ProtocolError extends SyntaxError {
  override name = "ProtocolError";
  /** Where the fault begins, counted from the start of what was decoded. */
  readonly offsetBytes: number;
  constructor(message: string, offsetBytes: number, options?: ErrorOptions) {
    super(message, options);
    this.offsetBytes = offsetBytes;
  }
}

/** The program was started with words that it cannot use. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** `config.yml`, or a file that it names, cannot be used. */
export class ConfigError extends Error {
  override name = "ConfigError";
  /** The file that the fault is in. */
  readonly file: string;
  /** Dotted name of the key, where one key is at fault. */
  readonly key: string | undefined;
  constructor(
    message: string,
    where: { file: string; key?: string },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.file = where.file;
    this.key = where.key;
  }
}

/** The command, or the number of its words, is not on the allowlist. */
export class DisallowedCommandError extends Error {
  override name = "DisallowedCommandError";
  constructor() {
    super("Disallowed command");
  }
}

/** The command line cannot be split into words. */
export class CommandLineError extends Error {
  override name = "CommandLineError";
}

/**
 * GitLab's internal API refused (`policy`) or failed (`system`). The message is
 * GitLab's own text or one of GitLab Shell's, fit for the remote user; it may
 * be empty. The cause is for the log.
 * Source: GitLab Shell 14.56.1, internal API client.
 */
export class ApiError extends Error {
  override name = "ApiError";
  /** HTTP status; 0 when there was no response. */
  readonly status: number;
  /** A refusal is an expected answer; a `system` fault counts against us. */
  readonly kind: "policy" | "system";
  constructor(
    message: string,
    what: { status: number; kind: "policy" | "system" },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.status = what.status;
    this.kind = what.kind;
  }
}

/**
 * A Git command failed behind Gitaly's back or ours, without a gRPC status:
 * an address that cannot be used, a sidechannel that broke. The message is
 * the one GitLab Shell shows.
 */
export class GitTransportError extends Error {
  override name = "GitTransportError";
}

/**
 * The peer of a TLS connection could not prove who it is. Unlike other faults
 * of a connection this one is not worth another attempt.
 */
export class CertificateError extends Error {
  override name = "CertificateError";
}

/** Names of the gRPC status codes as Go spells them, by code. */
export const GRPC_CODE_NAMES = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
] as const;

/** gRPC status codes that decide something here. */
export const GRPC_CODE = {
  ok: 0,
  canceled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  resourceExhausted: 8,
  aborted: 10,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

/**
 * A gRPC call to Gitaly ended with a status other than OK.
 * `message` is Go's whole text, `rpc error: code = … desc = …`, because that is
 * what GitLab Shell logs and shows; `details` is the bare description.
 */
export class GitalyError extends Error {
  override name = "GitalyError";
  /** gRPC status code, 1 to 16, or whatever number the server sent. */
  readonly code: number;
  /** The server's description alone. */
  readonly details: string;
  /** Type names of the rich error details, such as `gitaly.LimitError`. */
  readonly detailTypes: readonly string[];
  /** Exit status of git that the stream carried before it ended, for the log. */
  exitStatus = 0;
  constructor(
    code: number,
    details: string,
    detailTypes: readonly string[] = [],
    options?: ErrorOptions,
  ) {
    const name = GRPC_CODE_NAMES[code] ?? `Code(${code})`;
    super(`rpc error: code = ${name} desc = ${details}`, options);
    this.code = code;
    this.details = details;
    this.detailTypes = detailTypes;
  }
}

/** The text of whatever was thrown, never empty of meaning for a log. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The first line of causes, outermost first, for the operator's log.
 * @returns `outer: inner: innermost`, each text once.
 */
export function errorChainText(error: unknown): string {
  const texts: string[] = [];
  for (let at: unknown = error; at !== undefined && texts.length < 8;) {
    const text = errorText(at);
    if (text !== "" && texts.at(-1) !== text) texts.push(text);
    at = at instanceof Error ? at.cause : undefined;
  }
  return texts.join(": ");
}
