import type { DataSet, Split } from './data/data-set.ts';
import { createRandom, mixSeed } from './random.ts';

/** `inputs [count, height, width, channels]`, normalised: (value * scale - mean) / std. */
export type Batch = { inputs: Float32Array; labels: Uint16Array; count: number };

/** Normalises the value of channel `c`. */
type Normalise = (value: number, c: number) => number;

function normaliser(data: DataSet): Normalise {
  const { scale, mean, std } = data;
  return (value, c) => (value * scale - mean[c]) / std[c];
}

/** The samples at `indices`, normalised and otherwise as they are. */
export function plainBatch(data: DataSet, split: Split, indices: Int32Array): Batch {
  return gather(data, split, indices, normaliser(data), () => ({ down: 0, right: 0, mirror: false }));
}

type Change = { down: number; right: number; mirror: boolean };

function gather(
  data: DataSet,
  split: Split,
  indices: Int32Array,
  normalise: Normalise,
  change: () => Change,
): Batch {
  const { height, width, channels } = data;
  const size = height * width * channels;
  const inputs = new Float32Array(indices.length * size);
  const labels = new Uint16Array(indices.length);
  let at = 0;
  indices.forEach((index, n) => {
    labels[n] = split.labels[index];
    const { down, right, mirror } = change();
    for (let i = 0; i < height; i += 1) {
      const row = i + down;
      const inside = row >= 0 && row < height;
      for (let j = 0; j < width; j += 1) {
        const column = (mirror ? width - 1 - j : j) + right;
        const from = index * size + (row * width + column) * channels;
        const black = !inside || column < 0 || column >= width;
        for (let c = 0; c < channels; c += 1) inputs[at++] = normalise(black ? 0 : split.inputs[from + c], c);
      }
    }
  });
  return { inputs, labels, count: indices.length };
}

/** Whole batches in one pass over the training split; samples that do not fill a batch are left out of it. */
export function batchesPerEpoch(data: DataSet, batch: number): number {
  return Math.floor(data.train.count / batch);
}

/**
 * Minibatches of the training split: each epoch in a new order, each image shifted and mirrored as the data set allows
 * (pad with black, crop; He et al. 2016). A batch depends on the seed and its iteration alone, so that a run that
 * is resumed sees what the undisturbed one would have seen.
 */
export function createBatches(data: DataSet, batch: number, seed: number): { at(iteration: number): Batch } {
  const { pad, flip } = data.augment;
  const normalise = normaliser(data);
  const perEpoch = batchesPerEpoch(data, batch);
  let order = new Int32Array(0);
  let orderedEpoch = -1;
  return {
    at(iteration) {
      const epoch = Math.floor(iteration / perEpoch);
      if (epoch !== orderedEpoch) {
        order = Int32Array.from({ length: data.train.count }, (_, i) => i);
        createRandom(mixSeed(seed, 'order', epoch)).shuffle(order);
        orderedEpoch = epoch;
      }
      const random = createRandom(mixSeed(seed, 'augmentation', iteration));
      const shift = () => (pad > 0 ? random.below(2 * pad + 1) - pad : 0);
      const change = () => ({ down: shift(), right: shift(), mirror: flip && random.below(2) === 1 });
      const start = (iteration % perEpoch) * batch;
      return gather(data, data.train, order.subarray(start, start + batch), normalise, change);
    },
  };
}
