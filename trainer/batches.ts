import type { DataSet, Split } from './data/data-set.ts';
import type { Random } from './random.ts';

/** `images [count, height, width, channels]`, normalised: (pixel / 255 - mean) / std. */
export type Batch = { images: Float32Array; labels: Uint8Array; count: number };

/** For each channel, what each of the 256 pixel values is normalised to: `[channels, 256]`. */
function normalisedValues(data: DataSet): Float32Array {
  const table = new Float32Array(data.channels * 256);
  for (let c = 0; c < data.channels; c += 1)
    for (let pixel = 0; pixel < 256; pixel += 1)
      table[c * 256 + pixel] = (pixel / 255 - data.mean[c]) / data.std[c];
  return table;
}

/** The images at `indices`, normalised and otherwise as they are. */
export function plainBatch(data: DataSet, split: Split, indices: Int32Array): Batch {
  return gather(data, split, indices, normalisedValues(data), () => ({ down: 0, right: 0, mirror: false }));
}

type Change = { down: number; right: number; mirror: boolean };

function gather(
  data: DataSet,
  split: Split,
  indices: Int32Array,
  values: Float32Array,
  change: () => Change,
): Batch {
  const { height, width, channels } = data;
  const size = height * width * channels;
  const images = new Float32Array(indices.length * size);
  const labels = new Uint8Array(indices.length);
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
        for (let c = 0; c < channels; c += 1)
          images[at++] = values[c * 256 + (black ? 0 : split.images[from + c])];
      }
    }
  });
  return { images, labels, count: indices.length };
}

/**
 * Minibatches of the training split without end: each epoch in a new order, images that do not fill a batch left out, each image
 * shifted and mirrored as the data set allows (pad with black, crop; He et al. 2016).
 */
export function createBatches(data: DataSet, batch: number, random: Random): { next(): Batch } {
  const { pad, flip } = data.augment;
  const values = normalisedValues(data);
  const order = Int32Array.from({ length: data.train.count }, (_, i) => i);
  const shift = () => (pad > 0 ? random.below(2 * pad + 1) - pad : 0);
  const change = () => ({ down: shift(), right: shift(), mirror: flip && random.below(2) === 1 });
  let at = order.length;
  return {
    next() {
      if (at + batch > order.length) {
        random.shuffle(order);
        at = 0;
      }
      at += batch;
      return gather(data, data.train, order.subarray(at - batch, at), values, change);
    },
  };
}
