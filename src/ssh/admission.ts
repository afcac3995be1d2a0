/**
 * Who is let in to try a login: bounds on connections before login, in all and
 * for each source, and penalties of sources that misbehave.
 *
 * The address from which PROXY headers come is a balancer's: it stands for
 * everyone behind it, so nothing that one of them does is held against it.
 * Source: OpenSSH, sshd_config(5), MaxStartups, PerSourceMaxStartups,
 * PerSourceNetBlockSize, PerSourcePenalties, PerSourcePenaltyExemptList.
 * @module
 */
import type { SshdConfig } from "../config/config.ts";
import type { Clock } from "../core/host.ts";
import type { Logger } from "../core/log.ts";
import { AddressList } from "./address_list.ts";
import {
  AdmissionTicket,
  FREE_PLACE,
  type SourcePlace,
} from "./admission_ticket.ts";
import {
  type Offence,
  parsePenalties,
  type Penalty,
  type PenaltySettings,
  PenaltyTable,
} from "./penalties.ts";
import {
  type NetBlockSize,
  parseNetBlockSize,
  sourceOf,
} from "./source_block.ts";
import { localSourceCounts, type SourceCounts } from "./source_counts.ts";
import {
  type Count,
  isTurnedAway,
  localCount,
  type MaxStartups,
  parseMaxStartups,
} from "./startups.ts";

/** Balancers that are remembered; one that comes back is remembered anew. */
const BALANCERS_MAX = 1_024;
/** Refusals are told in one record for each so many milliseconds. */
const REPORT_INTERVAL_MS = 10_000;

/** Why a connection is not let in. */
export type AdmissionRefusal =
  | "max_startups"
  | "per_source_max_startups"
  | "per_source_penalties";

/** The settings, read once. */
export interface AdmissionSettings {
  readonly maxStartups: MaxStartups | undefined;
  /** Infinity for no bound. */
  readonly perSourceMax: number;
  readonly blockSize: NetBlockSize;
  readonly penalties: PenaltySettings | undefined;
  readonly exempt: AddressList;
}

type AdmissionConfig = Pick<
  SshdConfig,
  | "maxStartups"
  | "perSourceMaxStartups"
  | "perSourceNetBlockSize"
  | "perSourcePenalties"
  | "perSourceExempt"
>;

/**
 * Reads the settings.
 * @throws {Error} Naming the setting that cannot be used.
 */
export function readAdmissionSettings(
  config: AdmissionConfig,
): AdmissionSettings {
  let exempt: AddressList;
  try {
    exempt = new AddressList(config.perSourceExempt);
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    const reason = text.replace("proxyproto: ", "");
    throw new Error(`sshd.per_source_exempt: ${reason}`, { cause });
  }
  const { perSourceMaxStartups } = config;
  return {
    maxStartups: parseMaxStartups(config.maxStartups),
    perSourceMax: perSourceMaxStartups > 0 ? perSourceMaxStartups : Infinity,
    blockSize: parseNetBlockSize(config.perSourceNetBlockSize),
    penalties: parsePenalties(config.perSourcePenalties),
    exempt,
  };
}

/** What an admission works with. */
export interface AdmissionOptions {
  readonly settings: AdmissionSettings;
  readonly log: Logger;
  readonly clock: Clock;
  /** Connections before login; shared where several threads serve. */
  readonly count?: Count;
  /** Those of each source; shared likewise. */
  readonly sources?: SourceCounts;
  /** From 0 up to but not 1. */
  readonly random?: () => number;
  /** Told of each refusal. */
  readonly onRefusal?: (reason: AdmissionRefusal) => void;
  /** Told of each offence that counts, for threads beside this one. */
  readonly onOffence?: (source: string, offence: Offence) => void;
  /** Told of each peer that was not known to send PROXY headers, likewise. */
  readonly onBalancer?: (peer: string) => void;
}

/** What a gate has learnt of sources; plain values, for another thread. */
export interface AdmissionMemory {
  readonly penalties: readonly Penalty[];
  readonly balancers: readonly string[];
}

