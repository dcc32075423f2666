import type { WeightSlot } from '../../net/parameters.ts';

/** The N largest of every M weights along the input channels stay (Mishra et al. 2021; the paper's N:M variant). */
export type NmPattern = { n: number; m: number };

/**
 * One level's N:M mask. The share `held` of all groups, those first that lose the least magnitude, is held to the pattern; the others
 * are dense meanwhile (the paper ramps this share). Where M does not divide the input channels, the last group of `r` keeps
 * ceil(r * N / M).
 *
 * @param within the denser level's mask over the flat vector; nothing outside of it is kept.
 */
export function nmMask(
  weights: Float32Array,
  tensors: WeightSlot[],
  { n, m }: NmPattern,
  held: number,
  within: Uint8Array,
): Uint8Array {
  const mask = within.slice();
  type Group = { pruned: number[]; loss: number };
  const groups: Group[] = [];
  for (const slot of tensors) {
    const { offset, size, inChannels, outChannels } = slot;
    for (let tap = offset; tap < offset + size; tap += inChannels * outChannels)
      for (let out = 0; out < outChannels; out += 1)
        for (let first = 0; first < inChannels; first += m) {
          const length = Math.min(m, inChannels - first);
          const members = Array.from({ length }, (_, i) => tap + (first + i) * outChannels + out).filter(
            (index) => within[index] === 1,
          );
          members.sort((a, b) => Math.abs(weights[b]) - Math.abs(weights[a]) || a - b);
          const pruned = members.slice(Math.ceil((length * n) / m));
          const loss = pruned.reduce((sum, index) => sum + weights[index] ** 2, 0);
          groups.push({ pruned, loss });
        }
  }
  const order = Array.from(groups.keys()).sort((a, b) => groups[a].loss - groups[b].loss || a - b);
  for (const index of order.slice(0, Math.round(held * groups.length)))
    for (const weight of groups[index].pruned) mask[weight] = 0;
  return mask;
}
