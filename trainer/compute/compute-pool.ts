import { Worker } from 'node:worker_threads';
import type { Answer, Job, Reply, ThreadSetting } from './jobs.ts';

/**
 * Threads that each compute on an own copy of the back end, so that a batch is cut into shards and computed on all cores:
 * tfjs's own threaded WebAssembly build does not start in Node, as it makes its workers from blob URLs.
 *
 * INVARIANTS
 * - a job's answer does not depend on the thread that computes it, nor on how many there are;
 * - every job is answered or rejected, also when a thread dies or the pool is closed.
 */
export type ComputePool = {
  readonly threads: number;
  /** Resolves when all threads have loaded their back end. */
  start(): Promise<void>;
  run<J extends Job>(job: J): Promise<Answer<J>>;
  /** Ends the threads, even inside a job; jobs that are pending reject with `reason`. */
  close(reason?: unknown): Promise<void>;
};

type Task = { job: Job; resolve: (answer: Answer<Job>) => void; reject: (error: unknown) => void };
type Thread = { worker: Worker; task: Task | undefined };

export function createComputePool(setting: ThreadSetting & { threads: number }): ComputePool {
  const { threads: count, ...workerData } = setting;
  const workers: Worker[] = [];
  const threads: Thread[] = [];
  const queue: Task[] = [];
  let closedBy: { reason: unknown } | undefined;

  function dispatch(): void {
    for (const thread of threads) {
      if (thread.task) continue;
      thread.task = queue.shift();
      if (!thread.task) return;
      thread.worker.postMessage(thread.task.job);
    }
  }

  function failAll(reason: unknown): void {
    closedBy ??= { reason };
    for (const task of queue.splice(0)) task.reject(closedBy.reason);
    for (const thread of threads) {
      thread.task?.reject(closedBy.reason);
      thread.task = undefined;
    }
  }

  function launch(): Promise<void> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./compute-thread.js', import.meta.url), { workerData });
      const thread: Thread = { worker, task: undefined };
      worker.on('message', (reply: Reply) => {
        const { task } = thread;
        if (reply.kind === 'ready') {
          threads.push(thread);
          resolve();
          return;
        }
        thread.task = undefined;
        if (reply.kind === 'answer') task?.resolve(reply.answer);
        else if (task) task.reject(reply.error);
        else reject(reply.error);
        dispatch();
      });
      worker.on('error', (error) => {
        failAll(error);
        reject(closedBy?.reason);
      });
      worker.on('exit', (code) => {
        failAll(new Error(`A compute thread ended with status ${code}`));
        reject(closedBy?.reason);
      });
      workers.push(worker);
    });
  }

  return {
    threads: count,
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
    async close(reason = new Error('the compute threads are closed')) {
      failAll(reason);
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}
