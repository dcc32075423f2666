import { maskableSlots, type ParameterLayout } from '../../net/parameters.ts';
import { rampDensity } from '../schedule.ts';
import { channelMask, expandToWeights } from './channel-masks.ts';
import { type Distribution, selectUnits } from './distribution.ts';
import { dropAndGrow } from './drop-and-grow.ts';
import type { LevelMask } from './level-mask.ts';
import { nmMask } from './nm-masks.ts';
import { expandUnits, layoutUnits, unitMagnitudes, unitsOf } from './units.ts';

/** What a mask prunes: single weights, blocks of 4 output channels, N of every M weights, or whole channels. */
export const granularities = ['element', 'block', 'nm', 'channel'] as const;
export type Granularity = (typeof granularities)[number];

/** Output channels that share a mask with granularity `block`: a SIMD register of 128 bits. */
export const blockSize = 4;

/** What a level shall be: its sparsity, or with granularity `nm` its pattern (a sparsity of 0 is dense). */
export type LevelTarget = { sparsity: number; pattern?: { n: number; m: number } };

export type MaskRequest = {
  /** The latent weights. */
  weights: Float32Array;
  /** Of the ramp, from 0 to 1. */
  progress: number;
  /** The next denser level's mask; the whole net's for the densest. Nothing outside of it is kept. */
  within: LevelMask;
  /** Drop-and-grow: the share that is exchanged, and the level's own gradient, not masked. */
  grow?: { fraction: number; gradient: Float32Array } | undefined;
};

/** Computes one level's mask from the latent weights. */
export type MaskScheme = (target: LevelTarget, request: MaskRequest) => LevelMask;

/** @throws RangeError where the distribution does not go with the granularity. */
export function createMaskScheme(
  layout: ParameterLayout,
  granularity: Granularity,
  distribution: Distribution,
): MaskScheme {
  const tensors = maskableSlots(layout);
  const noChannels = new Map<string, Uint8Array>();
  switch (granularity) {
    case 'element':
    case 'block': {
      const units = layoutUnits(tensors, granularity === 'block' ? blockSize : 1);
      const fixedMacs = fixedMacsOf(layout);
      return ({ sparsity }, { weights, progress, within, grow }) => {
        const magnitudes = unitMagnitudes(weights, units);
        const allowed = unitsOf(within.weights, units);
        const density = rampDensity(1 - sparsity, progress);
        const kept = selectUnits(distribution, { magnitudes, units, density, allowed, fixedMacs });
        if (grow && sparsity > 0)
          dropAndGrow(kept, magnitudes, unitMagnitudes(grow.gradient, units), units, allowed, grow.fraction);
        return { weights: expandUnits(kept, units, layout.weightCount), channels: noChannels };
      };
    }
    case 'nm':
      if (distribution !== 'uniform')
        throw new RangeError(
          `Cannot prune N of every M weights as the distribution must be "uniform": current value is "${distribution}"; choose --distribution uniform`,
        );
      return ({ pattern }, { weights, progress, within }) => {
        if (!pattern) return within;
        const held = 1 - rampDensity(0, progress);
        const mask = nmMask(weights, tensors, pattern, held, within.weights);
        return { weights: mask, channels: noChannels };
      };
    case 'channel':
      if (distribution === 'erk')
        throw new RangeError(
          'Cannot prune channels as the distribution must be "global", "uniform" or "macs": current value is "erk"; choose another --distribution',
        );
      return ({ sparsity }, { weights, progress, within }) => {
        const density = rampDensity(1 - sparsity, progress);
        return expandToWeights(layout, channelMask(layout, weights, distribution, density, within.channels));
      };
  }
}

/** Multiply-accumulates of one sample that no mask of single weights prunes. */
export function fixedMacsOf(layout: ParameterLayout): number {
  return layout.weights.reduce(
    (total, { size, positions, maskable }) => total + (maskable ? 0 : size * positions),
    0,
  );
}