/** The gate of a server. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #count: Count;
  readonly #random: () => number;
  readonly #sources: SourceCounts;
  readonly #penalties = new PenaltyTable();
  readonly #balancers = new Set<string>();
  readonly #refused = new Map<AdmissionRefusal, number>();
  #settings: AdmissionSettings;
  #reportedMs = -Infinity;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#count = options.count ?? localCount();
    this.#sources = options.sources ?? localSourceCounts();
    this.#random = options.random ?? Math.random;
  }

  /** Connections on their way to a login, those of other threads included. */
  get startupCount(): number {
    return this.#count.value;
  }

  /** Sources that have a penalty. */
  get penaltyCount(): number {
    return this.#penalties.size;
  }

  /** Takes new settings; connections that are in stay in. */
  update(settings: AdmissionSettings): void {
    this.#settings = settings;
    if (settings.penalties === undefined) this.#penalties.clear();
  }

  /** Takes a connection that was just accepted. */
  enter(): AdmissionTicket | AdmissionRefusal {
    const { maxStartups } = this.#settings;
    // Counted before it is judged: other threads count at the same time.
    const others = this.#count.enter();
    const isRefused = maxStartups !== undefined &&
      isTurnedAway(maxStartups, others, this.#random());
    if (isRefused) {
      this.#count.leave();
      return this.#refuse("max_startups");
    }
    return new AdmissionTicket({
      leave: () => this.#count.leave(),
      bind: (address) => this.#bind(address),
      punish: (source, offence) => {
        this.punish(source, offence);
        this.#options.onOffence?.(source, offence);
      },
    });
  }

  /** Remembers a peer as one that sends PROXY headers. */
  noteBalancer(peer: string): void {
    if (!this.#balancers.has(peer)) this.#options.onBalancer?.(peer);
    this.learnBalancer(peer);
  }

  /** What a thread that joins later has to know. */
  recall(): AdmissionMemory {
    return {
      penalties: this.#penalties.list(this.#options.clock.monotonicMs()),
      balancers: [...this.#balancers],
    };
  }

  /** Takes over what another thread knows, beside what it knows itself. */
  learn({ penalties, balancers }: AdmissionMemory): void {
    for (const peer of balancers) this.learnBalancer(peer);
    const { penalties: settings } = this.#settings;
    if (!settings) return;
    const nowMs = this.#options.clock.monotonicMs();
    this.#penalties.merge(penalties, { settings, nowMs });
  }

  /** Remembers a balancer that another thread has seen. */
  learnBalancer(peer: string): void {
    this.#balancers.delete(peer);
    for (const oldest of this.#balancers) {
      if (this.#balancers.size < BALANCERS_MAX) break;
      this.#balancers.delete(oldest);
    }
    this.#balancers.add(peer);
  }

  /** Notes an offence, also one that another thread has seen. */
  punish(source: string, offence: Offence): void {
    const { penalties } = this.#settings;
    if (!penalties) return;
    const { clock, log } = this.#options;
    const nowMs = clock.monotonicMs();
    const seconds = this.#penalties.add(source, offence, {
      settings: penalties,
      nowMs,
    });
    if (seconds === undefined) return;
    log.warn("penalty: source is shut out", {
      source,
      reason: offence,
      duration_s: seconds,
      setting: "sshd.per_source_penalties",
    });
  }

  #bind(address: string): SourcePlace | AdmissionRefusal {
    const { blockSize, exempt, perSourceMax, penalties } = this.#settings;
    if (this.#balancers.has(address) || exempt.has(address)) return FREE_PLACE;
    const source = sourceOf(address, blockSize);
    const nowMs = this.#options.clock.monotonicMs();
    if (penalties && this.#penalties.isShutOut(source, nowMs)) {
      return this.#refuse("per_source_penalties");
    }
    const leave = this.#sources.enter(source, perSourceMax);
    return leave ? { source, leave } : this.#refuse("per_source_max_startups");
  }

  /** One record for many: an attack must not fill the disk as well. */
  #refuse(reason: AdmissionRefusal): AdmissionRefusal {
    const { clock, log, onRefusal } = this.#options;
    onRefusal?.(reason);
    this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1);
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#reportedMs < REPORT_INTERVAL_MS) return reason;
    this.#reportedMs = nowMs;
    for (const [refusal, count] of this.#refused) {
      log.warn("connections refused before login", {
        setting: `sshd.${refusal}`,
        count,
        unauthenticated_connections: this.#count.value,
      });
    }
    this.#refused.clear();
    return reason;
  }
}
