import { UsageError } from '../../terminal/usage-error.ts';
import { channelMask } from '../ast/masks/channel-masks.ts';
import type { ChannelMask } from '../ast/masks/level-mask.ts';
import { blockSize } from '../ast/masks/mask-scheme.ts';
import { selectTop } from '../ast/masks/select-top.ts';
import { expandUnits, layoutUnits, unitMagnitudes } from '../ast/masks/units.ts';
import { keptWeights, sharedWeights } from '../net/level-vectors.ts';
import { layoutOf, maskableSlots, type WeightSlot } from '../net/parameters.ts';
import type { TrainedLevel, TrainedNet } from '../net/trained-net.ts';

/** A level that is not yet in the net: what it keeps, and the place among the levels that it will have. */
export type LevelBetween = {
  index: number;
  /** Where its sparsity lies between its neighbours': 0 is the denser one's, 1 the sparser one's. */
  position: number;
  mask: Pick<TrainedLevel, 'target' | 'masks' | 'channels'>;
};

/** Levels that are closer than this are the same to whoever chooses among them. */
const leastDistance = 0.001;

/**
 * Chooses what a level of any sparsity between two others keeps: everything that the sparser one keeps, and of what the denser one
 * keeps besides, the largest magnitudes over all maskable tensors together, up to the sparsity. It is nested, and no weight
 * changes.
 *
 * - `element`: as many weights as the sparsity says;
 * - `block`: whole blocks, as many as fit;
 * - `channel`: whole blocks of channels in the order of `channelMask`, as near to the sparsity as they come.
 *
 * @param sparsities measured, of all levels.
 * @throws UsageError where the sparsity does not lie between two levels, or nothing does; RangeError where nothing can lie between any.
 */
export function levelBetween(net: TrainedNet, sparsities: number[], sparsity: number): LevelBetween {
  const refuse = (requirement: string, Kind: typeof UsageError | typeof RangeError = UsageError): never => {
    throw new Kind(`Cannot add a level of sparsity ${sparsity} as ${requirement}`);
  };
  if (net.granularity === 'nm')
    return refuse(
      'the granularity must be element, block or channel: current value is nm, whose levels have the sparsities of their patterns and no others; train with the pattern among --levels',
      RangeError,
    );
  const [densest, sparsest] = [sparsities[0], sparsities[sparsities.length - 1]];
  if (sparsities.length < 2)
    return refuse(
      'the bundle must have two levels or more: current value is 1; train with more --levels',
      RangeError,
    );
  const near = sparsities.findIndex((own) => Math.abs(own - sparsity) <= leastDistance);
  if (near >= 0)
    return refuse(
      `it must be more than ${leastDistance} away from every other: level ${near} has ${rounded(sparsities[near])}; choose another --sparsity`,
    );
  if (!(sparsity > densest && sparsity < sparsest))
    return refuse(
      `it must lie between the densest and the sparsest level, ${rounded(densest)} and ${rounded(sparsest)}: choose another --sparsity`,
    );
  const index = sparsities.findIndex((own) => own > sparsity);
  const [from, to] = [sparsities[index - 1], sparsities[index]];
  const chosen = choose(net, index, sparsity);
  if (!chosen) {
    const rungs = Array.from(
      { length: rungTrials },
      (_, i) => from + ((i + 1) / (rungTrials + 1)) * (to - from),
    )
      .map((rung) => choose(net, index, rung)?.sparsity)
      .filter((rung) => rung !== undefined)
      .sort((a, b) => Math.abs(a - sparsity) - Math.abs(b - sparsity));
    return refuse(
      `whole blocks must come nearer to it than level ${index - 1} of ${rounded(from)} and level ${index} of ${rounded(to)} do: ${rungs.length > 0 ? `the nearest sparsity between them is ${rounded(rungs[0])}` : 'there is nothing between them'}; choose another --sparsity`,
    );
  }
  return { index, position: (chosen.sparsity - from) / (to - from), mask: chosen.mask };
}

