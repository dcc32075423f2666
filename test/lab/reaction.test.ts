import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeReaction, type LevelledTrack } from '../../lab/bench/loop/reaction.ts';

const deadlineMs = 20;

/** A request each 10 ms for 30 s, stress from 10 s to 20 s; `isMet` says which meet the deadline. */
function track(
  swaps: LevelledTrack['swaps'],
  isMet: (dueMs: number) => boolean,
  startLevel = 0,
): LevelledTrack {
  const outcomes = Array.from({ length: 3000 }, (_, index) => ({
    dueMs: index * 10,
    lateMs: 0,
    latencyMs: isMet(index * 10) ? 5 : 50,
    level: 0,
    correct: 1,
    images: 1,
  }));
  const phases = [
    { phase: 'calm', stress: undefined, startMs: 0, endMs: 10_000 },
    { phase: 'stress', stress: 'made up', startMs: 10_000, endMs: 20_000 },
    { phase: 'after', stress: undefined, startMs: 20_000, endMs: 30_000 },
  ];
  return { policy: 'any', rows: [], phases, outcomes, swaps, startLevel };
}

const always = () => true;
const calmOnly = (ms: number) => ms < 10_000 || ms >= 20_000;
const densestFails = track([], calmOnly, 0);
const judge = (adaptive: LevelledTrack, fixed: LevelledTrack[] = [densestFails]) =>
  judgeReaction({ adaptive, fixed, deadlineMs, levels: 3 });

describe('judgeReaction()', () => {
  it('times the first swap to a level that met its deadlines, not the first swap', () => {
    const adaptive = track(
      [
        { atMs: 10_200, from: 0, to: 1 },
        { atMs: 10_700, from: 1, to: 2 },
        { atMs: 23_000, from: 2, to: 0 },
      ],
      (ms) => ms < 10_000 || ms >= 10_700 || ms === 10_500,
    );
    // A request that was relieved before the swap.
    adaptive.outcomes[1050]!.level = 2;
    expect(judge(adaptive)).toEqual({
      onsetLevel: 0,
      sufficient: { level: 2, share: 1 },
      down: { ms: 700, level: 2 },
      reliefMs: 505,
      before: { requests: 70, missed: 69 },
      up: { ms: 3000 },
    });
  });

  it('counts a swap to a sparser level than would have sufficed', () => {
    const adaptive = track([{ atMs: 10_300, from: 0, to: 2 }], (ms) => ms < 10_000 || ms >= 10_300);
    const middle = track([], always, 1);
    expect(judge(adaptive, [densestFails, middle])).toMatchObject({
      sufficient: { level: 1 },
      down: { ms: 300, level: 2 },
      up: 'never',
    });
  });

  it('needs no swap where the level of the onset sufficed, by what came of a fixed agent', () => {
    const adaptive = track([{ atMs: 10_300, from: 0, to: 2 }], always);
    expect(judge(adaptive, [track([], always, 0)]).down).toBe('none needed');
  });

  it('needs no swap where the adaptive agent met the deadlines without one', () => {
    expect(judge(track([], always))).toMatchObject({ down: 'none needed', up: 'none needed' });
  });

  it('takes the level that met the most where none sufficed', () => {
    const half = (ms: number) => calmOnly(ms) || ms % 20 === 0;
    const adaptive = track([{ atMs: 10_300, from: 0, to: 2 }], half);
    expect(judge(adaptive)).toMatchObject({
      sufficient: { level: 2, share: 0.5 },
      down: { ms: 300, level: 2 },
    });
  });

  it('refuses to judge by a handful of requests', () => {
    const silent = { ...densestFails, outcomes: densestFails.outcomes.slice(990, 1010) };
    expect(() => judge(silent, [])).toThrow(/at least 20 requests must come under stress/);
  });

  it('says never where a level would have sufficed and the agent did not take it', () => {
    const sparsest = track([], always, 2);
    expect(judge(track([], calmOnly), [densestFails, sparsest])).toMatchObject({
      sufficient: { level: 2 },
      down: 'never',
      before: { requests: 1000, missed: 1000 },
    });
  });

  it('takes the level of a few requests for no evidence', () => {
    const adaptive = track(
      [
        { atMs: 10_500, from: 0, to: 1 },
        { atMs: 10_600, from: 1, to: 2 },
      ],
      (ms) => ms < 10_000 || ms >= 10_500,
    );
    expect(judge(adaptive)).toMatchObject({ sufficient: { level: 2 }, down: { ms: 600, level: 2 } });
  });

  it('counts a failed request as a miss', () => {
    const refused = track([], always, 0);
    for (const outcome of refused.outcomes) outcome.error = 'refused';
    expect(judge(track([], calmOnly), [refused]).sufficient.share).toBe(0);
  });

  it('a timed swap lies inside the stress, and goes to the sufficient level or a sparser one', () => {
    const swap = fc.record({ atMs: fc.integer({ min: 0, max: 30_000 }), to: fc.nat(2) });
    fc.assert(
      fc.property(fc.array(swap, { maxLength: 12 }), fc.integer({ min: 1, max: 20 }), (drawn, every) => {
        const swaps = drawn.sort((a, b) => a.atMs - b.atMs).map((one) => ({ ...one, from: 0 }));
        const judged = judge(track(swaps, (ms) => (ms / 10) % every !== 0));
        if (typeof judged.down === 'string') return;
        expect(judged.down.ms).toBeGreaterThan(0);
        expect(judged.down.ms).toBeLessThan(10_000);
        expect(judged.down.level).toBeGreaterThanOrEqual(judged.sufficient.level);
      }),
    );
  });
});
