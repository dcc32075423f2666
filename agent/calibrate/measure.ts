import type { Engine, EngineName } from '../../engine/engine.ts';
import { quantile } from '../quantile.ts';
import type { EngineLatency, LevelCalibration } from './calibration.ts';

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
 * Measures every level's latency on every open engine by running them in turn, so that a disturbance falls on all of them alike.
 * The first rounds warm caches and allocators and do not count. The active level stays, and so do the levels' engines.
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
  const samples = manifest.levels.flatMap((_, level) =>
    engine.engines.map(({ name }) => ({ level, engine: name, latenciesMs: [] as number[] })),
  );
  const startMs = monotonicMs();
  const warmUpMs = Math.min(500, seconds * 100);
  let warm = false;
  for (let round = 0, counted = 0; counted < maxRuns; round += 1) {
    const elapsedMs = monotonicMs() - startMs;
    if (!warm && round >= 3 && elapsedMs >= warmUpMs) warm = true;
    if (counted >= minRuns && elapsedMs >= seconds * 1000) break;
    if (!warm && round >= maxRuns) warm = true;
    for (const { level, engine: name, latenciesMs } of samples) {
      signal?.throwIfAborted();
      const { inferMs } = await engine.run(input, batch, { level, engine: name });
      if (warm) latenciesMs.push(inferMs);
    }
    if (warm) counted += 1;
    onRun({ runs: counted, elapsedMs: monotonicMs() - startMs });
  }
  return manifest.levels.map((_, level) => {
    const engines = samples.filter((sample) => sample.level === level).map(latencyOf);
    const fastest = engines.reduce((best, next) => (next.p50Ms < best.p50Ms ? next : best));
    return { level, ...fastest, engines };
  });
}

function latencyOf(sample: { engine: EngineName; latenciesMs: number[] }): EngineLatency {
  const { engine, latenciesMs } = sample;
  return {
    engine,
    runs: latenciesMs.length,
    // A clock of coarse resolution can say 0: a latency must stay a divisor.
    p50Ms: Math.max(1e-3, quantile(latenciesMs, 0.5)),
    p95Ms: Math.max(1e-3, quantile(latenciesMs, 0.95)),
    meanMs: Math.max(1e-3, latenciesMs.reduce((sum, value) => sum + value, 0) / latenciesMs.length),
  };
}
