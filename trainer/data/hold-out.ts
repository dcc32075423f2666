import { createRandom, mixSeed } from '../random.ts';
import { channelStatistics, type DataSet, type Split } from './data-set.ts';
import { classCounts, drawPerClass, pickSamples } from './stratify.ts';

/** A data set with a part of its training split set aside: the samples of `validation`, in random order, are in no other split. */
export type HeldOut = DataSet & { validation: Split };

export type HoldOutOptions = {
  /** Share of the training split to set aside: 0 or more, below 1. */
  share: number;
  /** The same seed sets the same samples aside. */
  seed: number;
  /** Samples to set aside at most. Default: as many as the share asks for. */
  most?: number | undefined;
};

/**
 * Sets a part of the training split aside as a validation split. Each class gives its part of it, to within one sample. `mean` and
 * `std` are taken anew of what stays, and the test split is left alone.
 *
 * @returns the data set with fewer training samples; of share 0, with all of them and an empty validation split.
 * @throws RangeError where the options are out of range; Error where a class would keep no training sample.
 */
export function holdOut(data: DataSet, options: HoldOutOptions): HeldOut {
  const { share, seed, most } = options;
  if (!(share >= 0 && share < 1))
    throw new RangeError(
      `Cannot hold out validation samples as the share must be 0 or more and below 1: current value is ${share}; choose one such as 0.1`,
    );
  if (most !== undefined && !(Number.isInteger(most) && most >= 0))
    throw new RangeError(
      `Cannot hold out validation samples as their greatest number must be whole and not negative: current value is ${most}; choose one such as 5000`,
    );
  const { labels, train, channels, scale } = data;
  const wanted = Math.min(Math.round(train.count * share), most ?? train.count);
  const counts = classCounts(train.labels, labels.length);
  const quotas = apportion(counts, wanted);
  const bare = counts.findIndex((count, label) => count > 0 && quotas[label] >= count);
  if (bare >= 0)
    throw new Error(
      `Cannot hold out ${wanted} of ${train.count} training samples as every class must keep one: current number of class "${labels[bare]}" is ${counts[bare]}, of which ${quotas[bare]} would go; hold out a smaller share, or add samples of it`,
    );
  const random = createRandom(mixSeed(seed, 'validation'));
  const { drawn, others } = drawPerClass(train.labels, quotas, random);
  const rest = pickSamples(train, others);
  const validation = pickSamples(train, drawn);
  return { ...data, train: rest, ...channelStatistics(rest, channels, scale), validation };
}

/** Cuts `wanted` into parts in the ratio of `counts`, each within one of its exact value (largest remainder; ties to the first class). */
function apportion(counts: number[], wanted: number): number[] {
  const total = Math.max(
    1,
    counts.reduce((sum, count) => sum + count, 0),
  );
  const parts = counts.map((count) => Math.floor((count * wanted) / total));
  const remainder = (label: number) => (counts[label] * wanted) % total;
  const left = wanted - parts.reduce((sum, part) => sum + part, 0);
  const byRemainder = counts.map((_, label) => label).sort((a, b) => remainder(b) - remainder(a));
  for (const label of byRemainder.slice(0, left)) parts[label] += 1;
  return parts;
}
