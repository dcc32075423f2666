import type { RunResult } from '../../engine/engine.ts';
import { RequestError } from '../../listen/request-error.ts';
import type { RequestInTurn } from '../decide/decider.ts';
import { furthest } from '../decide/relief.ts';

/** A request that was not run, as its answer would have come after its deadline. */
export class LateError extends RequestError {
  override name = 'LateError';
}

/** One run computes, the next is ready, so that the thread never waits for this one. */
const withEngine = 2;
/** But where runs take longer than this the next one's level is better chosen once it is known how long this one took. */
const shortRunMs = 1;

/**
 * Whether one more run may be handed to the engine.
 * @param running those that it has.
 * @param lastRunMs how long the last one took; undefined before any.
 */
export function mayHandOver(running: number, lastRunMs: number | undefined): boolean {
  return running < ((lastRunMs ?? 0) > shortRunMs ? 1 : withEngine);
}

export type QueuedRequest = {
  input: Float32Array;
  batch: number;
  /** Absent: the level that is active as the run begins. */
  level?: number | undefined;
  /** Accuracy that its level must be known to have, 0..1: holds for any bundle that answers by then. */
  minAccuracy?: number | undefined;
  /** When it shall be answered, on the queue's clock. */
  dueMs: number;
};

type Job<Result> = QueuedRequest & {
  enqueuedMs: number;
  resolve: (result: Queued<Result>) => void;
  reject: (error: unknown) => void;
};

/** `queueMs`: from the call of `submit` until the inference began. */
type Queued<Result> = Result & { queueMs: number };

export type QueueOptions<Result> = {
  run: (request: QueuedRequest) => Promise<Result>;
  /** The least that a run of this request takes, whatever its level, in milliseconds. */
  leastMs: (request: QueuedRequest) => number;
  /** The level of a request without one, in its turn; undefined for the active one. Default: always that. */
  chooseLevel?: (turn: RequestInTurn) => number | undefined;
  /** Asked at each request: it may change. Where it shrinks, those that wait already stay. */
  maxWaiting: () => number;
  /** Whether the engine computes nothing at present, so that a late answer may never come. Default: it always computes. */
  isStalled?: () => boolean;
  monotonicMs: () => number;
};

/** While the engine is stalled, requests are refused this long after their deadlines at most. */
const sweepEveryMs = 100;

export type RequestQueue<Result> = {
  /** Requests waiting or with the engine. */
  readonly depth: number;
  /** @throws RequestError 503 (as rejection) where the queue is full or closed; `LateError` where the request can no longer be in
   * time and others wait behind it, or is over while the engine is stalled. */
  submit(request: QueuedRequest): Promise<Queued<Result>>;
  /** Takes no more requests; resolves true when all are answered, false where `limitMs` ran out first: the rest is refused then. */
  close(limitMs: number): Promise<boolean>;
};

/**
 * A bounded queue in front of an engine, ordered by deadline (earliest deadline first: Liu and Layland, "Scheduling Algorithms for
 * Multiprogramming in a Hard-Real-Time Environment", JACM 1973).
 *
 * INVARIANTS
 * - every submitted request is answered or refused exactly once;
 * - runs begin in the order of their deadlines, those of the same deadline in the order of the calls; at most `maxWaiting()` wait beside those
 *   that stand with the engine;
 * - what can no longer be in time takes nothing from those behind it: it is refused;
 * - while the engine is stalled, what is past its deadline is refused, also if nobody stands behind it.
 */
