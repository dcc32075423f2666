import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Outcome, runOpenLoop } from '../../lab/load/open-loop.ts';
import { summarize } from '../../lab/load/phase-statistics.ts';

const outcome = (latencyMs: number, rest: Partial<Outcome> = {}): Outcome => ({
  dueMs: 0,
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
      requestsPerS: 1000,
      durationS: 0.05,
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
      requestsPerS: 10,
      durationS: 1000,
      send: async () => {
        controller.abort(new Error('enough'));
        return { correct: 0, images: 1 };
      },
      signal: controller.signal,
    });
    await expect(running).rejects.toThrow();
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
      deadlineHits: 1 / 3,
      latencyP50Ms: 10,
      latencyP99Ms: 14.9,
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
