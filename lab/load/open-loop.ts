import { setTimeout as sleep } from 'node:timers/promises';

/** What became of one request. */
export type Outcome = {
  /** From the moment the request was due, so that a client that is late hides nothing (no coordinated omission). */
  latencyMs: number;
  /** Absent where the request failed. */
  level?: number;
  correct: number;
  images: number;
  error?: string;
};

export type OpenLoopOptions = {
  requestsPerS: number;
  durationS: number;
  /** Sends request number `index` and says what came of it; must not reject. */
  send: (index: number) => Promise<Omit<Outcome, 'latencyMs'>>;
  signal?: AbortSignal;
};

/**
 * Sends requests at a steady rate, whether or not earlier ones were answered, and waits for the last answer.
 * Source: MLPerf Inference's Server scenario, with a fixed instead of a Poisson interval.
 */
export async function runOpenLoop(options: OpenLoopOptions): Promise<Outcome[]> {
  const intervalMs = 1000 / options.requestsPerS;
  const total = Math.round(options.requestsPerS * options.durationS);
  const startMs = performance.now();
  const running: Promise<Outcome>[] = [];
  for (let index = 0; index < total; index += 1) {
    const dueMs = startMs + index * intervalMs;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await sleep(waitMs, undefined, options.signal ? { signal: options.signal } : {});
    options.signal?.throwIfAborted();
    running.push(
      options.send(index).then((outcome) => ({ ...outcome, latencyMs: performance.now() - dueMs })),
    );
  }
  return Promise.all(running);
}
