import type { NetGraph } from '../net/graph.ts';
import { initialNorms, initialWeights, layoutOf, type ParameterLayout } from '../net/parameters.ts';
import type { TrainedLevel, TrainedNet } from '../net/trained-net.ts';
import type { Random } from '../random.ts';
import { createGradientCorrection, type GradientCorrection } from './gradient-correction.ts';
import { expandToNorms } from './masks/channel-masks.ts';
import type { Distribution } from './masks/distribution.ts';
import { applyMask, assertNested, intersect, type LevelMask, wholeMask } from './masks/level-mask.ts';
import {
  createMaskScheme,
  type Granularity,
  type LevelTarget,
  type MaskScheme,
} from './masks/mask-scheme.ts';
import { maskedTensors } from './masks/masked-tensors.ts';
import { sgdStep } from './sgd.ts';

export type LatentNetOptions = {
  granularity: Granularity;
  distribution: Distribution;
  /** What each level shall be, densest first. */
  targets: LevelTarget[];
  correction: boolean;
  momentum: number;
  weightDecay: number;
  /** Factor on the learning rate of each level's own scales and biases. */
  normRate: number;
  normEpsilon: number;
  /** First share of drop-and-grow, see `dropFractionAt`; 0 is off. */
  dropFraction: number;
  random: Random;
};

/** What one pass of one level found, in the layout of the parameters. */
export type LevelGradient = {
  level: number;
  weights: Float32Array;
  affine: Float32Array;
  statistics: Float32Array;
};

/** A level's own part of the net, see `ParameterLayout`. */
type LevelState = {
  affine: Float32Array;
  velocity: Float32Array;
  statistics: Float32Array;
  affineMask: Uint8Array;
  mask: LevelMask;
  /** Its newest gradient, not masked: where drop-and-grow grows. */
  gradient: Float32Array | undefined;
};

