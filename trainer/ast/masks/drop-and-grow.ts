import type { UnitLayout } from './units.ts';

/**
 * In every layer, drops the share `fraction` of the kept units of the smallest magnitude and grows as many of the allowed ones with
 * the largest gradient (RigL, Evci et al. 2020; GraNet, Liu et al. 2021). What was dropped may grow again. In place.
 *
 * @param gradients magnitude of each unit's gradient, kept or not.
 */
export function dropAndGrow(
  kept: Uint8Array,
  magnitudes: Float32Array,
  gradients: Float32Array,
  units: UnitLayout,
  allowed: Uint8Array,
  fraction: number,
): void {
  for (const { offset, count } of units.slots) {
    const own = Array.from({ length: count }, (_, i) => offset + i);
    const survivors = own.filter((unit) => kept[unit] === 1);
    const exchanged = Math.floor(fraction * survivors.length);
    if (exchanged === 0) continue;
    survivors.sort((a, b) => magnitudes[a] - magnitudes[b] || b - a);
    for (const unit of survivors.slice(0, exchanged)) kept[unit] = 0;
    const candidates = own.filter((unit) => kept[unit] === 0 && allowed[unit] === 1);
    candidates.sort((a, b) => gradients[b] - gradients[a] || a - b);
    for (const unit of candidates.slice(0, exchanged)) kept[unit] = 1;
  }
}
