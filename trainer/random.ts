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
