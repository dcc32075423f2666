import type { TrainHooks, Training } from '../../trainer/train.ts';
import type { Contestant } from './take-turns.ts';

/**
 * A training that goes on for `steps` steps when it is its turn and is held in between. Its first turn also starts the workers, its
 * last takes the norm statistics.
 *
 * @param start trains with these hooks.
 * @param signal ends it, also where it is held.
 */
export function holdTraining(
  start: (hooks: TrainHooks) => Promise<unknown>,
  steps: number,
  signal: AbortSignal,
): Contestant {
  let endTurn: () => void = () => {};
  let goOn: () => void = () => {};
  let stop: (reason: unknown) => void = () => {};
  let isDone = false;
  let training: Promise<void> | undefined;
  const between = ({ done }: Training) => {
    if (done === 0 || done % steps !== 0) return;
    endTurn();
    return new Promise<void>((resolve, reject) => {
      goOn = resolve;
      stop = reject;
    });
  };
  signal.addEventListener('abort', () => stop(signal.reason), { once: true });
  return {
    async turn() {
      const held = new Promise<void>((resolve) => {
        endTurn = resolve;
      });
      goOn();
      if (!training) {
        training = start({ between, signal }).then(() => {
          isDone = true;
        });
        // It may also fail while it is held and nobody waits for its turn's end.
        training.catch(() => {});
      }
      await Promise.race([held, training]);
      return isDone;
    },
  };
}
