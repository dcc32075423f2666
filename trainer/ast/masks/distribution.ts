import type { WeightSlot } from '../../net/parameters.ts';
import { selectTop } from './select-top.ts';
import type { UnitLayout } from './units.ts';

/** How a level's budget is shared among the layers. */
export const distributions = ['global', 'erk', 'uniform', 'macs'] as const;
export type Distribution = (typeof distributions)[number];

/** Chooses the units that a level keeps. */
export type Selection = {
  magnitudes: Float32Array;
  units: UnitLayout;
  /** Share of the maskable weights (`macs`: of the whole net's multiply-accumulates) that the level may keep. */
  density: number;
  /** 1 where a unit may be kept. */
  allowed: Uint8Array;
  /** Multiply-accumulates of what no mask prunes, for one sample. */
  fixedMacs: number;
};

/**
 * - `global`: the largest magnitudes over all layers together;
 * - `uniform`: the same density in every layer;
 * - `erk` (Erdos-Renyi kernel; Mocanu et al. 2018, Evci et al. 2020): layers of few connections stay denser;
 * - `macs`: the budget is in multiply-accumulates, and magnitudes are weighed by what they cost.
 *
 * @returns 1 where a unit is kept.
 */
export function selectUnits(distribution: Distribution, selection: Selection): Uint8Array {
  const { magnitudes, units, density, allowed } = selection;
  const kept = new Uint8Array(units.count);
  switch (distribution) {
    case 'global': {
      const ranges = units.slots.map(({ offset, count }) => ({ offset, count, cost: 1 }));
      selectTop(magnitudes, ranges, Math.round(density * units.count), allowed, kept);
      break;
    }
    case 'erk':
    case 'uniform': {
      const densities = layerDensities(
        distribution,
        units.slots.map(({ slot }) => slot),
        density,
      );
      for (const [layer, { offset, count }] of units.slots.entries())
        selectTop(
          magnitudes,
          [{ offset, count, cost: 1 }],
          Math.round(densities[layer] * count),
          allowed,
          kept,
        );
      break;
    }
    case 'macs': {
      // The most squared magnitude for the budget: units in the order of square over cost (the knapsack's greedy solution).
      const scores = magnitudes.slice();
      let total = selection.fixedMacs;
      const ranges = units.slots.map(({ slot, offset, count }) => {
        // On average: the last block of a row may be smaller.
        const cost = (slot.positions * slot.size) / count;
        total += slot.positions * slot.size;
        for (let i = offset; i < offset + count; i += 1) scores[i] /= Math.sqrt(slot.positions);
        return { offset, count, cost };
      });
      // Sums of fractions may be off by their last bits.
      const budget = density * total * (1 + Number.EPSILON * units.count) - selection.fixedMacs;
      selectTop(scores, ranges, budget, allowed, kept);
      break;
    }
  }
  return kept;
}

/** Density of each layer, so that all of them together keep `density` of their weights. */
export function layerDensities(
  distribution: 'erk' | 'uniform',
  layers: WeightSlot[],
  density: number,
): number[] {
  if (distribution === 'uniform') return layers.map(() => density);
  const total = layers.reduce((sum, { size }) => sum + size, 0);
  const dense = new Set<number>();
  for (;;) {
    // epsilon * (height + width + in + out) / (height * width * in * out), but never above 1.
    let left = density * total;
    let raw = 0;
    layers.forEach((layer, i) => {
      if (dense.has(i)) left -= layer.size;
      else raw += erkScore(layer) * layer.size;
    });
    const epsilon = raw > 0 ? left / raw : 0;
    const over = layers.findIndex((layer, i) => !dense.has(i) && epsilon * erkScore(layer) > 1);
    if (over < 0) return layers.map((layer, i) => (dense.has(i) ? 1 : epsilon * erkScore(layer)));
    dense.add(over);
  }
}

function erkScore({ shape }: WeightSlot): number {
  return (
    shape.reduce((sum, length) => sum + length, 0) / shape.reduce((product, length) => product * length, 1)
  );
}
