import { describe, expect, it } from 'vitest';
import { formatLoopBench, mergeRounds } from '../../lab/bench/loop/format-loop.ts';
import type { LoopBenchResult, LoopRow } from '../../lab/bench/loop/loop-bench.ts';

const row = (round: number, more: Partial<LoopRow> = {}): LoopRow => ({
  stressor: 'cpu',
  round,
  policy: 'adaptive',
  phase: 'stress',
  requests: 100,
  errors: 1,
  deadlineHits: 0.9,
  latencyP50Ms: 5,
  latencyP99Ms: 20,
  lateP99Ms: 1,
  levelShare: [0.5, 0.5],
  accuracy: 0.8,
  swaps: 2,
  ...more,
});

const result: LoopBenchResult = {
  machine: 'a board, 4 cores, node v20',
  model: 'shapes',
  batch: 16,
  medianMs: [4, 1],
  capacityPerS: 200,
  requestsPerS: 120,
  deadlineMs: 20,
  generatorCores: 0.05,
  stressors: [{ name: 'cpu', what: 'stress-ng --cpu 4' }],
  missing: [{ name: 'quota', why: 'Cannot stress by "quota" as a control group must be made; run as root' }],
  rows: [row(1), row(1, { phase: 'calm' })],
  reactions: [
    {
      stressor: 'cpu',
      round: 1,
      onsetLevel: 0,
      sufficient: { level: 1, share: 0.97 },
      down: { ms: 320, level: 1 },
      reliefMs: 40,
      before: { requests: 38, missed: 3 },
      up: { ms: 3100 },
    },
  ],
  pictures: [],
};

describe('mergeRounds()', () => {
  it('takes the median of each number, and adds up requests and failures', () => {
    const [merged, ...others] = mergeRounds([
      row(1, { deadlineHits: 0.2 }),
      row(2, { deadlineHits: 0.9, accuracy: Number.NaN }),
      row(3, { deadlineHits: 0.8 }),
    ]);
    expect(others).toEqual([]);
    expect(merged).toMatchObject({ requests: 300, errors: 3, deadlineHits: 0.8, accuracy: 0.8 });
  });
});

describe('formatLoopBench()', () => {
  it('says what cannot be had on this machine, and when the agent reacted', () => {
    const text = formatLoopBench(result);
    expect(text).toContain('120.0 requests/s: 60% of the 200.0 that level 0 answers at most; deadline 20 ms');
    expect(text).toContain('must be made; run as root');
    expect(text).toMatch(/cpu +1 +0 +1 \(met 97.0%\) +0.04 s +0.32 s +1 +3 of 38 +3.10 s/);
  });

  it('puts the time in brackets where no level sufficed', () => {
    const [reaction] = result.reactions;
    const reactions = [{ ...reaction!, sufficient: { level: 1, share: 0.6 } }];
    expect(formatLoopBench({ ...result, reactions })).toMatch(/1 \(met 60.0%\) +0.04 s +\(0.32 s\)/);
  });
});
