import type { Segment, Trace } from './trace.ts';

/**
 * How long runs take under a trace. A run computes for a slice, then waits while each contender has one, and so on.
 * INVARIANT: of two runs of the same work the one that begins later never ends sooner, and of two that begin together the one of less work
 * ends no later, since where a run stands and what the time is alone say how fast it goes on. The oracle relies on it.
 */
export type Conditions = {
  at(ms: number): Segment;
  /** When a run ends, and how long it computed. `slowdown` multiplies the trace's. */
  finish(startMs: number, workMs: number, slowdown?: number): { endMs: number; cpuMs: number };
  /** Mean of the contenders between two times. */
  meanContenders(fromMs: number, toMs: number): number;
};

const enough = 1e-9;

export function createConditions(trace: Pick<Trace, 'segments'>, options: { sliceMs: number }): Conditions {
  const { segments } = trace;
  const { sliceMs } = options;
  const starts = Float64Array.from(segments, ({ atMs }) => atMs);
  /** Contenders times milliseconds before each segment. */
  const before = new Float64Array(segments.length);
  for (let i = 1; i < segments.length; i += 1)
    before[i] = before[i - 1] + segments[i - 1].contenders * (starts[i] - starts[i - 1]);
  // Time mostly goes on: the last answer is a good guess of the next.
  let guess = 0;

  function indexAt(ms: number): number {
    if (ms < starts[guess] || (guess + 4 < starts.length && ms >= starts[guess + 4])) {
      let low = 0;
      let high = starts.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (starts[middle] <= ms) low = middle;
        else high = middle - 1;
      }
      guess = low;
    }
    while (guess + 1 < starts.length && ms >= starts[guess + 1]) guess += 1;
    return guess;
  }

  /** From `ms` on, the time when `amount` is done, where each segment takes `costOf` milliseconds for one unit. */
  function pass(ms: number, amount: number, costOf: (segment: Segment) => number): number {
    let left = amount;
    let now = ms;
    for (let index = indexAt(ms); ; index += 1) {
      const cost = costOf(segments[index]);
      const endMs = index + 1 < starts.length ? starts[index + 1] : Number.POSITIVE_INFINITY;
      if (now + left * cost <= endMs) return now + left * cost;
      left -= (endMs - now) / cost;
      now = endMs;
    }
  }

  function integral(ms: number): number {
    const index = indexAt(ms);
    return before[index] + segments[index].contenders * (ms - starts[index]);
  }

  return {
    at: (ms) => segments[indexAt(ms)],
    finish(startMs, workMs, slowdown = 1) {
      let left = workMs;
      let now = startMs;
      let cpuMs = 0;
      for (;;) {
        const slice = Math.min(left, sliceMs / slowdown);
        const computedMs = pass(now, slice, (segment) => segment.slowdown * slowdown);
        cpuMs += computedMs - now;
        now = computedMs;
        left -= slice;
        if (left <= enough) return { endMs: now, cpuMs };
        now = pass(now, sliceMs, (segment) => segment.contenders);
      }
    },
    meanContenders(fromMs, toMs) {
      return toMs > fromMs
        ? (integral(toMs) - integral(fromMs)) / (toMs - fromMs)
        : segments[indexAt(toMs)].contenders;
    },
  };
}
