import { createRandom, mixSeed, type Random } from '../../trainer/random.ts';
import type { Segment, Trace } from './trace.ts';

type Draw = (random: Random, durationMs: number) => Segment[];

const between = (random: Random, low: number, high: number) => low + (high - low) * random.uniform();

/** A segment every `everyMs`. */
function sampled(durationMs: number, everyMs: number, at: (ms: number) => Omit<Segment, 'atMs'>): Segment[] {
  return Array.from({ length: Math.ceil(durationMs / everyMs) }, (_, i) => ({
    atMs: i * everyMs,
    ...at(i * everyMs),
  }));
}

/** Segments of drawn lengths. */
function phases(
  durationMs: number,
  lengthMs: () => number,
  draw: (index: number) => Omit<Segment, 'atMs'>,
): Segment[] {
  const segments: Segment[] = [];
  for (let ms = 0; ms < durationMs; ms += Math.max(1, lengthMs()))
    segments.push({ atMs: ms, ...draw(segments.length) });
  return segments;
}

const calm = { slowdown: 1, contenders: 0, requestsPerS: 15, ambientC: 25 };

/** Rates of 5 to 30 requests a second keep the demo's level 0 busy for 9 to 51% of the time. */
const rate = (random: Random) => between(random, 5, 30);

const families: Record<string, Draw> = {
  /** The whole machine runs at another speed for some seconds: power modes, stolen time. */
  steps(random, durationMs) {
    const requestsPerS = rate(random);
    return phases(
      durationMs,
      () => between(random, 3000, 15_000),
      (i) => ({ ...calm, requestsPerS, slowdown: i % 2 === 0 ? 1 : between(random, 1.3, 6) }),
    );
  },
  /** Many requests at once. */
  bursts(random, durationMs) {
    const requestsPerS = rate(random);
    return phases(
      durationMs,
      () => between(random, 1000, 10_000),
      (i) => ({ ...calm, requestsPerS: i % 2 === 0 ? requestsPerS : requestsPerS * between(random, 1.5, 5) }),
    );
  },
  /** The slowdown grows and falls in straight lines. */
  ramps(random, durationMs) {
    const requestsPerS = rate(random);
    const cornersMs = 12_000;
    const corners = Array.from({ length: Math.ceil(durationMs / cornersMs) + 2 }, (_, i) =>
      i % 2 === 0 ? 1 : between(random, 1.5, 6),
    );
    return sampled(durationMs, 250, (ms) => {
      const place = ms / cornersMs;
      const i = Math.floor(place);
      return { ...calm, requestsPerS, slowdown: corners[i] + (corners[i + 1] - corners[i]) * (place - i) };
    });
  },
  /** It grows hot around a busy device. */
  thermal(random, durationMs) {
    const requestsPerS = between(random, 20, 40);
    const hotC = between(random, 25, 50);
    return sampled(durationMs, 5000, (ms) => ({
      ...calm,
      requestsPerS,
      ambientC: 25 + (hotC - 25) * Math.min(1, (2 * ms) / durationMs),
    }));
  },
  /** Other processes want the cores, for seconds at a time. */
  neighbours(random, durationMs) {
    const requestsPerS = rate(random);
    return phases(
      durationMs,
      () => between(random, 2000, 15_000),
      (i) => ({ ...calm, requestsPerS, contenders: i % 2 === 0 ? 0 : between(random, 0.3, 4) }),
    );
  },
};

export const traceFamilies = Object.keys(families);

/** `count` traces, of each family in turn; the same for the same seed. */
export function drawTraces(options: { count: number; seed: number; durationS: number }): Trace[] {
  const { count, seed, durationS } = options;
  const durationMs = durationS * 1000;
  return Array.from({ length: count }, (_, i) => {
    const kind = traceFamilies[i % traceFamilies.length];
    const random = createRandom(mixSeed(seed, `trace ${kind}`, i));
    return {
      name: `${kind}-${Math.floor(i / traceFamilies.length) + 1}`,
      kind,
      source: `drawn with seed ${seed}`,
      durationMs,
      arrivals: random.uniform() < 0.7 ? ('poisson' as const) : ('periodic' as const),
      segments: families[kind](random, durationMs),
    };
  });
}
