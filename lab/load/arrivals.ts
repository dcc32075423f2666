import type { Random } from '../../trainer/random.ts';

type Arrivals = { requestsPerS: number; durationS: number };

/** Time from one Poisson arrival to the next: exponentially distributed, in milliseconds. */
export function exponentialGapMs(random: Pick<Random, 'uniform'>, requestsPerS: number): number {
  return (-Math.log(1 - random.uniform()) / requestsPerS) * 1000;
}

/** Requests at a fixed interval. @returns when each is due, in milliseconds from the start. */
export function evenArrivals({ requestsPerS, durationS }: Arrivals): number[] {
  const total = Math.round(requestsPerS * durationS);
  return Array.from({ length: total }, (_, index) => (index * 1000) / requestsPerS);
}

/**
 * A Poisson process, as MLPerf Inference's Server scenario draws it (Reddi et al., ISCA 2020, section III-C).
 * @returns when each request is due, in milliseconds from the start.
 */
export function poissonArrivals({
  requestsPerS,
  durationS,
  random,
}: Arrivals & { random: Random }): number[] {
  const arrivalsMs: number[] = [];
  for (
    let ms = exponentialGapMs(random, requestsPerS);
    ms < durationS * 1000;
    ms += exponentialGapMs(random, requestsPerS)
  )
    arrivalsMs.push(ms);
  return arrivalsMs;
}
