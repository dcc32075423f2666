import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** A seeded source of random numbers: the same seed gives the same numbers everywhere. */
export type Random = {
  /** In [0, 1). */
  uniform(): number;
  /** From the standard normal distribution (Box & Muller 1958). */
  normal(): number;
  /** A whole number from 0 to `bound - 1`. */
  below(bound: number): number;
  /** Shuffles in place (Fisher & Yates). */
  shuffle(values: Int32Array): void;
};

/**
 * A seed for one purpose and one turn: of one run's seed, sources that share nothing (FNV-1a over the parts, then the finaliser
 * of MurmurHash3).
 */
export function mixSeed(seed: number, purpose: string, turn = 0): number {
  let hash = 0x811c9dc5;
  const take = (value: number) => {
    hash = Math.imul(hash ^ value, 0x01000193);
  };
  for (let i = 0; i < purpose.length; i += 1) take(purpose.charCodeAt(i));
  for (const value of [seed, turn])
    for (let shift = 0; shift < 32; shift += 8) take((value >>> shift) & 0xff);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) | 0;
}

export function createRandom(seed: number): Random {
  const generator = xoroshiro128plus(seed);
  const uniform = () => uniformFloat64(generator);
  const below = (bound: number) => uniformInt(generator, 0, bound - 1);
  return {
    uniform,
    below,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    shuffle(values) {
      for (let i = values.length - 1; i > 0; i -= 1) {
        const j = below(i + 1);
        const held = values[i];
        values[i] = values[j];
        values[j] = held;
      }
    },
  };
}
