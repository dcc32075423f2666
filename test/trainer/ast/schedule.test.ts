import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  beginsGroup,
  dropFractionAt,
  learningRateAt,
  levelAt,
  planMaskUpdates,
  rampDensity,
} from '../../../trainer/ast/schedule.ts';

describe('the schedule', () => {
  it('trains level t mod N in iteration t, or the other way round', () => {
    expect([0, 1, 2, 3, 4].map((t) => levelAt(t, 3, 'densest-first'))).toEqual([0, 1, 2, 0, 1]);
    expect([0, 1, 2, 3, 4].map((t) => levelAt(t, 3, 'sparsest-first'))).toEqual([2, 1, 0, 2, 1]);
    expect([0, 1, 2, 3, 4].map((t) => beginsGroup(t, 3))).toEqual([true, false, false, true, false]);
  });

  it('ramps the density cubically from 1 to its target', () => {
    expect(rampDensity(0.1, 0)).toBe(1);
    expect(rampDensity(0.1, 0.5)).toBeCloseTo(0.1 + 0.9 / 8, 12);
    expect(rampDensity(0.1, 1)).toBeCloseTo(0.1, 12);
    expect(rampDensity(1, 0.3)).toBe(1);
  });

  it('lowers the learning rate as a cosine from its peak towards 0', () => {
    expect(learningRateAt(0, 100, 0.2)).toBeCloseTo(0.2, 12);
    expect(learningRateAt(50, 100, 0.2)).toBeCloseTo(0.1, 12);
    expect(learningRateAt(99, 100, 0.2)).toBeLessThan(1e-4);
  });

  it('lowers the drop fraction as a cosine to 0.005, and leaves 0 at 0', () => {
    expect(dropFractionAt(0, 100, 0.5)).toBeCloseTo(0.5, 12);
    expect(dropFractionAt(50, 100, 0.5)).toBeCloseTo(0.2525, 12);
    expect(dropFractionAt(100, 100, 0.5)).toBeCloseTo(0.005, 12);
    expect(dropFractionAt(30, 100, 0)).toBe(0);
  });
});

describe('planMaskUpdates()', () => {
  it('updates every level at its offset, denser ones first, ends the ramp, and leaves the last quarter alone', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 1, max: 100 }),
        (total, levels, offset, count) => {
          const shares = { rampEnd: 0.7, frozenFrom: 0.75 };
          const plan = planMaskUpdates({ total, levels, offset, updates: count, ...shares });
          const ends = Math.floor((0.7 * total) / levels) * levels;
          for (let level = 0; level < levels; level += 1) {
            const own = [...plan]
              .flatMap(([iteration, planned]) =>
                planned
                  .filter((update) => update.level === level)
                  .map(({ progress }) => ({ iteration, progress })),
              )
              .toSorted((a, b) => a.iteration - b.iteration);
            const first = own[0]!.iteration;
            expect(first).toBeLessThanOrEqual(level * offset);
            const progress = own.map((update) => update.progress);
            expect(progress).toEqual(progress.toSorted((a, b) => a - b));
            expect(progress.at(-1)).toBe(1);
            expect(own.find((update) => update.progress === 1)!.iteration).toBe(ends + first);
            expect(own.at(-1)!.iteration).toBeLessThanOrEqual(Math.max(ends, 0.75 * total));
          }
          for (const planned of plan.values())
            expect(planned.map(({ level }) => level)).toEqual(planned.map(({ level }) => level).toSorted());
        },
      ),
    );
  });
});
