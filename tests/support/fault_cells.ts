/**
 * The matrix of faults: every stage of a session, every fault, a fetch and a
 * push, and what has to come of each.
 * @module
 */
import { type Fault, type FaultPlan, FAULTS } from "./fault_proxy.ts";
import type { FaultProxies } from "./fault_world.ts";

/** What git does while the fault happens. */
export type Operation = "fetch" | "push";

/** `works`: as if nothing had been. `fails`: with the right words. */
export type Verdict = "works" | "fails" | "either";

/** One cell of the matrix. */
export interface FaultCell {
  readonly gap: keyof FaultProxies;
  readonly stage: string;
  readonly plan: FaultPlan;
  readonly operation: Operation;
  readonly verdict: Verdict;
  /** What git's user reads, if it fails. */
  readonly words: RegExp;
  /** Whether only a keepalive of 20 s and its timeout end it. */
  readonly isSlow: boolean;
}

/** Where a stage is in the bytes, and what its faults lead to. */
interface Stage {
  readonly gap: keyof FaultProxies;
  readonly name: string;
  readonly place: (operation: Operation) => Omit<FaultPlan, "fault">;
  /** Faults that do something else than `otherwise`. */
  readonly verdicts?: Partial<Record<Fault, Verdict>>;
  /** Of all faults but a delay and a drip, which never do harm. */
  readonly otherwise: Verdict;
}

/** Words of ssh and git, when the way to the server breaks. */
const LOST =
  /closed|reset|Broken pipe|disconnect|Could not read from remote|timed out|hung up|expected flush|banner|early EOF|Connection/;
/** Words of ours, when GitLab's answer cannot be had or read. */
const API_WORDS =
  /Internal API unreachable|parsing failed|ERROR: |Could not read from remote/;
const GITALY_WORDS =
  /The git server, Gitaly, is not available at this time\. Please contact your administrator\./;
/** Git itself finds that a pack is not what it should be. */
const PACK_WORDS = /inflate|index-pack|unpack|pack|Gitaly, is not available/;
const TRANSFERRED_BYTES = 200_000;

const STAGES: readonly Stage[] = [
  {
    gap: "client",
    name: "connect",
    place: () => ({ toward: "client", afterBytes: 0 }),
    otherwise: "fails",
  },
  {
    gap: "client",
    name: "key exchange",
    place: () => ({ toward: "client", afterBytes: 300 }),
    otherwise: "fails",
  },
  {
    gap: "client",
    name: "login",
    place: () => ({ toward: "client", afterBytes: 2_000 }),
    otherwise: "fails",
  },
  {
    gap: "client",
    name: "transfer",
    place: placeInTransfer,
    otherwise: "fails",
  },
  {
    gap: "api",
    name: "key lookup",
    place: () => ({
      toward: "client",
      afterBytes: 5,
      onlyIf: "/authorized_keys",
    }),
    // Asked once more, unless the client has lost patience before.
    verdicts: { stall: "either" },
    otherwise: "works",
  },
  {
    gap: "api",
    name: "request",
    place: () => ({ toward: "server", afterBytes: 20, onlyIf: "/allowed" }),
    // Another path is asked for, and GitLab says that there is none.
    verdicts: { corrupt: "fails" },
    otherwise: "works",
  },
  {
    gap: "api",
    name: "head of the answer",
    place: () => ({ toward: "client", afterBytes: 5, onlyIf: "/allowed" }),
    otherwise: "works",
  },
  {
    gap: "api",
    name: "body of the answer",
    place: () => ({
      toward: "client",
      afterBytes: 0,
      afterText: "\r\n\r\n",
      onlyIf: "/allowed",
    }),
    // The size of the first chunk stands there, without which it is asked anew.
    verdicts: { corrupt: "either" },
    otherwise: "fails",
  },
  {
    gap: "gitaly",
    name: "connect",
    place: () => ({ toward: "server", afterBytes: 0 }),
    otherwise: "either",
  },
  {
    gap: "gitaly",
    name: "settings",
    place: () => ({ toward: "client", afterBytes: 0 }),
    otherwise: "either",
  },
  {
    gap: "gitaly",
    name: "call",
    place: () => ({ toward: "server", afterBytes: 200 }),
    otherwise: "either",
  },
  {
    gap: "gitaly",
    name: "transfer",
    place: placeInTransfer,
    otherwise: "fails",
  },
];

/** Every cell, in the order of stages. */
export function faultCells(): FaultCell[] {
  const operations: readonly Operation[] = ["fetch", "push"];
  return STAGES.flatMap((stage) =>
    FAULTS.flatMap((fault) =>
      operations.map((operation) => makeCell(stage, fault, operation))
    )
  );
}

/** Some of them: for each offset, 0 or 1, one fault of every other stage. */
export function sampleCells(offset: number): FaultCell[] {
  return faultCells().filter(({ isSlow }, index) => {
    const stage = Math.floor(index / (2 * FAULTS.length));
    const fault = Math.floor(index / 2) % FAULTS.length;
    const isPush = index % 2 === 1;
    return !isSlow && stage % 2 === offset &&
      (stage + fault + offset) % FAULTS.length === 0 &&
      isPush === (Math.floor(stage / 2) % 2 === 1);
  });
}

function makeCell(
  stage: Stage,
  fault: Fault,
  operation: Operation,
): FaultCell {
  const { gap, name, place, verdicts, otherwise } = stage;
  const isHarmless = fault === "delay" || fault === "drip";
  const isPack = name === "transfer" && fault === "corrupt";
  return {
    gap,
    stage: name,
    plan: { ...place(operation), fault },
    operation,
    verdict: isHarmless ? "works" : verdicts?.[fault] ?? otherwise,
    words: gap === "client"
      ? LOST
      : gap === "api"
      ? API_WORDS
      : isPack
      ? PACK_WORDS
      : GITALY_WORDS,
    isSlow: gap === "gitaly" && (fault === "stall" || fault === "truncate"),
  };
}

function placeInTransfer(operation: Operation): Omit<FaultPlan, "fault"> {
  return {
    toward: operation === "fetch" ? "client" : "server",
    afterBytes: TRANSFERRED_BYTES,
  };
}
