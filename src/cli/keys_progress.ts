/**
 * How far a long command has come, for whoever waits: a line that redraws
 * itself on a terminal, plain lines now and then elsewhere.
 * @module
 */
import type { Clock } from "../core/host.ts";

const REDRAW_MS = 100;
const REPORT_MS = 10_000;
const BAR_CELLS = 24;
const CLEAR_LINE = "\r\x1b[K";

/** Where progress is shown, and how. */
export interface ProgressOptions {
  readonly clock: Clock;
  readonly command: string;
  readonly isTerminal: boolean;
  /** Whether anything is shown while the command runs. */
  readonly isShown: boolean;
  /** Bytes of the input; `undefined` if that is not known. */
  readonly totalBytes: number | undefined;
  /** Keys of the input; `undefined` if that is not known. */
  readonly totalKeys: number | undefined;
  print(text: string): void;
}

/** Shows progress. */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #startedMs: number;
  #shownMs: number;
  #isDrawn = false;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#startedMs = this.#shownMs = options.clock.monotonicMs();
  }

  /** To be called often; shows something when it is time to. */
  update(keys: number, bytes: number): void {
    const { clock, isTerminal, isShown, print } = this.#options;
    if (!isShown) return;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#shownMs < (isTerminal ? REDRAW_MS : REPORT_MS)) return;
    this.#shownMs = nowMs;
    const part = this.#partDone(keys, bytes);
    const text = this.#describe(keys, nowMs - this.#startedMs);
    if (!isTerminal) {
      const percent = part === undefined ? "" : `${formatPercent(part)}, `;
      return print(
        `gitlab-keys: ${this.#options.command}: ${percent}${text}\n`,
      );
    }
    const bar = part === undefined
      ? ""
      : `[${drawBar(part)}] ${formatPercent(part).padStart(4)}  `;
    print(`${CLEAR_LINE}${bar}${text}`);
    this.#isDrawn = true;
  }

  /** Removes what was drawn. */
  finish(): void {
    if (this.#isDrawn) this.#options.print(CLEAR_LINE);
    this.#isDrawn = false;
  }

  #partDone(keys: number, bytes: number): number | undefined {
    const { totalKeys, totalBytes } = this.#options;
    if (totalKeys) return Math.min(1, keys / totalKeys);
    return totalBytes ? Math.min(1, bytes / totalBytes) : undefined;
  }

  #describe(keys: number, elapsedMs: number): string {
    const rate = Math.round(keys / Math.max(elapsedMs, 1) * 1_000);
    const seconds = (elapsedMs / 1_000).toFixed(1);
    return `${keys} keys, ${rate}/s, ${seconds} s`;
  }
}

function formatPercent(part: number): string {
  return `${Math.floor(part * 100)}%`;
}

function drawBar(part: number): string {
  const full = Math.floor(part * BAR_CELLS);
  return "#".repeat(full) + ".".repeat(BAR_CELLS - full);
}
