import { availableParallelism } from 'node:os';
import { LatentNet, type NetState } from './ast/latent-net.ts';
import type { Distribution } from './ast/masks/distribution.ts';
import type { Granularity, LevelTarget } from './ast/masks/mask-scheme.ts';
import {
  beginsGroup,
  dropFractionAt,
  learningRateAt,
  levelAt,
  type Order,
  planMaskUpdates,
} from './ast/schedule.ts';
import type { BackendName } from './backend/open-backend.ts';
import { batchesPerEpoch, createBatches } from './batches.ts';
import { checkMemory } from './check-memory.ts';
import { checkLoss, checkOptions } from './check-options.ts';
import { type ComputePool, createComputePool } from './compute/compute-pool.ts';
import { batchGradient, shardSize } from './compute/shards.ts';
import type { DataSet } from './data/data-set.ts';
import type { NetGraph } from './net/graph.ts';
import type { TrainedNet } from './net/trained-net.ts';
import { levelStatistics } from './norm-statistics.ts';
import { createRandom } from './random.ts';

/** `ast`: a step trains one level. `joint`: a step sums the losses of all levels, at as many times the cost. `single`: one level alone. */
export const methods = ['ast', 'joint', 'single'] as const;
export type Method = (typeof methods)[number];

export type TrainOptions = {
  graph: NetGraph;
  method: Method;
  /** Densest first. */
  targets: LevelTarget[];
  /** Passes over the training split, in all: with `ast` each of N levels is trained on 1/N of them. Fractions are allowed. */
  epochs: number;
  /** Samples in a step. */
  batch: number;
  granularity: Granularity;
  distribution: Distribution;
  correction: boolean;
  order: Order;
  /** Peak of the cosine. */
  learningRate: number;
  weightDecay: number;
  /** Factor on the learning rate of each level's own scales and biases: AST takes 1 step in N with each. */
  normRate: number;
  /** See `UpdateOptions`. */
  updates: number;
  rampEnd: number;
  frozenFrom: number;
  offset: number;
  /** First share of drop-and-grow; 0 is off. */
  dropFraction: number;
  backend: BackendName;
  seed: number;
  /** Default: the machine's cores, at most as many as there are shards in a batch. */
  workers?: number;
};

/** What one iteration did. */
export type StepReport = {
  iteration: number;
  iterations: number;
  /** Of each level that was trained: the mean loss and the share of right answers over the batch, before the step. */
  levels: { level: number; loss: number; accuracy: number }[];
  learningRate: number;
  /** Tensors whose gradient was in conflict with the previous level's and was corrected. */
  conflicts: number;
};

/** A training under way, between two steps. */
export type Training = {
  readonly net: LatentNet;
  readonly pool: ComputePool;
  readonly iterations: number;
  /** Steps done. */
  readonly done: number;
};

export type TrainHooks = {
  onStep?: (report: StepReport) => void;
  /** Called before the first step and after each; training waits for it. */
  between?: (training: Training) => Promise<void> | void;
  /** Goes on from a state after `done` steps. */
  resume?: { done: number; state: NetState } | undefined;
  signal?: AbortSignal | undefined;
};

export const momentum = 0.9;
export const normEpsilon = 1e-5;

/** Steps in `epochs` passes; samples that do not fill a batch are left out of each. */
export function iterationsOf(data: DataSet, options: { epochs: number; batch: number }): number {
  return Math.max(1, Math.round(options.epochs * batchesPerEpoch(data, options.batch)));
}

/**
 * Alternating sparse training (Yang et al., NeurIPS 2022), and its rivals: iteration t trains sub-net t mod N on a fresh minibatch with
 * one optimizer step on the weights that all of them share. The same seed, data and back end give the same net, on any number of
 * workers, and also where the run was resumed.
 *
 * @throws Error where the options do not fit the data; the signal's reason where it is aborted.
 */
export async function train(
  data: DataSet,
  options: TrainOptions,
  hooks: TrainHooks = {},
): Promise<TrainedNet> {
  const { graph, method, targets, seed, order } = options;
  const iterations = iterationsOf(data, options);
  checkOptions(data, options, iterations);
  checkMemory({ ...options, workers: workersFor(options) });
  hooks.signal?.throwIfAborted();
  const levels = targets.map((_, level) => level);
  const updates = planMaskUpdates({ ...options, total: iterations, levels: levels.length });
  const batches = createBatches(data, options.batch, seed);
  const net = new LatentNet(graph, { ...options, momentum, normEpsilon, random: createRandom(seed) });
  const pool = createComputePool({ ...options, normEpsilon, workers: workersFor(options) });
  const stop = () => pool.close(hooks.signal?.reason);
  hooks.signal?.addEventListener('abort', stop);
  try {
    if (hooks.resume) net.restore(hooks.resume.state);
    await pool.start();
    let done = hooks.resume?.done ?? 0;
    await hooks.between?.({ net, pool, iterations, done });
    let batch = batches.at(done);
    while (done < iterations) {
      const iteration = done;
      for (const { level, progress } of updates.get(iteration) ?? [])
        net.updateMask(level, progress, dropFractionAt(iteration, iterations, options.dropFraction));
      const trained = method === 'joint' ? levels : [levelAt(iteration, levels.length, order)];
      const current = batch;
      const pending = Promise.all(trained.map((level) => batchGradient(pool, net.effective(level), current)));
      batch = batches.at(iteration + 1); // while the workers compute
      const gradients = (await pending).map((gradient, i) => ({ ...gradient, level: trained[i] }));
      for (const { loss } of gradients) checkLoss(loss, iteration, options.learningRate);
      const learningRate = learningRateAt(iteration, iterations, options.learningRate);
      const firstOfGroup = beginsGroup(iteration, levels.length);
      const conflicts = net.step(gradients, { learningRate, firstOfGroup });
      done += 1;
      hooks.onStep?.({
        iteration,
        iterations,
        levels: gradients.map(({ level, loss, correct }) => ({
          level,
          loss,
          accuracy: correct / current.count,
        })),
        learningRate,
        conflicts,
      });
      await hooks.between?.({ net, pool, iterations, done });
    }
    for (const level of levels) net.setStatistics(level, await levelStatistics(net, pool, data, level, seed));
  } finally {
    hooks.signal?.removeEventListener('abort', stop);
    await pool.close();
  }
  hooks.signal?.throwIfAborted();
  return net.toTrainedNet();
}

function workersFor(options: TrainOptions): number {
  return options.workers ?? Math.min(availableParallelism(), Math.ceil(options.batch / shardSize));
}
