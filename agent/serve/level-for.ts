import { RequestError } from './request-error.ts';

/**
 * The level for a request that wants a certain accuracy: the active one where it is accurate enough, else the sparsest that is.
 *
 * @param accuracies of each level, densest first; null where the bundle does not know it.
 * @returns undefined for the active level, so that a swap before the run begins still counts.
 * @throws RequestError 400 where no level is known to be so accurate.
 */
export function levelFor(
  minAccuracy: number,
  active: number,
  accuracies: readonly (number | null)[],
): number | undefined {
  const reaches = (accuracy: number | null | undefined) => (accuracy ?? -1) >= minAccuracy;
  if (reaches(accuracies[active])) return undefined;
  const level = accuracies.findLastIndex(reaches);
  if (level >= 0) return level;
  const best = Math.max(...accuracies.map((accuracy) => accuracy ?? -1));
  throw new RequestError(
    400,
    best < 0
      ? 'Cannot infer with parameters.min_accuracy as the bundle must know how accurate its levels are: it does not; leave the parameter out'
      : `Cannot infer as parameters.min_accuracy must be at most ${best}, what the most accurate level has: current value is ${minAccuracy}`,
  );
}
