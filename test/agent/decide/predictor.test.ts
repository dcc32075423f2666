import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalCdf } from '../../../agent/decide/normal.ts';
import {
  chanceWithin,
  observe,
  predictRun,
  slowdownNow,
  slowdownOfLevel,
  startPredictor,
} from '../../../agent/decide/predictor.ts';
import {
  fadeFilter,
  leastProcessNoise,
  startFilter,
  updateFilter,
} from '../../../agent/decide/slowdown-filter.ts';
import { answers, calibration, quiet } from './policy-input.ts';

describe('normalCdf()', () => {
  it('agrees with tables and is symmetric', () => {
    expect(normalCdf(0)).toBeCloseTo(0.5, 6);
    expect(normalCdf(1.6448536)).toBeCloseTo(0.95, 6);
    expect(normalCdf(-2.3263479)).toBeCloseTo(0.01, 6);
    expect(normalCdf(-40)).toBeGreaterThanOrEqual(0);
  });
});

describe('the slowdown filter', () => {
  it('comes to the closed form of the steady state where nothing surprises it', () => {
    const noise = 0.01;
    let filter = startFilter(2);
    for (let i = 0; i < 2000; i += 1) filter = updateFilter(filter, 2, noise);
    // P = (1 - K) P + Q with K = P / (P + R): P = (Q + sqrt(Q^2 + 4 Q R)) / 2.
    const q = leastProcessNoise;
    const variance = (q + Math.sqrt(q * q + 4 * q * noise)) / 2;
    expect(filter.variance).toBeCloseTo(variance, 9);
    expect(filter.gain).toBeCloseTo(variance / (variance + noise), 9);
    expect(filter.mean).toBe(2);
  });

  it('does one step as it is done by hand', () => {
    const before = { mean: 1, variance: 0.1, gain: 0.5, processNoise: 0.2, innovation: 2 };
    const after = updateFilter(before, 3, 0.1);
    // Q = 0.3 * 0.2 + 0.7 * (0.5 * 2)^2 = 0.76; P = 0.5 * 0.1 + Q = 0.81; K = 0.81 / 0.91.
    expect(after.processNoise).toBeCloseTo(0.76, 12);
    expect(after.variance).toBeCloseTo(0.81, 12);
    expect(after.mean).toBeCloseTo(1 + (2 * 0.81) / 0.91, 12);
  });

  it('follows a step within two runs, and is sure again a few runs later', () => {
    let filter = startFilter();
    for (let i = 0; i < 50; i += 1) filter = updateFilter(filter, 1, 0.004);
    filter = updateFilter(updateFilter(filter, 4, 0.004), 4, 0.004);
    expect(filter.mean).toBeGreaterThan(3.8);
    for (let i = 0; i < 10; i += 1) filter = updateFilter(filter, 4, 0.004);
    expect(filter.variance).toBeLessThan(0.01);
  });

  it('fades by half every half-life', () => {
    expect(fadeFilter(startFilter(5), 1000, 1000).mean).toBeCloseTo(3);
    expect(fadeFilter(startFilter(5), -1, 1000).mean).toBe(5);
  });
});

describe('the predictor', () => {
  const seen = (slowdown: number, level = 0) =>
    observe(startPredictor(calibration), calibration, answers({ ...quiet, level }, 20, slowdown));

  it('applies the slowdown of one level to all', () => {
    const predictor = seen(2);
    expect(slowdownNow(predictor, quiet.nowMs).mean).toBeCloseTo(2, 2);
    const { meanMs } = predictRun(predictor, calibration, { level: 1, batch: 1, nowMs: quiet.nowMs });
    expect(meanMs).toBeCloseTo(16, 0);
    const batch = predictRun(predictor, calibration, { level: 1, batch: 4, nowMs: quiet.nowMs });
    expect(batch.meanMs).toBeCloseTo(4 * meanMs, 6);
  });

  it('remembers for a while that a level was disturbed more than sparser ones', () => {
    const dense = seen(3);
    const later = { ...quiet, nowMs: quiet.nowMs + 1000, level: 2 };
    const both = observe(dense, calibration, answers(later, 5, 1));
    expect(slowdownNow(both, later.nowMs).mean).toBeLessThan(1.1);
    expect(slowdownOfLevel(both, 0, later.nowMs)).toBeGreaterThan(1.3);
    expect(slowdownOfLevel(both, 0, later.nowMs + 60_000)).toBeLessThan(1.1);
  });

  it('counts no answer twice', () => {
    const observations = answers(quiet, 20, 3);
    const once = observe(startPredictor(calibration), calibration, observations);
    expect(observe(once, calibration, observations)).toEqual(once);
  });

  it('learns slowly how two levels differ from their calibration, within bounds', () => {
    let predictor = startPredictor(calibration);
    for (let i = 0; i < 2000; i += 1) {
      const level = i % 2;
      const inferMs = [20 * 1.2, 8][level]!;
      const one = { level, batch: 1, startMs: i * 100, latencyMs: inferMs, inferMs, deadlineMs: 50 };
      predictor = observe(predictor, calibration, [one]);
    }
    const [dense = 0, middle = 0] = predictor.corrections;
    expect(Math.exp(dense - middle)).toBeCloseTo(1.2, 1);
    expect(startPredictor(calibration, [9, Number.NaN, 0]).corrections).toEqual([Math.log(1.5), 0, 0]);
  });

  it('gives probabilities that fall as the budget does', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 1e4, noNaN: true }),
        fc.double({ min: 0, max: 1e3, noNaN: true }),
        fc.double({ min: -1e4, max: 1e4, noNaN: true }),
        (meanMs, sdMs, budgetMs) => {
          const chance = chanceWithin({ meanMs, sdMs }, budgetMs);
          expect(chance).toBeGreaterThanOrEqual(0);
          expect(chance).toBeLessThanOrEqual(1);
          expect(chanceWithin({ meanMs, sdMs }, budgetMs - 1)).toBeLessThanOrEqual(chance + 1e-9);
        },
      ),
    );
  });
});