export function createRequestQueue<Result extends Pick<RunResult, 'waitMs' | 'inferMs'>>(
  options: QueueOptions<Result>,
): RequestQueue<Result> {
  const { maxWaiting, monotonicMs } = options;
  /** Earliest deadline first. */
  const waiting: Job<Result>[] = [];
  /** With the engine, the one that it computes first. */
  const begun: { job: Job<Result>; level: number | undefined; batch: number; sinceMs: number }[] = [];
  let sweepTimer: NodeJS.Timeout | undefined;
  let running = 0;
  let lastRunMs: number | undefined;
  let closed = false;
  let drained: (() => void) | undefined;

  function pump(): void {
    while (mayHandOver(running, lastRunMs)) {
      const job = waiting.shift();
      if (!job) break;
      // With nobody behind it, a late answer is better than none.
      const late = waiting.length > 0 ? lateness(job) : undefined;
      if (late !== undefined) {
        job.reject(late);
        continue;
      }
      running += 1;
      run(job).finally(() => {
        running -= 1;
        pump();
        if (running === 0 && waiting.length === 0) drained?.();
      });
    }
  }

  /** Why a request is not run. */
  function lateness(job: QueuedRequest): LateError | undefined {
    const leastMs = options.leastMs(job);
    const leftMs = job.dueMs - monotonicMs();
    if (leftMs >= leastMs) return undefined;
    const left =
      leftMs > 0 ? `${leftMs.toFixed(1)} ms are left` : `it was over ${(-leftMs).toFixed(1)} ms ago`;
    return new LateError(
      503,
      `Cannot infer by the deadline as a run takes at least ${leastMs.toFixed(1)} ms: ${left}; send fewer requests at a time or allow more with parameters.deadline_ms`,
      { code: 'EBB_DEADLINE_PASSED' },
    );
  }

  async function run(job: Job<Result>): Promise<void> {
    const submittedMs = monotonicMs();
    const level =
      job.level ??
      options.chooseLevel?.({ request: job, ahead: begun[0], behind: waiting.slice(0, furthest) });
    const place = { job, level, batch: job.batch, sinceMs: submittedMs };
    begun.push(place);
    try {
      const result = await options.run({ ...job, level });
      lastRunMs = result.inferMs;
      job.resolve({ ...result, queueMs: submittedMs - job.enqueuedMs + result.waitMs });
    } catch (error) {
      job.reject(error);
    } finally {
      begun.splice(begun.indexOf(place), 1);
      // The next one begins now.
      if (begun[0]) begun[0].sinceMs = monotonicMs();
    }
  }

  /** Before the first that is due later: a binary search. */
  function insert(job: Job<Result>): void {
    let low = 0;
    let high = waiting.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((waiting[middle]?.dueMs ?? 0) > job.dueMs) high = middle;
      else low = middle + 1;
    }
    waiting.splice(low, 0, job);
  }

  /** Those that are due first are the ones that may be late. */
  function refuseLate(): void {
    for (let job = waiting[0]; job !== undefined; job = waiting[0]) {
      const late = lateness(job);
      if (late === undefined) break;
      waiting.shift();
      job.reject(late);
    }
  }

  /** One timer for all requests, which rests when there are none. */
  function sweepLater(): void {
    sweepTimer ??= setTimeout(() => {
      sweepTimer = undefined;
      if (options.isStalled?.()) refuseOverdue();
      if (running > 0 || waiting.length > 0) sweepLater();
    }, sweepEveryMs).unref();
  }

  function refuseOverdue(): void {
    const nowMs = monotonicMs();
    const overdue = begun.map(({ job }) => job).filter((job) => job.dueMs <= nowMs);
    while ((waiting[0]?.dueMs ?? Number.POSITIVE_INFINITY) <= nowMs) overdue.push(...waiting.splice(0, 1));
    for (const job of overdue)
      job.reject(
        new RequestError(
          503,
          'Cannot infer by the deadline as an inference thread must run: it is being replaced; send the request again',
          { code: 'EBB_ENGINE_ENDED' },
        ),
      );
  }

  const shuttingDown = () =>
    new RequestError(503, 'Cannot infer as the agent is shutting down; ask another one', {
      code: 'EBB_CLOSED',
    });

  return {
    get depth() {
      return waiting.length + running;
    },
    submit(request) {
      if (closed) return Promise.reject(shuttingDown());
      const most = maxWaiting();
      if (waiting.length >= most) refuseLate();
      if (waiting.length >= most)
        return Promise.reject(
          new RequestError(
            503,
            `Cannot infer as at most ${most} requests may wait: the queue is full; send fewer at a time or try again later`,
            { code: 'EBB_QUEUE_FULL' },
          ),
        );
      return new Promise((resolve, reject) => {
        insert({ ...request, enqueuedMs: monotonicMs(), resolve, reject });
        if (options.isStalled) sweepLater();
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
      clearTimeout(sweepTimer);
      for (const job of waiting.splice(0)) job.reject(shuttingDown());
      return inTime;
    },
  };
}
