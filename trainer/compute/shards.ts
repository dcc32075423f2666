import type { Batch } from '../batches.ts';
import type { ComputePool } from './compute-pool.ts';
import type { GradientResult, PassInput } from './sub-net.ts';

/**
 * Images that are computed together. A batch is always cut into shards of this size, however many threads there are, and their
 * answers are added in the shards' order: the result is the same on any number of cores. Norms see one shard at a time (ghost
 * batch norm, Hoffer et al. 2017); 32 also keeps activations near the cache.
 */
export const shardSize = 32;

type Parameters = { weights: Float32Array; affine: Float32Array };

export function cutShards(batch: Batch, samples = shardSize): Batch[] {
  const size = batch.inputs.length / batch.count;
  const shards: Batch[] = [];
  for (let start = 0; start < batch.count; start += samples) {
    const end = Math.min(batch.count, start + samples);
    shards.push({
      inputs: batch.inputs.slice(start * size, end * size),
      labels: batch.labels.slice(start, end),
      count: end - start,
    });
  }
  return shards;
}

/** The gradient of a batch's mean loss, computed on all threads of `pool`; `loss` is the mean over the batch. */
export async function batchGradient(
  pool: ComputePool,
  parameters: Parameters,
  batch: Batch,
): Promise<GradientResult> {
  const shards = cutShards(batch);
  const lossScale = 1 / batch.count;
  const answers = await Promise.all(
    shards.map((shard) => pool.run({ kind: 'gradients', input: { ...parameters, ...shard, lossScale } })),
  );
  const [total, ...others] = answers;
  for (const answer of others) {
    addTo(total.weights, answer.weights);
    addTo(total.affine, answer.affine);
    total.loss += answer.loss;
    total.correct += answer.correct;
  }
  const statistics = answers.map((answer) => answer.statistics);
  const counts = shards.map((shard) => shard.count);
  return { ...total, loss: total.loss / batch.count, statistics: poolStatistics(statistics, counts) };
}

/** The norms' statistics of each shard of `batch`, as training computes them (means, then variances), and its samples. */
export async function shardStatistics(
  pool: ComputePool,
  parameters: Parameters,
  batch: Batch,
  samples: number,
): Promise<{ groups: Float32Array[]; counts: number[] }> {
  const shards = cutShards(batch, samples);
  const groups = await Promise.all(
    shards.map(({ inputs, count }) => {
      const input: PassInput = { ...parameters, inputs, count };
      return pool.run({ kind: 'statistics', input });
    }),
  );
  return { groups, counts: shards.map((shard) => shard.count) };
}

/** Mean and variance of several groups of images taken together, from each group's own. */
export function poolStatistics(groups: Float32Array[], counts: number[]): Float32Array {
  const channels = groups[0].length / 2;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const pooled = new Float32Array(2 * channels);
  for (let c = 0; c < channels; c += 1) {
    let mean = 0;
    let square = 0;
    groups.forEach((group, i) => {
      const share = counts[i] / total;
      mean += share * group[c];
      square += share * (group[channels + c] + group[c] * group[c]);
    });
    pooled[c] = mean;
    pooled[channels + c] = Math.max(0, square - mean * mean);
  }
  return pooled;
}

function addTo(total: Float32Array, part: Float32Array): void {
  for (let i = 0; i < total.length; i += 1) total[i] += part[i];
}
