import { availableParallelism } from 'node:os';
import { type Granularity, LatentNet } from './ast/latent-net.ts';
import { learningRateAt, levelAt, maskUpdates } from './ast/schedule.ts';
import type { BackendName } from './backend/open-backend.ts';
import { createBatches, plainBatch } from './batches.ts';
import { type ComputePool, createComputePool } from './compute/compute-pool.ts';
import { batchGradient, batchStatistics, shardSize } from './compute/shards.ts';
import type { DataSet } from './data/data-set.ts';
import type { NetGraph } from './net/graph.ts';
import type { TrainedNet } from './net/trained-net.ts';
import { createRandom } from './random.ts';

export type TrainOptions = {
  graph: NetGraph;
  /** Target sparsity of each level, ascending. */
  sparsities: number[];
  /** Passes over the training split, in all: each of N levels is trained on 1/N of them. Fractions are allowed. */
  epochs: number;
  /** Images in a step. */
  batch: number;
  granularity: Granularity;
  correction: boolean;
  backend: BackendName;
  seed: number;
  /** Peak of the cosine; default `defaultLearningRate`. */
  learningRate?: number;
  /** Default: the machine's cores, as many as there are shards in a batch; 1 on tfjs-node, which has threads of its own. */
  threads?: number;
};

/** What one iteration did. */
export type StepReport = {
  iteration: number;
  iterations: number;
  level: number;
  /** Mean over the batch, before the step. */
  loss: number;
  /** Share of right answers in the batch, before the step. */
  accuracy: number;
  learningRate: number;
  /** Tensors whose gradient was in conflict with the previous level's and was corrected. */
  conflicts: number;
};

export type TrainHooks = {
  onStep?: (report: StepReport) => void;
  signal?: AbortSignal;
};

const momentum = 0.9;
const weightDecay = 5e-4;
const normEpsilon = 1e-5;

/** Images from which a level's norm statistics are taken once training has ended. */
const statisticsImages = 1024;

/** A level of N sees 1/N of the steps and wants larger ones than a net that is trained alone. */
export function defaultLearningRate(levels: number): number {
  return levels > 1 ? 0.2 : 0.1;
}

/** Steps in `epochs` passes; images that do not fill a batch are left out of each. */
export function iterationsOf(data: DataSet, options: { epochs: number; batch: number }): number {
  return Math.max(1, Math.round(options.epochs * Math.floor(data.train.count / options.batch)));
}

/**
 * Alternating sparse training (Yang et al., NeurIPS 2022): iteration t trains sub-net t mod N on a fresh minibatch with one
 * optimizer step on the weights that all of them share. The same seed, data and back end give the same net, on any number of threads.
 *
 * @throws Error where the options do not fit the data; the signal's reason where it is aborted.
 */
export async function train(
  data: DataSet,
  options: TrainOptions,
  hooks: TrainHooks = {},
): Promise<TrainedNet> {
  const { graph, sparsities, seed, granularity, correction } = options;
  checkOptions(data, options);
  hooks.signal?.throwIfAborted();
  const iterations = iterationsOf(data, options);
  const updates = maskUpdates(iterations, sparsities.length);
  const peak = options.learningRate ?? defaultLearningRate(sparsities.length);
  const batches = createBatches(data, options.batch, seed);
  const random = createRandom(seed);
  const setting = { granularity, sparsities, correction, momentum, weightDecay, normEpsilon, random };
  const net = new LatentNet(graph, setting);
  const pool = createComputePool({
    graph,
    normEpsilon,
    backend: options.backend,
    threads: threadsFor(options),
  });
  const stop = () => pool.close(hooks.signal?.reason);
  hooks.signal?.addEventListener('abort', stop);
  try {
    await pool.start();
    let batch = batches.at(0);
    for (let iteration = 0; iteration < iterations; iteration += 1) {
      const level = levelAt(iteration, sparsities.length);
      const progress = updates.get(iteration);
      if (progress !== undefined) net.updateMasks(progress);
      const pending = batchGradient(pool, net.effective(level), batch);
      batch = batches.at(iteration + 1); // while the threads compute
      const gradient = await pending;
      checkLoss(gradient.loss, iteration, peak);
      const learningRate = learningRateAt(iteration, iterations, peak);
      const conflicts = net.step(level, gradient, learningRate);
      const { loss } = gradient;
      const accuracy = gradient.correct / options.batch;
      hooks.onStep?.({ iteration, iterations, level, loss, accuracy, learningRate, conflicts });
    }
    await recalibrate(net, pool, data, sparsities.length, seed + 2);
  } finally {
    hooks.signal?.removeEventListener('abort', stop);
    await pool.close();
  }
  hooks.signal?.throwIfAborted();
  return net.toTrainedNet();
}

/** Running statistics lag behind weights that other levels move: every level's are taken anew, with the final weights. */
async function recalibrate(
  net: LatentNet,
  pool: ComputePool,
  data: DataSet,
  levels: number,
  seed: number,
): Promise<void> {
  const order = Int32Array.from({ length: data.train.count }, (_, i) => i);
  createRandom(seed).shuffle(order);
  const sample = plainBatch(data, data.train, order.subarray(0, statisticsImages));
  for (let level = 0; level < levels; level += 1)
    net.setStatistics(level, await batchStatistics(pool, net.effective(level), sample));
}

function threadsFor(options: TrainOptions): number {
  if (options.threads !== undefined) return options.threads;
  if (options.backend === 'node') return 1;
  return Math.min(availableParallelism(), Math.ceil(options.batch / shardSize));
}

function checkOptions(data: DataSet, options: TrainOptions): void {
  const { sparsities, batch, graph } = options;
  if (
    sparsities.length === 0 ||
    sparsities.some((value, i) => !(value >= 0 && value < 1) || value <= sparsities[i - 1])
  )
    throw new RangeError(
      `Cannot train as levels must be ascending sparsities from 0 to below 1: current value is [${sparsities}]`,
    );
  if (batch > data.train.count)
    throw new RangeError(
      `Cannot train on "${data.name}" as a batch must fit its ${data.train.count} training images: current value is ${batch}; lower --batch`,
    );
  if (iterationsOf(data, options) < sparsities.length)
    throw new RangeError(
      `Cannot train as every level needs at least one step: current value is ${iterationsOf(data, options)} steps for ${sparsities.length} levels; raise --epochs`,
    );
  const wanted = [...graph.input, graph.classes].join(' x ');
  const current = [data.height, data.width, data.channels, data.labels.length].join(' x ');
  if (wanted !== current)
    throw new RangeError(
      `Cannot train net "${graph.name}" as its data must be ${wanted} (height, width, channels, classes): current value is ${current}`,
    );
}

function checkLoss(loss: number, iteration: number, peak: number): void {
  if (Number.isFinite(loss)) return;
  throw new Error(
    `Cannot go on training as the loss must be finite: current value is ${loss} in iteration ${iteration}; lower --lr (now ${peak})`,
  );
}
