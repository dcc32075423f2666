import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gatherEvidence } from '../../../agent/decide/evidence.ts';
import type { Observation } from '../../../agent/decide/policy.ts';
import { quiet } from './policy-input.ts';

/** An answer each 10 ms up to now, the oldest first; `late` says which ones missed, counted from the newest. */
function stream(count: number, late: (age: number) => boolean): Observation[] {
  return Array.from({ length: count }, (_, index) => {
    const age = count - 1 - index;
    const latencyMs = late(age) ? 60 : 10;
    const startMs = quiet.nowMs - 10 * age - latencyMs;
    return { level: 0, batch: 1, startMs, latencyMs, inferMs: 8, deadlineMs: quiet.deadlineMs };
  });
}

const isFailing = (observations: Observation[]) =>
  gatherEvidence({ ...quiet, observations }, undefined).isFailing;

describe('gatherEvidence()', () => {
  it('sees the first misses of a change among hundreds of hits', () => {
    expect(isFailing(stream(256, (age) => [0, 4, 9].includes(age)))).toBe(true);
    expect(isFailing(stream(256, (age) => age < 40 && age % 10 === 0))).toBe(true);
  });

  it('takes as many misses for chance where they are spread, or lie back', () => {
    expect(isFailing(stream(256, (age) => [0, 100, 200].includes(age)))).toBe(false);
    expect(isFailing(stream(256, (age) => [150, 154, 159].includes(age)))).toBe(false);
  });

  it('fails by no two misses where there are many answers', () => {
    fc.assert(
      fc.property(fc.integer({ min: 17, max: 256 }), fc.nat(255), fc.nat(255), (count, one, other) => {
        expect(isFailing(stream(count, (age) => age === one % count || age === other % count))).toBe(false);
      }),
    );
  });
});