/** Sparsities that are tried to name one that goes. */
const rungTrials = 40;

/** @returns undefined where the choice is one of the neighbours. */
function choose(
  net: TrainedNet,
  index: number,
  target: number,
): { sparsity: number; mask: LevelBetween['mask'] } | undefined {
  const mask = { target, masks: new Map<string, Uint8Array>(), channels: new Map() as ChannelMask };
  const [denser, sparser] = [net.levels[index - 1], net.levels[index]];
  const lies =
    net.granularity === 'channel'
      ? chooseChannels(net, denser, sparser, 1 - target, mask.channels)
      : chooseWeights(net, denser, sparser, 1 - target, mask.masks);
  if (!lies) return undefined;
  const layout = layoutOf(net.graph);
  const tensors = maskableSlots(layout);
  const kept = keptWeights(mask, layout);
  const total = tensors.reduce((sum, { size }) => sum + size, 0);
  return { sparsity: 1 - tensors.reduce((sum, slot) => sum + countIn(kept, slot), 0) / total, mask };
}

function countIn(kept: Uint8Array, { offset, size }: WeightSlot): number {
  return kept.subarray(offset, offset + size).reduce((sum, keep) => sum + keep, 0);
}

function rounded(share: number): number {
  return Number(share.toFixed(4));
}

/** @returns whether there is more than the sparser level keeps and less than the denser one does. */
function chooseWeights(
  net: TrainedNet,
  denser: TrainedLevel,
  sparser: TrainedLevel,
  density: number,
  masks: TrainedLevel['masks'],
): boolean {
  const layout = layoutOf(net.graph);
  const tensors = maskableSlots(layout);
  const units = layoutUnits(tensors, net.granularity === 'block' ? blockSize : 1);
  const [outer, inner] = [denser, sparser].map((level) => keptWeights(level, layout));
  // A unit is kept where any of its weights is: a kept weight may be 0.
  const [kept, fixed] = [outer, inner].map((weights) =>
    unitMagnitudes(Float32Array.from(weights), units).map((magnitude) => (magnitude > 0 ? 1 : 0)),
  );
  const allowed = Uint8Array.from(kept, (keep, unit) => (keep === 1 && fixed[unit] === 0 ? 1 : 0));
  const chosen = new Uint8Array(units.count);
  const total = tensors.reduce((sum, { size }) => sum + size, 0);
  const present = tensors.reduce((sum, slot) => sum + countIn(inner, slot), 0);
  // On average: the last block of a row may be smaller.
  const ranges = units.slots.map(({ slot, offset, count }) => ({ offset, count, cost: slot.size / count }));
  const budget = Math.round(density * total) - present;
  selectTop(unitMagnitudes(sharedWeights(net, layout), units), ranges, budget, allowed, chosen);
  const added = expandUnits(chosen, units, layout.weightCount);
  for (const { node, offset, size } of tensors)
    masks.set(
      node.name,
      Uint8Array.from(
        { length: size },
        (_, i) => inner[offset + i] | (added[offset + i] & outer[offset + i]),
      ),
    );
  return chosen.includes(1) && chosen.some((keep, unit) => keep < allowed[unit]);
}

/** @returns whether there is more than the sparser level keeps and less than the denser one does. */
function chooseChannels(
  net: TrainedNet,
  denser: TrainedLevel,
  sparser: TrainedLevel,
  density: number,
  channels: ChannelMask,
): boolean {
  const layout = layoutOf(net.graph);
  const weights = sharedWeights(net, layout);
  const chosen = channelMask(layout, weights, 'global', density, denser.channels, sparser.channels);
  for (const [stream, mask] of chosen) channels.set(stream, mask);
  const count = (masks: ChannelMask) =>
    [...masks.values()].reduce((sum, mask) => mask.reduce((own, keep) => own + keep, sum), 0);
  return count(channels) > count(sparser.channels) && count(channels) < count(denser.channels);
}
