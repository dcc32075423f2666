import type { LevelCalibration } from './calibration.ts';
import { latencyOf } from './latency-of.ts';
import { type MeasureOptions, runInTurns } from './run-in-turns.ts';

/** More threads that do not take so much off the latency are not worth the cores that they take from others. */
const leastGain = 0.05;

/** Numbers of threads to measure: from `least` on, each twice the one before, and `most` itself. */
export function threadsUpTo(least: number, most: number): number[] {
  const counts: number[] = [];
  for (let count = least; count < most; count *= 2) counts.push(count);
  return [...counts, Math.max(least, most)];
}

/**
 * Measures the levels that run on the sparse engine with several numbers of threads (onnxruntime keeps those that it was opened with), and
 * notes those that gain.
 *
 * @throws as `runInTurns` does.
 */
export async function measureThreads(
  levels: readonly LevelCalibration[],
  counts: readonly number[],
  options: MeasureOptions,
): Promise<LevelCalibration[]> {
  const contestants = levels
    .filter(({ engine }) => engine === 'sparse')
    .flatMap(({ level, engine }) => counts.map((threads) => ({ level, engine, threads })));
  if (counts.length < 2 || contestants.length === 0) return [...levels];
  const latenciesMs = await runInTurns(contestants, options);
  const measured = contestants.map((one, index) => ({
    ...one,
    latency: latencyOf(one.engine, latenciesMs[index]),
  }));
  return levels.map((entry) => {
    let least = Number.POSITIVE_INFINITY;
    const byThreads = measured
      .filter(({ level }) => level === entry.level)
      .flatMap(({ threads, latency }) => {
        if (latency.p50Ms > least * (1 - leastGain)) return [];
        least = latency.p50Ms;
        return { threads, ...latency };
      });
    return byThreads.length > 1 ? { ...entry, byThreads } : entry;
  });
}
