import { quantile } from '../../../agent/quantile.ts';

/** Latencies of one way to have an answer, over all rounds, and what it takes beyond the one that all are compared with. */
export type WayLatency = {
  way: string;
  p50Ms: number;
  p90Ms: number;
  p99Ms: number;
  /** Median over the rounds of the differences of the medians: rounds lie side by side, so that a machine that slows down slows both. */
  overMs: number;
};

/** @param latenciesMs by round, of the way and of what it is compared with; those rounds count in which both have some. */
export function compareWays(way: string, latenciesMs: number[][], base: number[][]): WayLatency {
  const all = latenciesMs.flat();
  const overMs = latenciesMs.flatMap((own, round) => {
    const other = base[round] ?? [];
    return own.length > 0 && other.length > 0 ? [quantile(own, 0.5) - quantile(other, 0.5)] : [];
  });
  if (overMs.length === 0)
    throw new RangeError(`Cannot compare "${way}" as there must be a round in which both have answered`);
  const [p50Ms, p90Ms, p99Ms] = [0.5, 0.9, 0.99].map((q) => quantile(all, q));
  return { way, p50Ms, p90Ms, p99Ms, overMs: quantile(overMs, 0.5) };
}
