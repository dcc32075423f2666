import type { LatentNet } from './ast/latent-net.ts';
import { plainBatch } from './batches.ts';
import type { ComputePool } from './compute/compute-pool.ts';
import { batchStatistics } from './compute/shards.ts';
import type { DataSet } from './data/data-set.ts';
import { createRandom, mixSeed } from './random.ts';

/** Samples from which a level's norm statistics are taken. */
const statisticsSamples = 2048;

/**
 * A level's norm statistics under the present weights: running ones lag behind weights that the other levels move too.
 *
 * @param samples of the training split, drawn by `seed` and not augmented.
 * @returns means, then variances.
 */
export async function levelStatistics(
  net: LatentNet,
  pool: ComputePool,
  data: DataSet,
  level: number,
  seed: number,
  samples: number = statisticsSamples,
): Promise<Float32Array> {
  return takeStatistics(net.effective(level), pool, data, seed, samples);
}

/** The same, of weights that are masked and scales and biases that belong to them. */
export async function takeStatistics(
  parameters: { weights: Float32Array; affine: Float32Array },
  pool: ComputePool,
  data: DataSet,
  seed: number,
  samples: number = statisticsSamples,
): Promise<Float32Array> {
  const order = Int32Array.from({ length: data.train.count }, (_, i) => i);
  createRandom(mixSeed(seed, 'statistics')).shuffle(order);
  const sample = plainBatch(data, data.train, order.subarray(0, samples));
  return batchStatistics(pool, parameters, sample);
}
