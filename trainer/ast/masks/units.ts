import type { WeightSlot } from '../../net/parameters.ts';

/** One tensor's units: weights that live and die together. */
export type UnitSlot = {
  slot: WeightSlot;
  /** Of its first unit in a vector over all units. */
  offset: number;
  count: number;
  /** Weights of a full unit: 1, or that many neighbouring output channels at one place of one input channel. */
  size: number;
};

/** The maskable tensors cut into units; those of a single weight are the tensor's weights in their order. */
export type UnitLayout = { slots: UnitSlot[]; count: number };

/**
 * @param size 1 for single weights; b > 1 for blocks of b output channels that share a mask, which SIMD registers hold side by side
 *   (the last block of a row is smaller where b does not divide the output channels).
 */
export function layoutUnits(tensors: WeightSlot[], size: number): UnitLayout {
  let count = 0;
  const slots = tensors.map((slot) => {
    const rows = slot.size / slot.outChannels;
    const unitSlot = { slot, offset: count, count: rows * Math.ceil(slot.outChannels / size), size };
    count += unitSlot.count;
    return unitSlot;
  });
  return { slots, count };
}

/** Calls `visit(unit, start, end)` for each unit: weights `start` to `end - 1` of the flat vector. */
export function forEachUnit(
  { slot, offset, size }: UnitSlot,
  visit: (unit: number, start: number, end: number) => void,
): void {
  const { outChannels } = slot;
  let unit = offset;
  for (let row = slot.offset; row < slot.offset + slot.size; row += outChannels)
    for (let at = 0; at < outChannels; at += size)
      visit(unit++, row + at, row + Math.min(outChannels, at + size));
}

/** The root mean square of each unit's values: the magnitude of a single weight. */
export function unitMagnitudes(values: Float32Array, { slots, count }: UnitLayout): Float32Array {
  const magnitudes = new Float32Array(count);
  for (const unitSlot of slots) {
    const { slot, offset, size } = unitSlot;
    if (size === 1) {
      for (let i = 0; i < slot.size; i += 1) magnitudes[offset + i] = Math.abs(values[slot.offset + i]);
      continue;
    }
    forEachUnit(unitSlot, (unit, start, end) => {
      let squares = 0;
      for (let i = start; i < end; i += 1) squares += values[i] * values[i];
      magnitudes[unit] = Math.sqrt(squares / (end - start));
    });
  }
  return magnitudes;
}

/** 1 where a unit's weights are kept. */
export function unitsOf(weights: Uint8Array, { slots, count }: UnitLayout): Uint8Array {
  const units = new Uint8Array(count);
  for (const unitSlot of slots) {
    const { slot, offset, size } = unitSlot;
    if (size === 1) units.set(weights.subarray(slot.offset, slot.offset + slot.size), offset);
    else
      forEachUnit(unitSlot, (unit, start) => {
        units[unit] = weights[start];
      });
  }
  return units;
}

/** The mask over the flat vector of weights; weights of no unit are kept. */
export function expandUnits(units: Uint8Array, { slots }: UnitLayout, weightCount: number): Uint8Array {
  const weights = new Uint8Array(weightCount).fill(1);
  for (const unitSlot of slots) {
    const { slot, offset, count, size } = unitSlot;
    if (size === 1) weights.set(units.subarray(offset, offset + count), slot.offset);
    else
      forEachUnit(unitSlot, (unit, start, end) => {
        weights.fill(units[unit], start, end);
      });
  }
  return weights;
}
