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
  const candidates: number[] = [];
  for (const { offset, count } of ranges) {
    kept.fill(0, offset, offset + count);
    for (let i = offset; i < offset + count; i += 1) if (allowed[i] === 1) candidates.push(scores[i]);
  }
  const ascending = Float32Array.from(candidates).sort();
  const costAbove = (threshold: number) => {
    let cost = 0;
    for (const { offset, count, cost: each } of ranges)
      for (let i = offset; i < offset + count; i += 1)
        if (allowed[i] === 1 && scores[i] > threshold) cost += each;
    return cost;
  };
  // The lowest threshold, among the scores, above which everything fits.
  let low = -1;
  let high = ascending.length - 1;
  while (low + 1 < high) {
    const middle = (low + high) >> 1;
    if (costAbove(ascending[middle]) <= budget) high = middle;
    else low = middle;
  }
  const threshold = ascending[high] ?? 0;
  let left = budget - costAbove(threshold);
  let full = false;
  for (const { offset, count, cost } of ranges)
    for (let i = offset; i < offset + count; i += 1) {
      if (allowed[i] === 0 || scores[i] < threshold) continue;
      if (scores[i] > threshold) kept[i] = 1;
      else if (!full && cost <= left) {
        kept[i] = 1;
        left -= cost;
      } else full = true;
    }
}
