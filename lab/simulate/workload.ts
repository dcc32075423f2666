import { createRandom, mixSeed } from '../../trainer/random.ts';
import { exponentialGapMs } from '../load/arrivals.ts';
import type { Device } from './device.ts';
import type { Trace } from './trace.ts';

/** The requests of one trace: the same for every policy, luck included. */
export type Workload = {
  /** When each request arrives, in order. */
  arrivalsMs: Float64Array;
  /** How much longer than its median each request's run takes, on an undisturbed machine, at any level. */
  factors: Float64Array;
};

/** Draws arrivals and luck. Poisson arrivals are thinned from the greatest rate (Lewis and Shedler 1979). */
export function drawWorkload(trace: Trace, device: Device, seed: number): Workload {
  const random = createRandom(mixSeed(seed, `requests of ${trace.name}`));
  const { segments, durationMs, arrivals } = trace;
  const most = Math.max(...segments.map(({ requestsPerS }) => requestsPerS));
  const arrivalsMs: number[] = [];
  let index = 0;
  let due = 0;
  for (let ms = 0; ms < durationMs && most > 0; ) {
    ms += arrivals === 'poisson' ? exponentialGapMs(random, most) : 1000 / most;
    while (index + 1 < segments.length && segments[index + 1].atMs <= ms) index += 1;
    const share = segments[index].requestsPerS / most;
    due += share;
    const comes = arrivals === 'poisson' ? random.uniform() < share : due >= 1;
    if (!comes || ms >= durationMs) continue;
    due -= 1;
    arrivalsMs.push(ms);
  }
  const factors = Float64Array.from(arrivalsMs, () => {
    const isOutlier = random.uniform() < device.outliersPerMille / 1000;
    return Math.exp(device.noise * random.normal()) * (isOutlier ? device.outlierFactor : 1);
  });
  return { arrivalsMs: Float64Array.from(arrivalsMs), factors };
}
