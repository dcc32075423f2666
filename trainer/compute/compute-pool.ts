import type { Answer, Job, WorkerSetting } from './jobs.ts';
import { type ComputeWorker, startWorker } from './start-worker.ts';

/**
 * Workers that each compute on an own copy of the back end, so that a batch is cut into shards and computed on all cores: threads
 * with WebAssembly (tfjs's own threaded build does not start in Node, as it makes its workers from blob URLs), processes
 * with tfjs-node.
 *
 * INVARIANTS
 * - a job's answer does not depend on the worker that computes it, nor on how many there are;
 * - every job is answered or rejected, also when a worker dies or the pool is closed.
 */
export type ComputePool = {
  readonly workers: number;
  /** Resolves when all workers have loaded their back end. */
  start(): Promise<void>;
  run<J extends Job>(job: J): Promise<Answer<J>>;
  /** Ends the workers, even inside a job; jobs that are pending reject with `reason`. */
  close(reason?: unknown): Promise<void>;
};

type Task = { job: Job; resolve: (answer: Answer<Job>) => void; reject: (error: unknown) => void };
type Slot = { worker: ComputeWorker; task: Task | undefined };

export function createComputePool(setting: WorkerSetting & { workers: number }): ComputePool {
  const { workers: count, ...own } = setting;
  const started: ComputeWorker[] = [];
  /** Those that are ready. */
  const slots: Slot[] = [];
  const queue: Task[] = [];
  let closedBy: { reason: unknown } | undefined;

  function dispatch(): void {
    for (const slot of slots) {
      if (slot.task) continue;
      slot.task = queue.shift();
      if (!slot.task) return;
      slot.worker.post(slot.task.job);
    }
  }

  function failAll(reason: unknown): void {
    closedBy ??= { reason };
    for (const task of queue.splice(0)) task.reject(closedBy.reason);
    for (const slot of slots) {
      slot.task?.reject(closedBy.reason);
      slot.task = undefined;
    }
  }

  function launch(): Promise<void> {
    return new Promise((resolve, reject) => {
      const slot: Slot = {
        task: undefined,
        worker: startWorker(own, {
          onReply(reply) {
            const { task } = slot;
            if (reply.kind === 'ready') {
              slots.push(slot);
              resolve();
              return;
            }
            slot.task = undefined;
            if (reply.kind === 'answer') task?.resolve(reply.answer);
            else if (task) task.reject(reply.error);
            else reject(reply.error);
            dispatch();
          },
          onEnd(error) {
            failAll(error);
            reject(closedBy?.reason);
          },
        }),
      };
      started.push(slot.worker);
    });
  }

  return {
    workers: count,
    async start() {
      await Promise.all(Array.from({ length: count }, launch));
    },
    run<J extends Job>(job: J) {
      return new Promise<Answer<J>>((resolve, reject) => {
        if (closedBy) {
          reject(closedBy.reason);
          return;
        }
        queue.push({ job, resolve: resolve as Task['resolve'], reject });
        dispatch();
      });
    },
    async close(reason = new Error('the compute workers are closed')) {
      failAll(reason);
      await Promise.all(started.map((worker) => worker.terminate()));
    },
  };
}
