import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Collects all garbage of this thread now. V8 collects as a thread allocates: what an inference thread has left behind while it opened its
 * models, several times their size, would stay for as long as it runs.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // Buffers are freed beside the thread, later; a second collection waits until those of the first one are.
  collect();
  collect();
}
