/**
 * What a Gitaly of a certain age can do and how it words its refusals.
 * Source: Gitaly and Praefect, 13.7 to 18.9.
 * @module
 */
import { CODE } from "./status.ts";

/** Ages between which a client can tell. */
export type GitalyEraName =
  /** 17.11 and later: sidechannel alone. */
  | "gitaly_18"
  /** 15.7 to 17.7: both upload RPCs, and a backchannel opened at once. */
  | "gitaly_17"
  /** 14.7 to 14.10: both upload RPCs, failures of limits as UNAVAILABLE. */
  | "gitaly_15"
  /** 13.11 to 14.6: multiplexed, but without sidechannel. */
  | "gitaly_14"
  /** Up to 13.10: closes a connection that begins with the magic bytes. */
  | "gitaly_13"
  /** Praefect 14.4 to 14.6: multiplexed, names the missing method its own way. */
  | "praefect_14";

/** The differences themselves. */
export interface GitalyEra {
  readonly isMultiplexed: boolean;
  readonly hasSidechannelRpc: boolean;
  readonly hasPlainRpc: boolean;
  /** Whether an HTTP/2 client is started towards the caller at once. */
  readonly isBackchannelEager: boolean;
  /** Code of a sidechannel that could not be opened, and what its text begins with. */
  readonly sidechannelFailure: {
    readonly code: number;
    readonly prefix: string;
  };
  /** Whether git's failure is told by `exit_status` alone, under status OK. */
  readonly endsFailedGitWithOk: boolean;
  /** Whether a refused token is not told why. */
  readonly isAuthTerse: boolean;
  /** Code of a call over the concurrency limit. */
  readonly limitCode: number;
  readonly unknownMethod: (method: string) => UnknownMethod;
}

/** The status for a method that the server lacks. */
export interface UnknownMethod {
  readonly code: number;
  readonly message: string;
}

const MODERN: GitalyEra = {
  isMultiplexed: true,
  hasSidechannelRpc: true,
  hasPlainRpc: false,
  isBackchannelEager: false,
  sidechannelFailure: { code: CODE.internal, prefix: "opennig sidechannel: " },
  endsFailedGitWithOk: false,
  isAuthTerse: false,
  limitCode: CODE.resourceExhausted,
  unknownMethod: (method) => ({
    code: CODE.unimplemented,
    message: `unknown method ${method} for service gitaly.SSHService`,
  }),
};

const MIDDLE: GitalyEra = {
  ...MODERN,
  hasPlainRpc: true,
  isBackchannelEager: true,
  sidechannelFailure: { code: CODE.aborted, prefix: "opennig sidechannel: " },
  isAuthTerse: true,
};

const EARLY: GitalyEra = {
  ...MIDDLE,
  sidechannelFailure: { code: CODE.unavailable, prefix: "" },
  endsFailedGitWithOk: true,
  limitCode: CODE.unavailable,
};

/** Every era by its name. */
export const GITALY_ERAS: Readonly<Record<GitalyEraName, GitalyEra>> = {
  gitaly_18: MODERN,
  gitaly_17: MIDDLE,
  gitaly_15: EARLY,
  gitaly_14: { ...EARLY, hasSidechannelRpc: false },
  gitaly_13: {
    ...EARLY,
    hasSidechannelRpc: false,
    isMultiplexed: false,
    isBackchannelEager: false,
  },
  praefect_14: {
    ...EARLY,
    hasSidechannelRpc: false,
    unknownMethod: (method) => ({
      code: CODE.internal,
      message: `full method name not found: /gitaly.SSHService/${method}`,
    }),
  },
};
