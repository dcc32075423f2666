import type { Calibration } from '../calibrate/calibration.ts';
import { quantile } from '../quantile.ts';
import type { Observation } from './policy.ts';

/** From so many runs on the 95th percentile says something beside the median. */
const runsForTail = 20;

/**
 * Measured over calibrated latency of the inference itself: the median against the median, and with enough runs the tail
 * against the tail, whichever is worse. Tail against tail, since short runs jitter more than long ones even in calm.
 * @returns undefined for no observations.
 */
export function estimateSlowdown(
  observations: readonly Observation[],
  calibration: Calibration,
): number | undefined {
  if (observations.length === 0) return undefined;
  const ratios = (percentile: 'p50Ms' | 'p95Ms') =>
    observations.map(({ level, inferMs, batch }) => {
      const expectedMs = (calibration.levels[level][percentile] * batch) / calibration.batch;
      return inferMs / expectedMs;
    });
  const typical = quantile(ratios('p50Ms'), 0.5);
  if (observations.length < runsForTail) return typical;
  return Math.max(typical, quantile(ratios('p95Ms'), 0.95));
}

/** Time of a request outside the inference (queue, hand-over, event loop): its 95th percentile, or the median of few; 0 for none. */
export function estimateOverheadMs(observations: readonly Observation[]): number {
  if (observations.length === 0) return 0;
  const outside = observations.map(({ latencyMs, inferMs }) => Math.max(0, latencyMs - inferMs));
  return quantile(outside, observations.length < runsForTail ? 0.5 : 0.95);
}
