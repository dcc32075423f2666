import { accurateLevels } from '../decide/accurate-levels.ts';
import type { HostedBundle } from '../host/host-bundle.ts';
import type { QueuedRequest } from './request-queue.ts';
import { accuraciesOf } from './require-accuracy.ts';

/** A machine may be faster than when it was calibrated: less than this share of the calibrated median was never seen. */
const fastest = 0.5;

/**
 * The least time that a request's run takes: a share of the calibrated median of its level. If the level is open, that of the fastest one that
 * may run, as a swap may come before the run.
 * @returns milliseconds; 0 if no level may run.
 */
export function leastRunMs(
  { calibration, manifest }: Pick<HostedBundle, 'calibration'> & Partial<Pick<HostedBundle, 'manifest'>>,
  { batch, level, minAccuracy }: Pick<QueuedRequest, 'batch' | 'level' | 'minAccuracy'>,
): number {
  const able = manifest && accurateLevels(minAccuracy, accuraciesOf(manifest));
  const mayRun = level === undefined ? (able ?? calibration.levels.keys()) : [level];
  const medians = Array.from(mayRun, (one) => calibration.levels[one]?.p50Ms ?? 0);
  if (medians.length === 0) return 0;
  return (fastest * Math.min(...medians) * batch) / calibration.batch;
}
