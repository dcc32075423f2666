import type { Engine, EngineName } from '../../engine/engine.ts';
import { exampleInput } from './example-input.ts';

export type MeasureOptions = {
  engine: Engine;
  /** Inputs in one run. */
  batch: number;
  /** Roughly how long it may take in all; every contestant runs at least `minRuns` times, whatever that takes. */
  seconds: number;
  minRuns?: number;
  maxRuns?: number;
  monotonicMs: () => number;
  signal?: AbortSignal;
  onRun?: (done: { runs: number; elapsedMs: number }) => void;
};

/** A level on an engine with so many threads inside one inference. */
export type Contestant = { level: number; engine: EngineName; threads: number };

/**
 * Runs the contestants in turn, so that a disturbance falls on all of them alike. The first rounds warm caches and allocators and do not
 * count. The active level stays, and so do the levels' engines and the number of threads.
 *
 * @returns by contestant: milliseconds of each run inside the session, without waiting.
 * @throws Error where `signal` is aborted.
 */
export async function runInTurns(
  contestants: readonly Contestant[],
  options: MeasureOptions,
): Promise<number[][]> {
  const { engine, batch, seconds, minRuns = 10, maxRuns = 400, monotonicMs, signal } = options;
  const { onRun = () => {} } = options;
  const input = exampleInput(engine.manifest, batch);
  const latenciesMs = contestants.map((): number[] => []);
  const before = engine.threads;
  const startMs = monotonicMs();
  const warmUpMs = Math.min(500, seconds * 100);
  let warm = false;
  try {
    for (let round = 0, counted = 0; counted < maxRuns; round += 1) {
      const elapsedMs = monotonicMs() - startMs;
      if (!warm && round >= 3 && elapsedMs >= warmUpMs) warm = true;
      if (counted >= minRuns && elapsedMs >= seconds * 1000) break;
      if (!warm && round >= maxRuns) warm = true;
      for (const [index, { level, engine: name, threads }] of contestants.entries()) {
        signal?.throwIfAborted();
        if (engine.threads !== threads) engine.setThreads(threads);
        const { inferMs } = await engine.run(input, batch, { level, engine: name });
        if (warm) latenciesMs[index].push(inferMs);
      }
      if (warm) counted += 1;
      onRun({ runs: counted, elapsedMs: monotonicMs() - startMs });
    }
  } finally {
    if (engine.threads !== before) engine.setThreads(before);
  }
  return latenciesMs;
}
