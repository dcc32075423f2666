import type { Masks } from './masks.ts';

/** A range of the flat vector that masks may prune. */
export type Range = { offset: number; size: number };

/**
 * Each level keeps its density's share of the maskable weights: the largest in magnitude over all layers together. All
 * levels rank the same latent weights in the same order (ties by position), so a lower density's mask lies inside a higher one's.
 *
 * @param densities of the maskable weights, one for each level, densest first.
 */
export function globalMagnitudeMasks(weights: Float32Array, maskable: Range[], densities: number[]): Masks {
  const count = maskable.reduce((sum, range) => sum + range.size, 0);
  const magnitudes = new Float32Array(count);
  let at = 0;
  for (const { offset, size } of maskable)
    for (let i = offset; i < offset + size; i += 1) magnitudes[at++] = Math.abs(weights[i]);
  const ascending = magnitudes.slice().sort();
  return densities.map((density) => {
    const mask = new Uint8Array(weights.length).fill(1);
    const keep = Math.max(0, Math.min(count, Math.round(density * count)));
    if (keep === count) return mask;
    const threshold = ascending[count - keep] ?? Number.POSITIVE_INFINITY;
    let above = 0;
    for (const value of magnitudes) if (value > threshold) above += 1;
    let ties = keep - above;
    let index = 0;
    for (const { offset, size } of maskable)
      for (let i = offset; i < offset + size; i += 1) {
        const magnitude = magnitudes[index++];
        const kept = magnitude > threshold || (magnitude === threshold && ties-- > 0);
        mask[i] = kept ? 1 : 0;
      }
    return mask;
  });
}
