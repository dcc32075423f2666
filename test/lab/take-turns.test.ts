import { describe, expect, it } from 'vitest';
import { holdTraining } from '../../lab/bench/held-training.ts';
import { takeTurns } from '../../lab/bench/take-turns.ts';
import type { TrainHooks, Training } from '../../trainer/train.ts';

/** Calls its hooks as `train` does, and notes each step. */
function fakeTraining(name: string, iterations: number, log: string[], failsAt = Number.POSITIVE_INFINITY) {
  return async ({ between }: TrainHooks) => {
    const at = (done: number) => ({ done, iterations }) as Training;
    await between?.(at(0));
    for (let done = 1; done <= iterations; done += 1) {
      if (done === failsAt) throw new Error(`${name} failed`);
      log.push(`${name}${done}`);
      await between?.(at(done));
    }
    log.push(`${name} ends`);
  };
}

describe('takeTurns() of trainings that are held', () => {
  it('lets each do its steps while all others wait, also where they end at different times', async () => {
    const log: string[] = [];
    const { signal } = new AbortController();
    const seconds = await takeTurns([
      holdTraining(fakeTraining('a', 4, log), 2, signal),
      holdTraining(fakeTraining('b', 5, log), 2, signal),
    ]);
    expect(log.join(' ')).toBe('a1 a2 b1 b2 a3 a4 b3 b4 a ends b5 b ends');
    expect(seconds.map((turns) => turns.length)).toEqual([3, 3]);
  });

  it('fails with the one that failed; the abort then ends those that are held', async () => {
    const log: string[] = [];
    const controller = new AbortController();
    let heldEnded: unknown;
    const held = fakeTraining('a', 4, log);
    const turns = takeTurns([
      holdTraining(
        (hooks) =>
          held(hooks).catch((error) => {
            heldEnded = error;
            throw error;
          }),
        2,
        controller.signal,
      ),
      holdTraining(fakeTraining('b', 4, log, 2), 2, controller.signal),
    ]);
    await expect(turns).rejects.toThrow('b failed');
    expect(heldEnded).toBeUndefined();
    controller.abort(new Error('stopped'));
    await expect.poll(() => heldEnded).toEqual(new Error('stopped'));
  });
});
