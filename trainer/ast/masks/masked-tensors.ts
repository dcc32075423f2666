import { maskableSlots, type ParameterLayout, type WeightSlot } from '../../net/parameters.ts';
import { prunedTensors } from './channel-masks.ts';
import type { Granularity } from './mask-scheme.ts';

/** The tensors that a level's mask may take weights from, and that gradient correction compares. */
export function maskedTensors(layout: ParameterLayout, granularity: Granularity): WeightSlot[] {
  return granularity === 'channel' ? prunedTensors(layout) : maskableSlots(layout);
}
