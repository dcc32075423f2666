import type { Engine } from '../../engine/engine.ts';
import { quantile } from '../quantile.ts';
import type { LevelCalibration } from './calibration.ts';

export type MeasureOptions = {
  engine: Engine;
  /** Inputs in one run. */
  batch: number;
  /** Roughly how long it may take in all; every level runs at least `minRuns` times, whatever that takes. */
  seconds: number;
  minRuns?: number;
  maxRuns?: number;
  monotonicMs: () => number;
  signal?: AbortSignal;
  onRun?: (done: { runs: number; elapsedMs: number }) => void;
};

/** Numbers like those of a preprocessed image, the same at every call (mulberry32). */
function exampleInput(length: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * 2 - 1;
  });
}

/**
 * Measures every level's latency by running the levels in turn, so that a disturbance falls on all of them alike.
 * The first rounds warm caches and allocators and do not count. The engine's active level stays.
 * @throws Error where `signal` is aborted.
 */
export async function measureLevels(options: MeasureOptions): Promise<LevelCalibration[]> {
  const {
    engine,
    batch,
    seconds,
    minRuns = 10,
    maxRuns = 400,
    monotonicMs,
    signal,
    onRun = () => {},
  } = options;
  const { manifest } = engine;
  const input = exampleInput(
    batch * manifest.input.shape.slice(1).reduce<number>((n, size) => n * Number(size), 1),
  );
  const samples: number[][] = manifest.levels.map(() => []);
  const startMs = monotonicMs();
  const warmUpMs = Math.min(500, seconds * 100);
  let warm = false;
  for (let round = 0, counted = 0; counted < maxRuns; round += 1) {
    const elapsedMs = monotonicMs() - startMs;
    if (!warm && round >= 3 && elapsedMs >= warmUpMs) warm = true;
    if (counted >= minRuns && elapsedMs >= seconds * 1000) break;
    if (!warm && round >= maxRuns) warm = true;
    for (const [level, list] of samples.entries()) {
      signal?.throwIfAborted();
      const { inferMs } = await engine.run(input, batch, { level });
      if (warm) list.push(inferMs);
    }
    if (warm) counted += 1;
    onRun({ runs: counted, elapsedMs: monotonicMs() - startMs });
  }
  return samples.map((list, level) => ({
    level,
    runs: list.length,
    // A clock of coarse resolution can say 0: a latency must stay a divisor.
    p50Ms: Math.max(1e-3, quantile(list, 0.5)),
    p95Ms: Math.max(1e-3, quantile(list, 0.95)),
    meanMs: Math.max(1e-3, list.reduce((sum, value) => sum + value, 0) / list.length),
  }));
}
