import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spreadOverTurns } from '../../listen/spread-over-turns.ts';

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('spreadOverTurns()', () => {
  it('takes at most so many calls in a turn, all of them, in their order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(5)), fc.integer({ min: 1, max: 4 }), async (bursts, perTurn) => {
        const taken: number[] = [];
        const spread = spreadOverTurns((call: number) => void taken.push(call), perTurn);
        const calls: number[] = [];
        for (const burst of bursts) {
          for (let count = 0; count < burst; count += 1) {
            spread(calls.length);
            calls.push(calls.length);
          }
          const before = taken.length;
          await nextTurn();
          expect(taken.length - before).toBeLessThanOrEqual(perTurn);
        }
        while (taken.length < calls.length) await nextTurn();
        expect(taken).toEqual(calls);
      }),
    );
  });

  it('lets a timer come in between', async () => {
    const seen: string[] = [];
    const spread = spreadOverTurns((name: string) => {
      seen.push(name);
      if (name === 'first') setImmediate(() => seen.push('in between'));
    }, 1);
    for (const name of ['first', 'second', 'third']) spread(name);
    while (seen.length < 4) await nextTurn();
    expect(seen.indexOf('in between')).toBeLessThan(seen.indexOf('third'));
  });
});
