import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { LoopDelays } from './loop-probe.ts';

/** What the machine does to any thread: one that is idle beside the agent's, watched in the same way. */
export type IdleThread = {
  /** Of all the time since the start; ends the thread. */
  end(): Promise<LoopDelays>;
  stop(): Promise<void>;
};

/** @param root folder that holds `proc/`. */
export function startIdleThread(root: string): IdleThread {
  const worker = new Worker(new URL('./idle-thread.js', import.meta.url), { workerData: root });
  return {
    async end() {
      worker.postMessage('end');
      const [delays] = (await once(worker, 'message')) as [LoopDelays];
      return delays;
    },
    async stop() {
      await worker.terminate();
    },
  };
}
