import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Block, retryDwellMs, stands } from '../../../agent/decide/block.ts';
import { decideFixed } from '../../../agent/decide/fixed.ts';
import { buildLadder } from '../../../agent/decide/ladder.ts';
import { chanceOfMisses } from '../../../agent/decide/policy.ts';
import { quantile } from '../../../agent/quantile.ts';
import { compareAccuracy } from '../../../bundle/level-accuracy.ts';
import { calibration } from './policy-input.ts';

describe('buildLadder()', () => {
  it('orders levels by accuracy and leaves out those that are beaten', () => {
    expect(buildLadder(calibration, [0.9, 0.85, 0.8])).toEqual([0, 1, 2]);
    expect(buildLadder(calibration, [0.85, 0.9, 0.8])).toEqual([1, 2]);
    expect(buildLadder(calibration, [0.8, 0.8, 0.8])).toEqual([2]);
  });

  it('goes by the index where an accuracy is unknown', () => {
    expect(buildLadder(calibration, [0.1, null, 0.9])).toEqual([0, 1, 2]);
  });

  const counted =
    (...correct: number[]) =>
    (count: number) =>
      correct.map((right) => ({ value: right / count, count }));

  it('keeps a level that another one beats by chance alone', () => {
    expect(buildLadder(calibration, counted(11, 12, 12)(36))).toEqual([0, 1, 2]);
    expect(buildLadder(calibration, counted(8905, 8911, 7965)(10_000))).toEqual([0, 1, 2]);
    expect(buildLadder(calibration, counted(12, 12, 12)(36))).toEqual([0, 1, 2]);
    // A bare share is exact, against a count too.
    expect(buildLadder(calibration, [0.33, { value: 12 / 36, count: 36 }, 0.3])).toEqual([0, 1, 2]);
  });

  it('leaves out a level that another one beats beyond chance', () => {
    expect(buildLadder(calibration, counted(100, 900, 850)(1000))).toEqual([1, 2]);
    expect(buildLadder(calibration, counted(0, 36, 0)(36))).toEqual([1, 2]);
    expect(buildLadder(calibration, [0.1, { value: 30 / 36, count: 36 }, 0.3])).toEqual([1, 2]);
  });

  it('does not compare counts of different samples', () => {
    const [dense, ...others] = counted(100, 900, 850)(1000);
    expect(buildLadder(calibration, [{ ...dense!, data: 'other', split: 'test' }, ...others])).toEqual([
      0, 1, 2,
    ]);
  });

  it('leaves out a level that is slower, and by the counts no more accurate', () => {
    const levels = calibration.levels.map((level, index) => ({ ...level, p50Ms: [8, 12, 2][index]! }));
    expect(buildLadder({ ...calibration, levels }, counted(11, 12, 9)(36))).toEqual([0, 2]);
    // Beyond chance the slower one comes first.
    expect(buildLadder({ ...calibration, levels }, counted(500, 900, 400)(1000))).toEqual([1, 0, 2]);
  });

  it('is never empty, gets faster from rung to rung, and has no rung that a later one beats', () => {
    const entry = fc.record({ p50Ms: fc.double({ min: 1, max: 20, noNaN: true }), correct: fc.nat(300) });
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 7 }), (entries) => {
        const levels = entries.map(({ p50Ms }, level) => ({ ...calibration.levels[0]!, level, p50Ms }));
        const accuracy = counted(...entries.map(({ correct }) => correct))(300);
        const ladder = buildLadder({ ...calibration, levels }, accuracy);
        expect(ladder.length).toBeGreaterThan(0);
        for (const [index, level] of ladder.entries())
          for (const later of ladder.slice(index + 1)) {
            expect(levels[later]!.p50Ms).toBeLessThan(levels[level]!.p50Ms);
            expect(compareAccuracy(accuracy[later], accuracy[level])).not.toBe('more');
          }
      }),
    );
  });

  it('leaves out levels that are not faster', () => {
    const levels = calibration.levels.map((level) => ({ ...level, p50Ms: 10 - level.level / 10 }));
    expect(buildLadder({ ...calibration, levels }, [0.9, 0.8, 0.7])).toEqual([0]);
  });
});

describe('chanceOfMisses()', () => {
  it('agrees with the binomial distribution', () => {
    expect(chanceOfMisses(0, 10, 0.01)).toBe(1);
    expect(chanceOfMisses(1, 10, 0.01)).toBeCloseTo(1 - 0.99 ** 10, 12);
    expect(chanceOfMisses(2, 2, 0.1)).toBeCloseTo(0.01, 12);
  });

  it('falls with the number of misses and stays a probability', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 256 }),
        fc.double({ min: 0.001, max: 0.5, noNaN: true }),
        (count, rate) => {
          let before = 1;
          for (let misses = 0; misses <= count; misses += 1) {
            const chance = chanceOfMisses(misses, count, rate);
            expect(chance).toBeGreaterThanOrEqual(0);
            expect(chance).toBeLessThanOrEqual(before + 1e-9);
            before = chance;
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('a block', () => {
  const block: Block = {
    atMs: 0,
    slowdown: 5,
    slowdownBelow: 1,
    others: 0.9,
    inputsPerS: 20,
    offered: 0.4,
    failures: 1,
  };
  const at = (nowMs: number, cpuOthers: number | undefined, psiCpuSome?: number) => ({
    nowMs,
    load: { cpuOthers, psiCpuSome },
    inputsPerS: 20,
    dwellMs: 3000,
  });

  it('stands while others use the cpu, and no longer when they have gone', () => {
    expect(stands(block, at(1000, 0.9))).toBe(true);
    expect(stands(block, at(1000, 0.3))).toBe(false);
    expect(stands(block, at(1000, 0.6, 0.5))).toBe(true);
    expect(stands(block, at(1000, 0.6, 0.02))).toBe(false);
  });

  it('ends with its time, which doubles with each failure', () => {
    expect(stands(block, at(29_000, 0.9))).toBe(true);
    expect(stands(block, at(31_000, 0.9))).toBe(false);
    expect(stands({ ...block, failures: 2 }, at(59_000, 0.9))).toBe(true);
    expect(retryDwellMs({ ...block, failures: 3 }, 3000)).toBe(12_000);
    expect(stands({ ...block, failures: 1000 }, at(601_000, 0.9))).toBe(false);
  });

  it('ends where sparser levels saw the slowdown too, as their prediction tells when it has gone', () => {
    expect(stands({ ...block, slowdownBelow: 4 }, at(1000, 0.9))).toBe(false);
    expect(stands({ ...block, slowdownBelow: 1.5 }, at(1000, 0.9))).toBe(true);
  });

  it('that came from too many requests ends when fewer come', () => {
    const busy = { ...block, others: 0, offered: 1.5 };
    expect(stands(busy, { ...at(1000, 0), inputsPerS: 20 })).toBe(true);
    expect(stands(busy, { ...at(1000, 0), inputsPerS: 10 })).toBe(false);
  });
});

it('decideFixed() holds its level whatever happens, within the levels there are', () => {
  expect(decideFixed({ calibration }, 1)).toEqual({ level: 1, reason: 'policy fixed holds level 1' });
  expect(decideFixed({ calibration }, 7).level).toBe(2);
});

it('quantile() is one of the values, and refuses none', () => {
  expect(quantile([3, 1, 2], 0.5)).toBe(2);
  expect(quantile([3, 1, 2], 0)).toBe(1);
  expect(quantile([3, 1, 2], 1)).toBe(3);
  expect(() => quantile([], 0.5)).toThrow(RangeError);
});
