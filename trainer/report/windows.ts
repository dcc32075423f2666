/** More points cannot be told apart at the width of a page. */
const windowCount = 240;

/** Means over equal stretches of training. */
export type Windows = {
  /** @param position in training, from 0 to below 1. @param sum of `weight` values. */
  add(position: number, sum: number, weight: number): void;
  /** The mean about each stretch that has values, over those up to `reach` stretches away. */
  points(reach: number): { position: number; value: number }[];
};

export function createWindows(): Windows {
  const sums = new Float64Array(windowCount);
  const weights = new Float64Array(windowCount);
  const positions = new Float64Array(windowCount);
  return {
    add(position, sum, weight) {
      const window = Math.min(windowCount - 1, Math.floor(position * windowCount));
      sums[window] += sum;
      weights[window] += weight;
      positions[window] += position * weight;
    },
    points(reach) {
      const total = (values: Float64Array, window: number) =>
        values
          .subarray(Math.max(0, window - reach), window + reach + 1)
          .reduce((all, value) => all + value, 0);
      return Array.from(weights.keys())
        .filter((window) => weights[window] > 0)
        .map((window) => ({
          position: positions[window] / weights[window],
          value: total(sums, window) / total(weights, window),
        }));
    },
  };
}
