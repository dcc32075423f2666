import type { Manifest } from '../../bundle/manifest.ts';
import { RequestError } from '../../listen/request-error.ts';
import { accurateLevels } from '../decide/accurate-levels.ts';

/** What a request asks of the level that computes it. */
export type LevelWish = {
  /** Runs this level. Absent: the active one, or another one if time or `minAccuracy` ask for it. */
  level?: number | undefined;
  /** Accuracy that the level must be known to have, 0..1. */
  minAccuracy?: number | undefined;
};

export function accuraciesOf({ levels }: Pick<Manifest, 'levels'>): (number | null)[] {
  return levels.map(({ accuracy }) => accuracy?.value ?? null);
}

/**
 * The levels of a bundle that may answer a request, densest first.
 *
 * Asked as the request comes, and again as it is handed to the engine: another bundle may have taken over by then.
 * @returns undefined if the request leaves the accuracy open.
 * @throws RequestError 400 if no level is known to be so accurate, or the level that the request names is not.
 */
export function requireAccuracy(
  { level, minAccuracy }: LevelWish,
  manifest: Pick<Manifest, 'levels'>,
): number[] | undefined {
  const accuracies = accuraciesOf(manifest);
  const able = accurateLevels(minAccuracy, accuracies);
  if (able === undefined) return undefined;
  const known = accuracies.filter((accuracy) => accuracy !== null);
  if (known.length === 0)
    throw new RequestError(
      400,
      'Cannot infer with parameters.min_accuracy as the bundle must know how accurate its levels are: it does not; leave the parameter out',
      { code: 'EBB_ACCURACY_UNREACHABLE' },
    );
  if (able.length === 0)
    throw new RequestError(
      400,
      `Cannot infer as parameters.min_accuracy must be at most ${Math.max(...known)}, what the most accurate level has: current value is ${minAccuracy}`,
      { code: 'EBB_ACCURACY_UNREACHABLE' },
    );
  if (level === undefined || able.includes(level)) return able;
  throw new RequestError(
    400,
    `Cannot infer at level ${level} as it must have parameters.min_accuracy ${minAccuracy}: its accuracy is ${accuracies[level] ?? 'unknown'}; ask for one of the levels ${able.join(', ')}, or leave level or min_accuracy out`,
    { code: 'EBB_ACCURACY_UNREACHABLE' },
  );
}
