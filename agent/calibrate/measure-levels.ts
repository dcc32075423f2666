import type { LevelCalibration } from './calibration.ts';
import { latencyOf } from './latency-of.ts';
import { type MeasureOptions, runInTurns } from './run-in-turns.ts';

/** Measures every level's latency on every open engine, with the engine's present number of threads. @throws as `runInTurns` does. */
export async function measureLevels(options: MeasureOptions): Promise<LevelCalibration[]> {
  const { manifest, engines: open, threads } = options.engine;
  const contestants = manifest.levels.flatMap((_, level) =>
    open.map(({ name }) => ({ level, engine: name, threads })),
  );
  const latenciesMs = await runInTurns(contestants, options);
  return manifest.levels.map((_, level) => {
    const engines = contestants.flatMap((one, index) =>
      one.level === level ? latencyOf(one.engine, latenciesMs[index]) : [],
    );
    const fastest = engines.reduce((best, next) => (next.p50Ms < best.p50Ms ? next : best));
    return { level, ...fastest, engines };
  });
}
