import { quantile } from '../../../agent/quantile.ts';

export type MemorySample = { atS: number; bytes: number };

/** Where a process's memory goes. */
export type MemoryTrend = {
  /** Theil-Sen slope: the median of the slopes between any two samples, so that single peaks count for little (Sen, 1968). */
  bytesPerMinute: number;
  /** Of the first and of the last quarter of the samples: the value that the share `at` of them does not exceed. */
  firstBytes: number;
  lastBytes: number;
};

/**
 * @param at 0.5 for the median; for a heap, which fills up and is emptied again, less: what each collection leaves.
 * @throws RangeError for fewer than two samples.
 */
export function memoryTrend(samples: readonly MemorySample[], at = 0.5): MemoryTrend {
  if (samples.length < 2)
    throw new RangeError(
      `Cannot tell a trend as there must be two samples or more: current value is ${samples.length}; measure for longer`,
    );
  const slopes = samples.flatMap((one, index) =>
    samples.slice(index + 1).map((other) => (other.bytes - one.bytes) / (other.atS - one.atS)),
  );
  const quarter = Math.ceil(samples.length / 4);
  const levelOf = (part: readonly MemorySample[]) =>
    quantile(
      part.map(({ bytes }) => bytes),
      at,
    );
  return {
    bytesPerMinute: 60 * quantile(slopes, 0.5),
    firstBytes: levelOf(samples.slice(0, quarter)),
    lastBytes: levelOf(samples.slice(-quarter)),
  };
}
