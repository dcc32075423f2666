import { Worker } from 'node:worker_threads';
import type { NativeKernels } from '../../../engine/sparse/runtime/native-runtime.ts';

export type PeakOrder = {
  /** Words: the turn, negative at the end; how many workers have finished what they were told so far. */
  state: SharedArrayBuffer;
  instructions: string;
  rounds: number;
};

export type PeakThreads = {
  /** The same number of multiply-adds on each thread, at once, on registers alone; blocks until all are done. */
  run(): void;
  close(): void;
};

/** Some milliseconds: what waking a thread takes is small beside it. */
const rounds = 2e6;

const startLimitMs = 10_000;

/**
 * What several threads gain on this machine where memory has no part in it: virtual cores may share a core's units. No engine gains more.
 * @param threads 1 or more; the caller's is one of them.
 */
export function startPeakThreads(kernels: NativeKernels, threads: number): PeakThreads {
  const instructions = kernels.instructions[0] ?? '';
  const state = new SharedArrayBuffer(8);
  const words = new Int32Array(state);
  const order: PeakOrder = { state, instructions, rounds };
  const helpers = threads - 1;
  for (let i = 0; i < helpers; i += 1)
    new Worker(new URL('./peak-worker.js', import.meta.url), { workerData: order }).unref();
  let turn = 0;
  function waitForHelpers(): void {
    for (let done = Atomics.load(words, 1); done < helpers * (turn + 1); done = Atomics.load(words, 1))
      if (Atomics.wait(words, 1, done, startLimitMs) === 'timed-out')
        throw new Error(`Cannot measure ${threads} threads as they do not start`);
  }
  return {
    run() {
      waitForHelpers();
      turn += 1;
      Atomics.store(words, 0, turn);
      Atomics.notify(words, 0);
      kernels.peak(instructions, rounds);
      waitForHelpers();
    },
    close() {
      Atomics.store(words, 0, -1);
      Atomics.notify(words, 0);
    },
  };
}
