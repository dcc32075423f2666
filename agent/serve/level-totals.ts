import type { Observation } from '../decide/policy.ts';

/** What became of a level's requests since the start. Times are sums, in milliseconds. */
export type LevelTotals = {
  /** Inputs of the requests that were answered. */
  inputs: number;
  answered: number;
  /** From the arrival of the body until the answer was ready. */
  answeredMs: number;
  queueMs: number;
  inferMs: number;
  /** Refused, or broken off. */
  failed: number;
  failedMs: number;
  /** When the last request had arrived, on the clock of `startMs`; undefined before any. */
  lastStartMs: number | undefined;
};

export type TotalsCounter = {
  answered(
    observation: Pick<Observation, 'level' | 'batch' | 'startMs' | 'latencyMs' | 'inferMs' | 'queueMs'>,
  ): void;
  /** @param request.level the one that it asked for, else the active one. */
  failed(request: { level: number; startMs: number; latencyMs: number }): void;
  of(level: number): Readonly<LevelTotals>;
};

const none: Readonly<LevelTotals> = {
  inputs: 0,
  answered: 0,
  answeredMs: 0,
  queueMs: 0,
  inferMs: 0,
  failed: 0,
  failedMs: 0,
  lastStartMs: undefined,
};

/**
 * Counts for good, level by level.
 * @param levels how many there are now; another bundle may have more. What names a level beyond them is not counted, so that memory is bounded.
 */
export function createTotalsCounter(levels: () => number): TotalsCounter {
  const totals = new Map<number, LevelTotals>();

  function at(level: number, startMs: number): LevelTotals | undefined {
    if (!(level < levels())) return undefined;
    let entry = totals.get(level);
    if (entry === undefined) {
      entry = { ...none };
      totals.set(level, entry);
    }
    entry.lastStartMs = Math.max(entry.lastStartMs ?? startMs, startMs);
    return entry;
  }

  return {
    answered({ level, batch, startMs, latencyMs, inferMs, queueMs = 0 }) {
      const entry = at(level, startMs);
      if (entry === undefined) return;
      entry.inputs += batch;
      entry.answered += 1;
      entry.answeredMs += latencyMs;
      entry.queueMs += queueMs;
      entry.inferMs += inferMs;
    },
    failed({ level, startMs, latencyMs }) {
      const entry = at(level, startMs);
      if (entry === undefined) return;
      entry.failed += 1;
      entry.failedMs += latencyMs;
    },
    of: (level) => totals.get(level) ?? none,
  };
}
