import { availableParallelism } from 'node:os';
import type { BackendName } from '../backend/open-backend.ts';
import { plainBatch } from '../batches.ts';
import { type ComputePool, createComputePool } from '../compute/compute-pool.ts';
import { crossEntropy } from '../compute/cross-entropy.ts';
import { forwardShard } from '../compute/memory-estimate.ts';
import { cutShards } from '../compute/shards.ts';
import type { DataSet } from '../data/data-set.ts';
import type { HeldOut } from '../data/hold-out.ts';
import { levelVectors } from '../net/level-vectors.ts';
import { layoutOf } from '../net/parameters.ts';
import type { TrainedLevel, TrainedNet } from '../net/trained-net.ts';
import { takeStatistics } from '../norm-statistics.ts';
import type { LevelBetween } from './level-between.ts';
import { type NormSource, normChoices, normSources } from './norm-choices.ts';

export type CalibrateOptions = {
  /** Which samples the norms' statistics are taken from. */
  seed: number;
  backend: BackendName;
  /** Default as many as there are cores. */
  workers?: number | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((text: string) => void) | undefined;
};

/** How one source of the norms' scales and biases did on the samples that were held out; `loss` is their mean. */
export type NormTrial = { source: NormSource; correct: number; count: number; loss: number };

/**
 * Gives a level that was not trained its norms: their statistics are taken anew with each source of scales and biases, and the source
 * stays that does best on the samples that were held out.
 *
 * @throws the signal's reason where it aborts.
 */
export async function calibrateNorms(
  net: TrainedNet,
  between: LevelBetween,
  data: HeldOut,
  { seed, backend, workers = availableParallelism(), signal, onProgress }: CalibrateOptions,
): Promise<{ chosen: NormSource; trials: NormTrial[]; level: TrainedLevel }> {
  signal?.throwIfAborted();
  const pool = createComputePool({ graph: net.graph, normEpsilon: net.normEpsilon, backend, workers });
  const stop = () => pool.close(signal?.reason);
  signal?.addEventListener('abort', stop);
  try {
    await pool.start();
    const choices = normChoices(net, between);
    let best: { trial: NormTrial; level: TrainedLevel } | undefined;
    const trials: NormTrial[] = [];
    for (const source of normSources) {
      onProgress?.(`taking the norms' statistics, scales and biases ${source}`);
      const level = { ...between.mask, norms: choices[source] };
      await recalibrate(net, level, pool, data, seed);
      const trial = { source, ...(await tryOut(net, level, pool, data)) };
      trials.push(trial);
      if (!best || isBetter(trial, best.trial)) best = { trial, level };
    }
    if (!best) throw new Error('there is no source of norms');
    return { chosen: best.trial.source, trials, level: best.level };
  } finally {
    signal?.removeEventListener('abort', stop);
    await pool.close();
  }
}

function isBetter(a: NormTrial, b: NormTrial): boolean {
  return a.correct !== b.correct ? a.correct > b.correct : a.loss < b.loss;
}

/** Takes the means and variances of the level's norms anew, in place. */
async function recalibrate(
  net: TrainedNet,
  level: TrainedLevel,
  pool: ComputePool,
  data: DataSet,
  seed: number,
): Promise<void> {
  const layout = layoutOf(net.graph);
  // Without statistics of their own: a pass that is given some would use them.
  const { weights, affine } = levelVectors(net, level, layout);
  const statistics = await takeStatistics(net.graph, { weights, affine }, pool, data, seed);
  for (const { node, offset, channels } of layout.norms) {
    const norm = level.norms.get(node);
    norm?.mean.set(statistics.subarray(offset, offset + channels));
    const start = layout.channelCount + offset;
    norm?.variance.set(statistics.subarray(start, start + channels));
  }
}

async function tryOut(
  net: TrainedNet,
  level: TrainedLevel,
  pool: ComputePool,
  data: HeldOut,
): Promise<Omit<NormTrial, 'source'>> {
  const { validation } = data;
  const parameters = levelVectors(net, level);
  const trial = { correct: 0, count: validation.count, loss: 0 };
  const shard = forwardShard(net.graph);
  const atOnce = 2 * pool.workers * shard;
  // A few shards at a time, as they are large if their images are.
  for (let start = 0; start < validation.count; start += atOnce) {
    const length = Math.min(atOnce, validation.count - start);
    const indices = Int32Array.from({ length }, (_, i) => start + i);
    const answers = await Promise.all(
      cutShards(plainBatch(data, validation, indices), shard).map(async ({ inputs, labels, count }) => {
        const logits = await pool.run({ kind: 'logits', input: { ...parameters, inputs, count } });
        return crossEntropy(logits, labels, 1);
      }),
    );
    // In the shards' order, whichever was computed first.
    for (const { loss, correct } of answers) {
      trial.correct += correct;
      trial.loss += loss / validation.count;
    }
  }
  return trial;
}
