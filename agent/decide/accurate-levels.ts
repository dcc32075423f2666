/**
 * The levels that keep a promise of accuracy, densest first.
 *
 * @param accuracies of each level, densest first; null if the bundle does not know it: such a level keeps no promise.
 * @returns undefined without a promise: every level will do.
 */
export function accurateLevels(
  minAccuracy: number | undefined,
  accuracies: readonly (number | null)[],
): number[] | undefined {
  if (minAccuracy === undefined) return undefined;
  return [...accuracies.keys()].filter((level) => (accuracies[level] ?? -1) >= minAccuracy);
}
