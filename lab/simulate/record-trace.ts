import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from '../../agent/quantile.ts';

/** One work of the processor, as long as a run of a small net. */
const probeMs = 10;

export type RecordOptions = {
  name: string;
  source: string;
  seconds: number;
  everyMs: number;
  monotonicMs: () => number;
  /** Does so many steps of the same work. */
  work?: (steps: number) => void;
  signal?: AbortSignal;
};

function multiply(steps: number): void {
  let value = 1;
  for (let i = 0; i < steps; i += 1) value = Math.imul(value ^ i, 0x9e3779b1);
  if (value === 0.5) throw new Error('an integer is no half');
}

/** Steps that take `probeMs` here, by doubling. */
function calibrateSteps(work: (steps: number) => void, monotonicMs: () => number): number {
  for (let steps = 1024; ; steps *= 2) {
    const startMs = monotonicMs();
    work(steps);
    const tookMs = monotonicMs() - startMs;
    if (tookMs >= probeMs || steps >= 2 ** 34)
      return Math.max(1, Math.round((steps * probeMs) / Math.max(tookMs, probeMs)));
  }
}

/**
 * Records how much slower than at its best this machine works, by doing the same 10 ms of work again and again. Its best is the fastest
 * tenth of the recording itself.
 * @returns a trace as `traceSchema` reads it.
 */
export async function recordTrace(options: RecordOptions): Promise<object> {
  const { name, source, seconds, everyMs, monotonicMs, work = multiply, signal } = options;
  const steps = calibrateSteps(work, monotonicMs);
  const startMs = monotonicMs();
  const samples: { atMs: number; tookMs: number }[] = [];
  while (monotonicMs() - startMs < seconds * 1000) {
    const atMs = monotonicMs();
    work(steps);
    samples.push({ atMs: atMs - startMs, tookMs: monotonicMs() - atMs });
    await sleep(Math.max(0, everyMs - (monotonicMs() - atMs)), undefined, signal ? { signal } : {});
  }
  const best = quantile(
    samples.map(({ tookMs }) => tookMs),
    0.1,
  );
  return {
    version: 1,
    name,
    source,
    duration_s: seconds,
    segments: samples.map(({ atMs, tookMs }, i) => ({
      at_ms: i === 0 ? 0 : Math.round(atMs),
      slowdown: Math.max(1, Math.round((tookMs / best) * 100) / 100),
    })),
  };
}
