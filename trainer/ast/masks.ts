/**
 * Masks of all levels over the flat vector of shared weights, densest first: 1 where a weight is kept. Weights that no mask may
 * prune are 1 everywhere.
 */
export type Masks = Uint8Array[];

/** @throws Error where a sparser level keeps a weight that a denser one has pruned. */
export function assertNested(masks: Masks): void {
  for (let level = 1; level < masks.length; level += 1) {
    const denser = masks[level - 1];
    const sparser = masks[level];
    for (let i = 0; i < denser.length; i += 1)
      if (sparser[i] > denser[i])
        throw new Error(
          `Cannot use the masks as level ${level} must be nested in level ${level - 1}: weight ${i} is kept by the sparser alone`,
        );
  }
}

/** values * mask, as a new vector. */
export function applyMask(values: Float32Array, mask: Uint8Array): Float32Array {
  const masked = new Float32Array(values.length);
  for (let i = 0; i < values.length; i += 1) masked[i] = mask[i] === 0 ? 0 : values[i];
  return masked;
}
