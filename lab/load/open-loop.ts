import { setTimeout as sleep } from 'node:timers/promises';

/** What became of one request. */
export type Outcome = {
  /** When the request was due, from the start of the load. */
  dueMs: number;
  /** How much later than that it was sent: what the client itself was kept from the CPU. */
  lateMs: number;
  /** From the moment the request was due, so that a client that is late hides nothing (no coordinated omission). */
  latencyMs: number;
  /** Absent where the request failed. */
  level?: number;
  correct: number;
  images: number;
  error?: string;
};

/** What a request's answer is worth; time is the load's own to measure. */
export type Response = Omit<Outcome, 'dueMs' | 'lateMs' | 'latencyMs'>;

export type OpenLoopOptions = {
  /** When each request is due, in milliseconds from the start, in order. */
  arrivalsMs: readonly number[];
  /** Sends request number `index` and says what came of it; must not reject. */
  send: (index: number) => Promise<Response>;
  signal?: AbortSignal;
};

/**
 * Sends requests when they are due, whether or not earlier ones were answered, and waits for the last answer.
 * Source: MLPerf Inference's Server scenario.
 */
export async function runOpenLoop({ arrivalsMs, send, signal }: OpenLoopOptions): Promise<Outcome[]> {
  const startMs = performance.now();
  const running: Promise<Outcome>[] = [];
  for (const [index, dueMs] of arrivalsMs.entries()) {
    const waitMs = startMs + dueMs - performance.now();
    if (waitMs > 0) await sleep(waitMs, undefined, signal ? { signal } : {});
    signal?.throwIfAborted();
    const lateMs = Math.max(0, performance.now() - startMs - dueMs);
    running.push(
      send(index).then((response) => ({
        ...response,
        dueMs,
        lateMs,
        latencyMs: performance.now() - startMs - dueMs,
      })),
    );
  }
  return Promise.all(running);
}
