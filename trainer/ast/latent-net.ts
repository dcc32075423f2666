import type { NetGraph } from '../net/graph.ts';
import {
  initialNorms,
  initialWeights,
  layoutOf,
  maskableSlots,
  type ParameterLayout,
} from '../net/parameters.ts';
import type { TrainedLevel, TrainedNet } from '../net/trained-net.ts';
import type { Random } from '../random.ts';
import { type ChannelMask, expandToNorms, expandToWeights, rankedChannelMasks } from './channel-masks.ts';
import { globalMagnitudeMasks } from './global-magnitude.ts';
import { createGradientCorrection, type GradientCorrection } from './gradient-correction.ts';
import { applyMask, assertNested, type Masks } from './masks.ts';
import { rampDensity } from './schedule.ts';
import { sgdStep } from './sgd.ts';

export const granularities = ['element', 'channel'] as const;
export type Granularity = (typeof granularities)[number];

export type LatentNetOptions = {
  granularity: Granularity;
  /** Target sparsity of each level, densest first. */
  sparsities: number[];
  correction: boolean;
  momentum: number;
  weightDecay: number;
  normEpsilon: number;
  random: Random;
};

/** A level's own part of the net, see `ParameterLayout`. */
type LevelState = {
  affine: Float32Array;
  velocity: Float32Array;
  statistics: Float32Array;
  affineMask: Uint8Array;
};

/** How much of the running statistics a new batch replaces. */
const statisticsShare = 0.1;

/**
 * The network that holds all sub-nets while it is trained: one dense vector of latent weights with one momentum buffer, and for
 * each level a mask and a private norm.
 *
 * INVARIANT: the mask of a sparser level lies inside the mask of every denser one, at every update.
 */
export class LatentNet {
  readonly graph: NetGraph;
  readonly layout: ParameterLayout;
  readonly weights: Float32Array;
  masks: Masks;
  readonly #options: LatentNetOptions;
  readonly #velocity: Float32Array;
  readonly #levels: LevelState[];
  readonly #correction: GradientCorrection;
  #channels: ChannelMask[];

  constructor(graph: NetGraph, options: LatentNetOptions) {
    this.graph = graph;
    this.layout = layoutOf(graph);
    this.weights = initialWeights(this.layout, options.random);
    this.#options = options;
    this.#velocity = new Float32Array(this.weights.length);
    const convs = this.layout.weights.filter((slot) => slot.node.kind === 'conv');
    const corrected = options.granularity === 'element' ? maskableSlots(this.layout) : convs;
    this.#correction = createGradientCorrection(corrected, options.correction);
    this.masks = options.sparsities.map(() => new Uint8Array(this.weights.length).fill(1));
    this.#channels = options.sparsities.map(() => new Map());
    this.#levels = options.sparsities.map(() => {
      const norms = initialNorms(this.layout);
      const { length } = norms.affine;
      return { ...norms, velocity: new Float32Array(length), affineMask: new Uint8Array(length).fill(1) };
    });
  }

  /** Computes all levels' masks anew from the latent weights, at the ramp's `progress` from 0 to 1. */
  updateMasks(progress: number): void {
    const { granularity, sparsities } = this.#options;
    const densities = sparsities.map((sparsity) => rampDensity(1 - sparsity, progress));
    if (granularity === 'element') {
      this.masks = globalMagnitudeMasks(this.weights, maskableSlots(this.layout), densities);
    } else {
      const now = densities.map((density) => 1 - density);
      this.#channels = rankedChannelMasks(this.graph, this.layout, this.weights, now);
      this.masks = expandToWeights(this.layout, this.#channels);
      this.#levels.forEach((level, index) => {
        level.affineMask = expandToNorms(this.layout, this.#channels[index]);
      });
    }
    assertNested(this.masks);
  }

  /** The level's weights, scales and biases as it computes with them. */
  effective(level: number): { weights: Float32Array; affine: Float32Array } {
    const { affine, affineMask } = this.#levels[level];
    return {
      weights: applyMask(this.weights, this.masks[level]),
      affine: applyMask(affine, affineMask),
    };
  }

  statistics(level: number): Float32Array {
    return this.#levels[level].statistics;
  }

  setStatistics(level: number, statistics: Float32Array): void {
    this.#levels[level].statistics.set(statistics);
  }

  /**
   * One step of one level: its gradient masked, corrected, then applied to all latent weights.
   *
   * @returns tensors whose gradient was in conflict with the previous level's.
   */
  step(
    level: number,
    gradient: { weights: Float32Array; affine: Float32Array; statistics: Float32Array },
    learningRate: number,
  ): number {
    const { momentum, weightDecay } = this.#options;
    const own = this.#levels[level];
    const masked = applyMask(gradient.weights, this.masks[level]);
    const conflicts = this.#correction.apply(masked, level === 0);
    sgdStep(this.weights, this.#velocity, masked, { learningRate, momentum, weightDecay });
    const affine = applyMask(gradient.affine, own.affineMask);
    sgdStep(own.affine, own.velocity, affine, { learningRate, momentum, weightDecay: 0 });
    for (let i = 0; i < own.statistics.length; i += 1)
      own.statistics[i] += statisticsShare * (gradient.statistics[i] - own.statistics[i]);
    return conflicts;
  }

  toTrainedNet(): TrainedNet {
    const { granularity, sparsities, normEpsilon } = this.#options;
    const part = (wanted: 'weights' | 'bias') =>
      new Map(
        this.layout.weights
          .filter((slot) => slot.part === wanted)
          .map(({ node, offset, size }) => [node.name, this.weights.slice(offset, offset + size)]),
      );
    return {
      graph: this.graph,
      granularity,
      weights: part('weights'),
      biases: part('bias'),
      levels: sparsities.map((target, level) => this.#trainedLevel(target, level)),
      normEpsilon,
    };
  }

  #trainedLevel(target: number, level: number): TrainedLevel {
    const { affine } = this.effective(level);
    const { statistics } = this.#levels[level];
    const { channelCount } = this.layout;
    const slices = (vector: Float32Array, start: number, length: number) => [
      vector.slice(start, start + length),
      vector.slice(channelCount + start, channelCount + start + length),
    ];
    const norms: TrainedLevel['norms'] = new Map();
    for (const { node, offset, channels } of this.layout.norms) {
      const [scale, bias] = slices(affine, offset, channels);
      const [mean, variance] = slices(statistics, offset, channels);
      norms.set(node, { scale, bias, mean, variance });
    }
    const masks: TrainedLevel['masks'] = new Map();
    if (this.#options.granularity === 'element')
      for (const { node, offset, size } of maskableSlots(this.layout))
        masks.set(node.name, this.masks[level].slice(offset, offset + size));
    return { target, masks, channels: this.#channels[level], norms };
  }
}
