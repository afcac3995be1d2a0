/**
 * What the main thread of gitlab-sshd and those that serve say to each other.
 * @module
 */
import type { MetricFamily } from "../core/metrics.ts";
import type { AdmissionMemory } from "../ssh/admission.ts";
import type { ListenAddress } from "../ssh/listen_address.ts";
import type { Offence } from "../ssh/penalties.ts";

/** What a serving thread is asked to do, by name, with what it is given. */
export interface ThreadTasks {
  /** Loads everything. */
  prepare: {
    /** Where connections before login are counted. */
    readonly gate: SharedArrayBuffer;
    /** Which thread it is, from 0. */
    readonly thread: number;
    /** The process's own, for records that are no connection's. */
    readonly correlationId: string;
  };
  listen: { readonly address: ListenAddress | undefined };
  /** Answers, which a thread that hangs or has ended does not. */
  ping: undefined;
  /** Says what it knows of sources. */
  recall: undefined;
  /** Takes over what another thread knows of them. */
  learn: AdmissionMemory;
  families: undefined;
  reload: undefined;
  stopListening: undefined;
  drained: undefined;
  close: undefined;
}

/** What the tasks lead to. */
export interface ThreadResults {
  prepare: undefined;
  /** Where it listens. */
  listen: ListenAddress;
  ping: undefined;
  recall: AdmissionMemory;
  learn: undefined;
  families: MetricFamily[];
  reload: undefined;
  stopListening: undefined;
  drained: undefined;
  close: undefined;
}

/** Name of a task. */
export type ThreadTask = keyof ThreadTasks;

/** From the main thread. */
export type ToThread =
  | {
    [Task in ThreadTask]: {
      readonly kind: "task";
      readonly id: number;
      readonly task: Task;
      readonly given: ThreadTasks[Task];
    };
  }[ThreadTask]
  /** Another thread has seen this. */
  | ThreadNote;

/** From a serving thread. */
export type FromThread =
  /** It hears what it is told; what was said before is lost. */
  | { readonly kind: "ready" }
  /** It has ended before it could hear anything. */
  | { readonly kind: "broken"; readonly text: string }
  | {
    readonly kind: "result";
    readonly id: number;
    readonly value: ThreadResults[ThreadTask];
  }
  | { readonly kind: "failure"; readonly id: number; readonly text: string }
  | ThreadNote;

/** What one thread has seen and all have to know. */
export type ThreadNote =
  /** Something is held against a source. */
  | {
    readonly kind: "offence";
    readonly source: string;
    readonly offence: Offence;
  }
  /** A peer sends PROXY headers. */
  | { readonly kind: "balancer"; readonly peer: string };