/** Everything that changes while a net is trained, by name: what a checkpoint holds. */
export type NetState = Map<string, Float32Array | Uint8Array>;

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
  readonly #options: LatentNetOptions;
  readonly #velocity: Float32Array;
  readonly #levels: LevelState[];
  readonly #scheme: MaskScheme;
  readonly #correction: GradientCorrection;

  constructor(graph: NetGraph, options: LatentNetOptions) {
    const { granularity, distribution, targets, correction, random } = options;
    this.graph = graph;
    this.layout = layoutOf(graph);
    this.weights = initialWeights(this.layout, random);
    this.#options = options;
    this.#velocity = new Float32Array(this.weights.length);
    this.#scheme = createMaskScheme(this.layout, granularity, distribution);
    this.#correction = createGradientCorrection(maskedTensors(this.layout, granularity), correction);
    this.#levels = targets.map(() => {
      const norms = initialNorms(this.layout);
      const { length } = norms.affine;
      return {
        ...norms,
        velocity: new Float32Array(length),
        affineMask: new Uint8Array(length).fill(1),
        mask: wholeMask(this.weights.length),
        gradient: undefined,
      };
    });
  }

  get masks(): LevelMask[] {
    return this.#levels.map(({ mask }) => mask);
  }

  /**
   * Computes one level's mask anew from the latent weights, inside the next denser level's. What it drops, all sparser levels drop
   * too: their own updates, which follow, choose anew.
   *
   * @param progress of the ramp, from 0 to 1.
   * @param dropFraction share that drop-and-grow exchanges; 0 is off.
   */
  updateMask(level: number, progress: number, dropFraction: number): void {
    const own = this.#levels[level];
    const within = level > 0 ? this.#levels[level - 1].mask : wholeMask(this.weights.length);
    const { gradient } = own;
    const grow = dropFraction > 0 && gradient ? { fraction: dropFraction, gradient } : undefined;
    const request = { weights: this.weights, progress, within, grow };
    this.#setMask(own, this.#scheme(this.#options.targets[level], request));
    for (const sparser of this.#levels.slice(level + 1))
      this.#setMask(sparser, intersect(sparser.mask, own.mask));
    assertNested(this.masks);
  }

  #setMask(level: LevelState, mask: LevelMask): void {
    level.mask = mask;
    if (this.#options.granularity === 'channel') level.affineMask = expandToNorms(this.layout, mask.channels);
  }

  /** The level's weights, scales and biases as it computes with them. */
  effective(level: number): { weights: Float32Array; affine: Float32Array } {
    const { affine, affineMask, mask } = this.#levels[level];
    return { weights: applyMask(this.weights, mask.weights), affine: applyMask(affine, affineMask) };
  }

  statistics(level: number): Float32Array {
    return this.#levels[level].statistics;
  }

  setStatistics(level: number, statistics: Float32Array): void {
    this.#levels[level].statistics.set(statistics);
  }

  /**
   * One optimizer step. Alternating training gives one level's gradient: it is masked, corrected against that of the level before in
   * the same group, and applied to all latent weights. Joint training gives those of all levels, whose masked sum is applied.
   *
   * @returns tensors whose gradient was in conflict with the previous level's.
   */
  step(gradients: LevelGradient[], options: { learningRate: number; firstOfGroup: boolean }): number {
    const { momentum, weightDecay, normRate } = this.#options;
    const { learningRate, firstOfGroup } = options;
    const total = new Float32Array(this.weights.length);
    for (const gradient of gradients) {
      const own = this.#levels[gradient.level];
      const mask = own.mask.weights;
      for (let i = 0; i < total.length; i += 1) if (mask[i] !== 0) total[i] += gradient.weights[i];
      if (this.#options.dropFraction > 0) own.gradient = gradient.weights;
      const affine = applyMask(gradient.affine, own.affineMask);
      sgdStep(own.affine, own.velocity, affine, {
        learningRate: normRate * learningRate,
        momentum,
        weightDecay: 0,
      });
      for (let i = 0; i < own.statistics.length; i += 1)
        own.statistics[i] += statisticsShare * (gradient.statistics[i] - own.statistics[i]);
    }
    const conflicts = gradients.length === 1 ? this.#correction.apply(total, firstOfGroup) : 0;
    sgdStep(this.weights, this.#velocity, total, { learningRate, momentum, weightDecay });
    return conflicts;
  }

  /** The live arrays of everything that changes. */
  state(): NetState {
    const state: NetState = new Map<string, Float32Array | Uint8Array>([
      ['weights', this.weights],
      ['velocity', this.#velocity],
    ]);
    if (this.#correction.previous) state.set('correction', this.#correction.previous);
    this.#levels.forEach(({ affine, velocity, statistics, affineMask, mask, gradient }, level) => {
      const own = { affine, velocity, statistics, affineMask, mask: mask.weights };
      for (const [name, values] of Object.entries(own)) state.set(`level${level}.${name}`, values);
      if (gradient) state.set(`level${level}.gradient`, gradient);
      for (const [stream, channels] of mask.channels) state.set(`level${level}.channels.${stream}`, channels);
    });
    return state;
  }

  /** Takes over a state of the same net. @throws RangeError where an array is missing or of another length. */
  restore(state: NetState): void {
    const take = <T extends Float32Array | Uint8Array>(name: string, like: T): T => {
      const values = state.get(name);
      if (values === undefined || values.length !== like.length || values.constructor !== like.constructor)
        throw new RangeError(
          `Cannot restore the net as its state must hold "${name}" of ${like.length} numbers: current value is ${values?.length ?? 'none'}`,
        );
      return values as T;
    };
    this.weights.set(take('weights', this.weights));
    this.#velocity.set(take('velocity', this.#velocity));
    if (state.has('correction')) this.#correction.previous = take('correction', this.weights);
    this.#levels.forEach((own, level) => {
      const named = `level${level}.`;
      own.affine.set(take(`${named}affine`, own.affine));
      own.velocity.set(take(`${named}velocity`, own.velocity));
      own.statistics.set(take(`${named}statistics`, own.statistics));
      own.affineMask = take(`${named}affineMask`, own.affineMask);
      if (state.has(`${named}gradient`)) own.gradient = take(`${named}gradient`, this.weights);
      const prefix = `${named}channels.`;
      const channels = [...state].filter(([name]) => name.startsWith(prefix));
      own.mask = {
        weights: take(`${named}mask`, own.mask.weights),
        channels: new Map(channels.map(([name, mask]) => [name.slice(prefix.length), mask as Uint8Array])),
      };
    });
    assertNested(this.masks);
  }

  toTrainedNet(): TrainedNet {
    const { granularity, targets, normEpsilon } = this.#options;
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
      levels: targets.map((target, level) => this.#trainedLevel(target, level)),
      normEpsilon,
    };
  }

  #trainedLevel(target: LevelTarget, level: number): TrainedLevel {
    const { affine } = this.effective(level);
    const { statistics, mask } = this.#levels[level];
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
    if (this.#options.granularity !== 'channel')
      for (const { node, offset, size, maskable } of this.layout.weights)
        if (maskable) masks.set(node.name, mask.weights.slice(offset, offset + size));
    return { target: target.sparsity, masks, channels: mask.channels, norms };
  }
}
