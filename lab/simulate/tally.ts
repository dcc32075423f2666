import type { Device } from './device.ts';

export type Answer = { atMs: number; level: number; latencyMs: number };
export type Swap = { atMs: number; from: number; to: number; reason: string };

/** What became of the requests of a simulation, and of the active level. */
export type Counts = {
  /** Requests that found the queue full, or the battery empty, or could no longer be in time. */
  refused: number;
  answered: number;
  hits: number;
  /** Mean of the answers' accuracies; NaN without answers. */
  accuracy: number;
  /** Answers of each level. */
  byLevel: number[];
  /** Changes of the active level. */
  swaps: Swap[];
  /** Answers by another level than the active one, and answers whose level is not that of the answer before. */
  relieved: number;
  changes: number;
  /** Where they were asked for. */
  answers: Answer[];
  /** Likewise: when a request was refused. */
  refusalsMs: number[];
};

export type Tally = {
  refused(atMs: number): void;
  /** `active`: the level that was active as the run began. */
  answered(answer: Answer & { active: number; isHit: boolean }): void;
  swapped(swap: Swap): void;
  counts(): Counts;
};

export function createTally(options: { device: Device; keepAnswers: boolean }): Tally {
  const { device, keepAnswers } = options;
  const counts: Counts = {
    refused: 0,
    answered: 0,
    hits: 0,
    accuracy: Number.NaN,
    byLevel: device.levels.map(() => 0),
    swaps: [],
    relieved: 0,
    changes: 0,
    answers: [],
    refusalsMs: [],
  };
  let accuracySum = 0;
  let lastLevel: number | undefined;

  return {
    refused(atMs) {
      counts.refused += 1;
      if (keepAnswers) counts.refusalsMs.push(atMs);
    },
    answered({ active, isHit, ...answer }) {
      const { level } = answer;
      counts.answered += 1;
      counts.hits += Number(isHit);
      counts.byLevel[level] += 1;
      accuracySum += device.levels[level].accuracy;
      if (level !== active) counts.relieved += 1;
      if (lastLevel !== undefined && level !== lastLevel) counts.changes += 1;
      lastLevel = level;
      if (keepAnswers) counts.answers.push(answer);
    },
    swapped(swap) {
      counts.swaps.push(swap);
    },
    counts: () => ({ ...counts, accuracy: accuracySum / counts.answered }),
  };
}
