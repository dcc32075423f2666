/** A range of units of equal cost. */
export type CostRange = { offset: number; count: number; cost: number };

/**
 * Keeps the units of the highest scores that are allowed, for as long as their costs fit the budget; ties go by position. With a lower
 * budget and the same scores it keeps a subset.
 *
 * @param scores of all units, 0 or more.
 * @param ranges of the units to choose among.
 * @param allowed 1 where a unit may be kept.
 * @param kept the mask that is written: 1 where a unit of `ranges` is kept, else 0.
 */
export function selectTop(
  scores: Float32Array,
  ranges: CostRange[],
  budget: number,
  allowed: Uint8Array,
  kept: Uint8Array,
): void {
  // The bits of floats that are not negative are in the floats' own order: buckets by the upper half find the threshold's
  // upper half, buckets by the lower half the rest. No sorting.
  const bits = new Uint32Array(scores.buffer, scores.byteOffset, scores.length);
  const costs = new Float64Array(1 << 16);
  let left = budget;
  let threshold = 0;
  for (const shift of [16, 0]) {
    costs.fill(0);
    for (const { offset, count, cost } of ranges)
      for (let i = offset; i < offset + count; i += 1)
        if (allowed[i] === 1 && (shift === 16 || bits[i] >>> 16 === threshold))
          costs[(bits[i] >>> shift) & 0xffff] += cost;
    let bucket = 0xffff;
    while (bucket > 0 && costs[bucket] <= left) {
      left -= costs[bucket];
      bucket -= 1;
    }
    threshold = shift === 16 ? bucket : ((threshold << 16) | bucket) >>> 0;
  }
  let full = false;
  for (const { offset, count, cost } of ranges)
    for (let i = offset; i < offset + count; i += 1) {
      const isAbove = allowed[i] === 1 && bits[i] > threshold;
      const isTie = allowed[i] === 1 && bits[i] === threshold;
      kept[i] = isAbove || (isTie && !full && cost <= left) ? 1 : 0;
      if (!isTie) continue;
      if (kept[i] === 1) left -= cost;
      else full = true;
    }
}
