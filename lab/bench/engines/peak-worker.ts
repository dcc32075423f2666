import { workerData } from 'node:worker_threads';
import { loadNativeKernels } from '../../../engine/sparse/runtime/native-runtime.ts';
import type { PeakOrder } from './peak-threads.ts';

/** Does its share of multiply-adds whenever it is told to. */
const { state, instructions, rounds } = workerData as PeakOrder;
const words = new Int32Array(state);
const { peak } = loadNativeKernels();
Atomics.add(words, 1, 1);
Atomics.notify(words, 1);
for (let turn = 0; ; turn += 1) {
  Atomics.wait(words, 0, turn);
  if (Atomics.load(words, 0) < 0) break;
  peak(instructions, rounds);
  Atomics.add(words, 1, 1);
  Atomics.notify(words, 1);
}
