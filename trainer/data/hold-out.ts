import { createRandom, mixSeed } from '../random.ts';
import { channelStatistics, type DataSet, type Split } from './data-set.ts';

/** A data set whose choices are made on a part of its training samples. */
export type HeldOut = DataSet & { validation: Split };

/** @placeholder replaced by the data branch */
export function holdOut(data: DataSet, options: { share: number; seed: number }): HeldOut {
  const size = data.train.inputs.length / data.train.count;
  const random = createRandom(mixSeed(options.seed, 'validation'));
  const byClass = new Map<number, number[]>();
  data.train.labels.forEach((label, i) => {
    const own = byClass.get(label) ?? [];
    own.push(i);
    byClass.set(label, own);
  });
  const held = new Set<number>();
  for (const own of [...byClass].sort(([a], [b]) => a - b).map(([, indices]) => indices)) {
    const order = Int32Array.from(own);
    random.shuffle(order);
    for (const i of order.subarray(0, Math.round(options.share * own.length))) held.add(i);
  }
  const take = (keep: boolean): Split => {
    const indices = Array.from(data.train.labels.keys()).filter((i) => held.has(i) === keep);
    const inputs =
      data.train.inputs instanceof Uint8Array
        ? new Uint8Array(indices.length * size)
        : new Float32Array(indices.length * size);
    indices.forEach((index, n) => {
      inputs.set(data.train.inputs.subarray(index * size, (index + 1) * size), n * size);
    });
    return { inputs, labels: Uint16Array.from(indices, (i) => data.train.labels[i]), count: indices.length };
  };
  const train = take(false);
  return { ...data, train, validation: take(true), ...channelStatistics(train, data.channels, data.scale) };
}
