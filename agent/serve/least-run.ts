import type { HostedBundle } from '../host/host-bundle.ts';
import type { QueuedRequest } from './request-queue.ts';

/** A machine may be faster than when it was calibrated: less than this share of the calibrated median was never seen. */
const fastest = 0.5;

/**
 * The least time that a request's run takes: a share of the calibrated median of its level, or of the fastest one where the level is open, as a
 * swap may come before the run.
 * @returns milliseconds.
 */
export function leastRunMs(
  { calibration }: Pick<HostedBundle, 'calibration'>,
  { batch, level }: Pick<QueuedRequest, 'batch' | 'level'>,
): number {
  const medians =
    level === undefined
      ? calibration.levels.map(({ p50Ms }) => p50Ms)
      : [calibration.levels[level]?.p50Ms ?? 0];
  return (fastest * Math.min(...medians) * batch) / calibration.batch;
}
