/**
 * When a call that failed is made again. Pure.
 * Source: gRPC, A6 client retries; Gitaly 18.9, default service config;
 * GitLab, `retry_config` of an access answer.
 * @module
 */
import { GitTransportError, ProtocolError } from "../core/errors.ts";
import { quoteGo } from "../core/go_text.ts";
import type { RetryPolicy } from "./pack_request.ts";

/** What Gitaly's clients do unless GitLab says otherwise. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  attemptsMax: 4,
  initialBackoffMs: 400,
  maxBackoffMs: 1_400,
  backoffMultiplier: 2,
  retryableCodes: [14],
};

/** gRPC makes no more attempts than this, whatever a policy says. */
const ATTEMPTS_MAX = 5;
/** Every delay is drawn from this much below to this much above its value. */
const JITTER = 0.2;
const UINT32_MAX = 0xffff_ffff;

/** Codes by the names that JSON uses; the place in the list is the number. */
const CODE_NAMES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

type Draft = { -readonly [Name in keyof RetryPolicy]: RetryPolicy[Name] };

/** Reads the value of one member into a policy. */
type ReadMember = (policy: Draft, value: unknown) => void;

const MEMBERS: ReadonlyMap<string, ReadMember> = new Map([
  ["maxAttempts", (policy: Draft, value: unknown) => {
    policy.attemptsMax = readUint32(value);
  }],
  ["initialBackoff", (policy, value) => {
    policy.initialBackoffMs = readDurationMs(value);
  }],
  ["maxBackoff", (policy, value) => {
    policy.maxBackoffMs = readDurationMs(value);
  }],
  ["backoffMultiplier", (policy, value) => {
    policy.backoffMultiplier = readFloat(value);
  }],
  ["retryableStatusCodes", (policy, value) => {
    policy.retryableCodes = readCodes(value);
  }],
]);

/**
 * Decodes the JSON form of a policy, as protobuf has it.
 * @returns The policy as it stands, legal or not; what is absent is zero.
 * @throws {ProtocolError} If it is not of that form.
 * @example
 * ```ts
 * import { decodeRetryPolicy } from "./retry_policy.ts";
 * decodeRetryPolicy({ maxAttempts: 4, initialBackoff: "0.1s" });
 * ```
 */
export function decodeRetryPolicy(json: unknown): RetryPolicy {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw fault("unexpected token", json);
  }
  const policy: Draft = {
    attemptsMax: 0,
    initialBackoffMs: 0,
    maxBackoffMs: 0,
    backoffMultiplier: 0,
    retryableCodes: [],
  };
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(json)) {
    const camel = name.replace(
      /_([a-z])/g,
      (_, letter) => letter.toUpperCase(),
    );
    const read = MEMBERS.get(camel);
    if (read === undefined) throw fault("unknown field", name);
    if (seen.has(camel)) throw fault("duplicate field", name);
    seen.add(camel);
    if (value !== null) read(policy, value);
  }
  return policy;
}

/**
 * Checks that gRPC would accept the policy.
 * @param scheme Of the address, for the text.
 * @throws {GitTransportError} With Go's text, if it would not.
 */
export function checkRetryPolicy(policy: RetryPolicy, scheme: string): void {
  const isLegal = policy.attemptsMax > 1 && policy.initialBackoffMs > 0 &&
    policy.maxBackoffMs > 0 && policy.backoffMultiplier > 0 &&
    policy.retryableCodes.length > 0;
  if (isLegal) return;
  throw new GitTransportError(
    `failed to dial ${quoteGo(scheme)} connection: ` +
      "grpc: the provided default service config is invalid: " +
      "invalid retry policy",
  );
}

/** How many attempts the policy allows, the first counted. */
export function countAttempts({ attemptsMax }: RetryPolicy): number {
  return Math.min(attemptsMax, ATTEMPTS_MAX);
}

/**
 * How long to wait before the next attempt.
 * @param failedCount Attempts so far, 1 or more.
 * @param pushback `grpc-retry-pushback-ms` of the last one.
 * @returns Milliseconds, or `undefined` if the server forbids another attempt.
 */
export function chooseDelayMs(
  policy: RetryPolicy,
  failedCount: number,
  pushback: string | undefined,
): number | undefined {
  if (pushback !== undefined) {
    return /^\+?[0-9]{1,9}$/.test(pushback) ? Number(pushback) : undefined;
  }
  const { initialBackoffMs, maxBackoffMs, backoffMultiplier } = policy;
  const delayMs = Math.min(
    initialBackoffMs * backoffMultiplier ** (failedCount - 1),
    maxBackoffMs,
  );
  return delayMs * (1 - JITTER + 2 * JITTER * Math.random());
}

function readUint32(value: unknown): number {
  const number = readFloat(value);
  if (!Number.isInteger(number) || number < 0 || number > UINT32_MAX) {
    throw fault("invalid value for uint32 field", value);
  }
  return number;
}

function readFloat(value: unknown): number {
  const number = typeof value === "string" && value.trim() === value &&
      value !== ""
    ? Number(value)
    : value;
  if (typeof number !== "number" || Number.isNaN(number)) {
    throw fault("invalid value for number field", value);
  }
  return number;
}

function readDurationMs(value: unknown): number {
  const [, seconds] = typeof value === "string"
    ? /^([+-]?[0-9]{1,12}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})s$/.exec(value) ?? []
    : [];
  if (seconds === undefined) throw fault("invalid duration", value);
  return Number(seconds) * 1_000;
}

function readCodes(value: unknown): number[] {
  if (!Array.isArray(value)) throw fault("unexpected token", value);
  return value.map((code: unknown) => {
    const number = typeof code === "string"
      ? CODE_NAMES.findIndex((name) => name === code)
      : code;
    if (typeof number !== "number" || !Number.isInteger(number) || number < 0) {
      throw fault("invalid value for enum field", code);
    }
    return number;
  });
}

function fault(problem: string, value: unknown): ProtocolError {
  return new ProtocolError(`proto: ${problem} ${JSON.stringify(value)}`, 0);
}
