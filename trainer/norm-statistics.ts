import type { LatentNet } from './ast/latent-net.ts';
import { plainBatch } from './batches.ts';
import type { ComputePool } from './compute/compute-pool.ts';
import { forwardShard } from './compute/memory-estimate.ts';
import { poolStatistics, shardStatistics } from './compute/shards.ts';
import type { DataSet } from './data/data-set.ts';
import type { NetGraph } from './net/graph.ts';
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
  return takeStatistics(net.graph, net.effective(level), pool, data, seed, samples);
}

/** The same, of weights that are masked and scales and biases that belong to them. */
export async function takeStatistics(
  graph: NetGraph,
  parameters: { weights: Float32Array; affine: Float32Array },
  pool: ComputePool,
  data: DataSet,
  seed: number,
  samples: number = statisticsSamples,
): Promise<Float32Array> {
  const order = Int32Array.from({ length: data.train.count }, (_, i) => i);
  createRandom(mixSeed(seed, 'statistics')).shuffle(order);
  // A few shards at a time: all of the samples, as 32-bit numbers, would fill gigabytes if they are large.
  const sample = order.subarray(0, samples);
  const atOnce = 2 * pool.workers * forwardShard(graph);
  const groups: Float32Array[] = [];
  const counts: number[] = [];
  for (let start = 0; start < sample.length; start += atOnce) {
    const batch = plainBatch(data, data.train, sample.subarray(start, start + atOnce));
    const shards = await shardStatistics(pool, parameters, batch, forwardShard(graph));
    groups.push(...shards.groups);
    counts.push(...shards.counts);
  }
  return poolStatistics(groups, counts);
}
