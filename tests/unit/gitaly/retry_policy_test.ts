import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { GitTransportError, ProtocolError } from "../../../src/core/errors.ts";
import {
  checkRetryPolicy,
  chooseDelayMs,
  countAttempts,
  decodeRetryPolicy,
  DEFAULT_RETRY_POLICY,
} from "../../../src/gitaly/retry_policy.ts";

const ANSWER = {
  maxAttempts: 4,
  initialBackoff: "0.1s",
  maxBackoff: "1s",
  backoffMultiplier: 2,
  retryableStatusCodes: ["UNAVAILABLE"],
};
const DECODED = {
  attemptsMax: 4,
  initialBackoffMs: 100,
  maxBackoffMs: 1_000,
  backoffMultiplier: 2,
  retryableCodes: [14],
};

Deno.test("shell.md case 158: the policy of an answer is decoded", () => {
  assertEquals(decodeRetryPolicy(ANSWER), DECODED);
});

Deno.test("snake_case names, numbers as text and codes as numbers are accepted", () => {
  assertEquals(
    decodeRetryPolicy({
      max_attempts: "4",
      initial_backoff: "0.100000000s",
      max_backoff: "1s",
      backoff_multiplier: "2",
      retryable_status_codes: [14],
    }),
    DECODED,
  );
});

Deno.test("null is the default of a member, and absent members are zero", () => {
  assertEquals(decodeRetryPolicy({ maxAttempts: null }), {
    attemptsMax: 0,
    initialBackoffMs: 0,
    maxBackoffMs: 0,
    backoffMultiplier: 0,
    retryableCodes: [],
  });
});

const UNDECODABLE = [
  [{ ...ANSWER, extra: 1 }, 'proto: unknown field "extra"'],
  [{ ...ANSWER, max_attempts: 1 }, 'proto: duplicate field "max_attempts"'],
  [{ maxAttempts: -1 }, "proto: invalid value for uint32 field -1"],
  [{ maxAttempts: 1.5 }, "proto: invalid value for uint32 field 1.5"],
  [{ maxAttempts: 4294967296 }, "proto: invalid value for uint32 field"],
  [{ maxAttempts: true }, "proto: invalid value for number field true"],
  [{ maxAttempts: " 4" }, "proto: invalid value for number field"],
  [{ backoffMultiplier: "x" }, "proto: invalid value for number field"],
  [{ initialBackoff: 1 }, "proto: invalid duration 1"],
  [{ initialBackoff: "1" }, "proto: invalid duration"],
  [{ initialBackoff: "1ms" }, "proto: invalid duration"],
  [{ retryableStatusCodes: "UNAVAILABLE" }, "proto: unexpected token"],
  [{ retryableStatusCodes: ["Unavailable"] }, "proto: invalid value for enum"],
  [{ retryableStatusCodes: [null] }, "proto: invalid value for enum"],
  [[], "proto: unexpected token []"],
  ["x", "proto: unexpected token"],
  [null, "proto: unexpected token null"],
] as const;
for (const [json, message] of UNDECODABLE) {
  Deno.test(`gitaly.md case 20: policy ${JSON.stringify(json)} does not decode`, () => {
    assertThrows(() => decodeRetryPolicy(json), ProtocolError, message);
  });
}

const ILLEGAL = [
  { attemptsMax: 1 },
  { attemptsMax: 0 },
  { initialBackoffMs: 0 },
  { maxBackoffMs: -1 },
  { backoffMultiplier: 0 },
  { retryableCodes: [] },
] as const;
for (const fault of ILLEGAL) {
  Deno.test(`gitaly.md 2.5: policy with ${JSON.stringify(fault)} is illegal`, () => {
    checkRetryPolicy(DECODED, "unix");
    assertThrows(
      () => checkRetryPolicy({ ...DECODED, ...fault }, "dns+tls"),
      GitTransportError,
      'failed to dial "dns+tls" connection: grpc: the provided default service config is invalid: ',
    );
  });
}

Deno.test("gitaly.md 2.5: no policy makes more than five attempts", () => {
  assertStrictEquals(countAttempts({ ...DECODED, attemptsMax: 99 }), 5);
  assertStrictEquals(countAttempts({ ...DECODED, attemptsMax: 2 }), 2);
});

Deno.test("gitaly.md 2.5: delays double up to their limit, give or take a fifth", () => {
  for (let round = 0; round < 200; round++) {
    for (const [at, middle] of [400, 800, 1_400, 1_400].entries()) {
      const delay = chooseDelayMs(DEFAULT_RETRY_POLICY, at + 1, undefined) ?? 0;
      assert(delay >= middle * 0.8 && delay <= middle * 1.2, `${delay}`);
    }
  }
});

Deno.test("gitaly.md 2.5: the server's pushback is obeyed, or ends the attempts", () => {
  const choose = (pushback: string) =>
    chooseDelayMs(DEFAULT_RETRY_POLICY, 1, pushback);
  assertStrictEquals(choose("0"), 0);
  assertStrictEquals(choose("1500"), 1_500);
  assertEquals(["-1", "", "soon", "1.5", "9".repeat(30)].map(choose), [
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
