import type { Random } from '../random.ts';
import type { Split } from './data-set.ts';

/** Number of samples of each class. */
export function classCounts(labels: Uint16Array, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label] += 1;
  return counts;
}

/** How many samples of each class go into a test split of about `share`: one at least, and one at least stays. */
export function testQuotas(counts: number[], share: number): number[] {
  return counts.map((count) => Math.min(count - 1, Math.max(1, Math.round(count * share))));
}

/**
 * Draws `quotas[label]` samples of each class by chance.
 *
 * @returns indices of the samples drawn, in random order, so that the first few are a fair sample; and of the others, ascending.
 */
export function drawPerClass(
  labels: Uint16Array,
  quotas: number[],
  random: Random,
): { drawn: Int32Array; others: Int32Array } {
  const order = Int32Array.from(labels, (_, i) => i);
  random.shuffle(order);
  const left = [...quotas];
  const drawn: number[] = [];
  const others: number[] = [];
  for (const i of order) {
    const label = labels[i];
    (left[label] > 0 ? drawn : others).push(i);
    left[label] -= 1;
  }
  return { drawn: Int32Array.from(drawn), others: Int32Array.from(others).sort() };
}

/** The samples at `indices`, copied. */
export function pickSamples(split: Split, indices: Int32Array): Split {
  const size = split.count === 0 ? 0 : split.inputs.length / split.count;
  const length = indices.length * size;
  const inputs = split.inputs instanceof Float32Array ? new Float32Array(length) : new Uint8Array(length);
  indices.forEach((index, n) => {
    inputs.set(split.inputs.subarray(index * size, (index + 1) * size), n * size);
  });
  return { inputs, labels: Uint16Array.from(indices, (i) => split.labels[i]), count: indices.length };
}
