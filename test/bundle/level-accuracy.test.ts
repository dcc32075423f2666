import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareAccuracy,
  describeUnclear,
  differenceInterval,
  samplesNeeded,
  shareOf,
} from '../../bundle/level-accuracy.ts';

const of = (correct: number, count: number) => ({ value: correct / count, count });

describe('differenceInterval()', () => {
  it("agrees with Newcombe's examples, method 10", () => {
    // Newcombe 1998, table II (a), (c) and (g).
    for (const [a, b, low, high] of [
      [of(56, 70), of(48, 80), 0.0524, 0.3339],
      [of(6, 7), of(2, 7), 0.0582, 0.8062],
      [of(10, 10), of(0, 20), 0.6791, 1],
    ] as const) {
      const [from, to] = differenceInterval(a, b);
      expect(from).toBeCloseTo(low, 3);
      expect(to).toBeCloseTo(high, 3);
    }
  });

  it('holds the difference, turns with its sides, and narrows with the count', () => {
    const share = fc.integer({ min: 0, max: 50 });
    fc.assert(
      fc.property(share, share, (a, b) => {
        const [low, high] = differenceInterval(of(a, 50), of(b, 50));
        expect(low).toBeLessThanOrEqual((a - b) / 50 + 1e-12);
        expect(high).toBeGreaterThanOrEqual((a - b) / 50 - 1e-12);
        const [back] = differenceInterval(of(b, 50), of(a, 50));
        expect(back).toBeCloseTo(-high, 9);
        const [more, less] = differenceInterval(of(100 * a, 5000), of(100 * b, 5000));
        expect(less - more).toBeLessThan(high - low);
      }),
    );
  });
});

describe('compareAccuracy()', () => {
  it('says what the counts support', () => {
    expect(compareAccuracy(of(11, 36), of(12, 36))).toBe('unclear');
    expect(compareAccuracy(of(9100, 10_000), of(8900, 10_000))).toBe('more');
    expect(compareAccuracy(of(8900, 10_000), of(9100, 10_000))).toBe('less');
    expect(compareAccuracy(0.8, 0.7)).toBe('more');
    expect(compareAccuracy(0.8, 0.8)).toBe('equal');
    expect(compareAccuracy(0.8, of(12, 36))).toBe('more');
    expect(compareAccuracy(of(12, 36), 0.35)).toBe('unclear');
    expect(compareAccuracy(null, 0.35)).toBe('unclear');
    expect([shareOf(0.5), shareOf(of(1, 2)), shareOf(null), shareOf(undefined)]).toEqual([
      0.5,
      0.5,
      null,
      null,
    ]);
  });
});

describe('samplesNeeded()', () => {
  it('is the smallest number that tells two shares apart', () => {
    const needed = samplesNeeded(11 / 36, 12 / 36)!;
    const compare = (count: number) => compareAccuracy({ value: 11 / 36, count }, { value: 12 / 36, count });
    expect([compare(needed - 1), compare(needed)]).toEqual(['unclear', 'less']);
    expect(samplesNeeded(0.5, 0.5)).toBeUndefined();
  });
});

describe('describeUnclear()', () => {
  it('names the levels, what the count can show, and how many samples would do', () => {
    expect(describeUnclear([of(11, 36), of(12, 36)])).toBe(
      '36 samples are too few to tell the accuracy of these levels apart: 0 and 1 (11 and 12 right). They show differences of 25.0 points or more. Levels 0 and 1 would need at least 2,200. Until then the denser level counts as the more accurate one.',
    );
    expect(describeUnclear([of(12, 36), of(12, 36)])).toContain('No difference was counted.');
    expect(describeUnclear([of(36, 36), of(36, 36), of(0, 36)])).toContain(
      'apart: 0 and 1 (36 and 36 right).',
    );
  });

  it('says nothing where levels can be told apart, or were not counted', () => {
    expect(describeUnclear([of(9000, 10_000), of(8000, 10_000)])).toBeUndefined();
    expect(describeUnclear([null, of(1, 36), 0.5, undefined])).toBeUndefined();
    expect(describeUnclear([])).toBeUndefined();
  });
});
