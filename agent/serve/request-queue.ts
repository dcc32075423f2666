import type { Engine, RunResult } from '../../engine/engine.ts';
import { RequestError } from './request-error.ts';

/** So many runs stand with the engine: one computes, the next is ready, so the thread never waits for this one. */
const withEngine = 2;

type Job = {
  input: Float32Array;
  batch: number;
  level: number | undefined;
  enqueuedMs: number;
  resolve: (result: QueuedResult) => void;
  reject: (error: unknown) => void;
};

/** `queueMs`: from the call of `submit` until the inference began. */
export type QueuedResult = RunResult & { queueMs: number };

export type RequestQueue = {
  /** Requests waiting or with the engine. */
  readonly depth: number;
  /** @throws RequestError 503 (as rejection) where the queue is full or closed. */
  submit(request: { input: Float32Array; batch: number; level?: number | undefined }): Promise<QueuedResult>;
  /** Takes no more requests; resolves true when all are answered, false where `limitMs` ran out first: the rest is refused then. */
  close(limitMs: number): Promise<boolean>;
};

/**
 * A bounded first-in-first-out queue in front of an engine.
 *
 * INVARIANTS
 * - every submitted request is answered or refused exactly once;
 * - runs begin in the order of the calls; at most `maxWaiting` wait beside those that stand with the engine.
 */
export function createRequestQueue(options: {
  engine: Engine;
  maxWaiting: number;
  monotonicMs: () => number;
}): RequestQueue {
  const { engine, maxWaiting, monotonicMs } = options;
  const waiting: Job[] = [];
  let running = 0;
  let closed = false;
  let drained: (() => void) | undefined;

  function pump(): void {
    while (running < withEngine) {
      const job = waiting.shift();
      if (!job) break;
      running += 1;
      run(job).finally(() => {
        running -= 1;
        pump();
        if (running === 0 && waiting.length === 0) drained?.();
      });
    }
  }

  async function run({ input, batch, level, enqueuedMs, resolve, reject }: Job): Promise<void> {
    const submittedMs = monotonicMs();
    try {
      const result = await engine.run(input, batch, level === undefined ? {} : { level });
      resolve({ ...result, queueMs: submittedMs - enqueuedMs + result.waitMs });
    } catch (error) {
      reject(error);
    }
  }

  const shuttingDown = () =>
    new RequestError(503, 'Cannot infer as the agent is shutting down; ask another one');

  return {
    get depth() {
      return waiting.length + running;
    },
    submit({ input, batch, level }) {
      if (closed) return Promise.reject(shuttingDown());
      if (waiting.length >= maxWaiting)
        return Promise.reject(
          new RequestError(
            503,
            `Cannot infer as at most ${maxWaiting} requests may wait: the queue is full; send fewer at a time or try again later`,
          ),
        );
      return new Promise((resolve, reject) => {
        waiting.push({ input, batch, level, enqueuedMs: monotonicMs(), resolve, reject });
        pump();
      });
    },
    async close(limitMs) {
      closed = true;
      if (running === 0 && waiting.length === 0) return true;
      let timer: NodeJS.Timeout | undefined;
      const inTime = await new Promise<boolean>((resolve) => {
        drained = () => resolve(true);
        timer = setTimeout(() => resolve(false), limitMs);
      });
      clearTimeout(timer);
      for (const job of waiting.splice(0)) job.reject(shuttingDown());
      return inTime;
    },
  };
}
