import { setTimeout as sleep } from 'node:timers/promises';

/** What became of one request. */
export type Outcome = {
  /** When the request was due, from the start of the load. */
  dueMs: number;
  /** From the moment the request was due, so that a client that is late hides nothing (no coordinated omission). */
  latencyMs: number;
  /** Absent where the request failed. */
  level?: number;
  correct: number;
  images: number;
  error?: string;
};

/** What a request's answer is worth; time is the load's own to measure. */
export type Response = Omit<Outcome, 'dueMs' | 'latencyMs'>;

export type OpenLoopOptions = {
  requestsPerS: number;
  durationS: number;
  /** Sends request number `index` and says what came of it; must not reject. */
  send: (index: number) => Promise<Response>;
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
    const dueMs = index * intervalMs;
    const waitMs = startMs + dueMs - performance.now();
    if (waitMs > 0) await sleep(waitMs, undefined, options.signal ? { signal: options.signal } : {});
    options.signal?.throwIfAborted();
    running.push(
      options.send(index).then((response) => ({
        ...response,
        dueMs,
        latencyMs: performance.now() - startMs - dueMs,
      })),
    );
  }
  return Promise.all(running);
}
