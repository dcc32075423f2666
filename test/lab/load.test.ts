import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evenArrivals, poissonArrivals } from '../../lab/load/arrivals.ts';
import { type Outcome, runOpenLoop } from '../../lab/load/open-loop.ts';
import { summarize } from '../../lab/load/phase-statistics.ts';
import { createRandom } from '../../trainer/random.ts';

const outcome = (latencyMs: number, rest: Partial<Outcome> = {}): Outcome => ({
  dueMs: 0,
  lateMs: 0,
  latencyMs,
  level: 0,
  correct: 1,
  images: 2,
  ...rest,
});

describe('runOpenLoop()', () => {
  it('sends every request once, in order, though earlier ones are not answered', async () => {
    const sent: number[] = [];
    let release = () => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const all = runOpenLoop({
      arrivalsMs: evenArrivals({ requestsPerS: 1000, durationS: 0.05 }),
      send: async (index) => {
        sent.push(index);
        if (index === 49) release();
        await gate;
        return { level: 0, correct: 1, images: 1 };
      },
    });
    const outcomes = await all;
    expect(sent).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect(outcomes).toHaveLength(50);
    // Latency runs from when a request was due: the first waited for the last.
    expect(outcomes[0]!.latencyMs).toBeGreaterThan(outcomes[49]!.latencyMs);
  });

  it('ends at once when it is aborted', async () => {
    const controller = new AbortController();
    const running = runOpenLoop({
      arrivalsMs: evenArrivals({ requestsPerS: 10, durationS: 1000 }),
      send: async () => {
        controller.abort(new Error('enough'));
        return { correct: 0, images: 1 };
      },
      signal: controller.signal,
    });
    await expect(running).rejects.toThrow();
  });
});

describe('poissonArrivals()', () => {
  const draw = (seed: number, requestsPerS = 50, durationS = 200) =>
    poissonArrivals({ requestsPerS, durationS, random: createRandom(seed) });

  it('gives the same arrivals for the same seed, and others for another', () => {
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  it('has the rate, and gaps whose mean and standard deviation are alike', () => {
    const arrivals = draw(3);
    // 10,000 expected, with a standard deviation of 100.
    expect(Math.abs(arrivals.length - 10_000)).toBeLessThan(400);
    const gaps = arrivals.map((ms, index) => ms - (arrivals[index - 1] ?? 0));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
    expect(mean).toBeCloseTo(20, 0);
    expect(deviation / mean).toBeCloseTo(1, 1);
  });

  it('counts in windows scatter as much as a Poisson distribution: variance over mean is 1', () => {
    const counts = new Array<number>(1000).fill(0);
    for (const ms of draw(4)) counts[Math.floor(ms / 200)]! += 1;
    const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
    const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / counts.length;
    expect(variance / mean).toBeGreaterThan(0.85);
    expect(variance / mean).toBeLessThan(1.15);
  });

  it('are in order, and within the duration', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 500 }), (seed, rate) => {
        const arrivals = draw(seed, rate, 2);
        expect(arrivals).toEqual([...arrivals].sort((a, b) => a - b));
        expect(arrivals.every((ms) => ms >= 0 && ms < 2000)).toBe(true);
      }),
    );
  });
});

describe('summarize()', () => {
  it('counts a failed request as a missed deadline and leaves it out of latency and accuracy', () => {
    const outcomes = [
      outcome(5),
      outcome(15, { level: 1, correct: 2 }),
      outcome(1, { error: 'refused', correct: 0 }),
    ];
    expect(summarize(outcomes, { deadlineMs: 10, levels: 2 })).toEqual({
      requests: 3,
      errors: 1,
      firstError: 'refused',
      deadlineHits: 1 / 3,
      latencyP50Ms: 5,
      latencyP99Ms: 15,
      lateP99Ms: 0,
      levelShare: [0.5, 0.5],
      accuracy: 0.75,
    });
  });

  it('shares add up to one whatever the answers', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(100), fc.nat(2)), { minLength: 1 }), (answers) => {
        const outcomes = answers.map(([latencyMs, level]) => outcome(latencyMs, { level }));
        const { levelShare, deadlineHits } = summarize(outcomes, { deadlineMs: 50, levels: 3 });
        expect(levelShare.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1);
        expect(deadlineHits).toBeGreaterThanOrEqual(0);
        expect(deadlineHits).toBeLessThanOrEqual(1);
      }),
    );
  });
});
