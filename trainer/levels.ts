import { UsageError } from '../terminal/usage-error.ts';
import type { LevelTarget } from './ast/masks/mask-scheme.ts';

/**
 * Reads a list of levels, densest first: sparsities such as `0,0.8,0.9`, or patterns such as `2:4,1:4,1:8` (a level of `0` is dense).
 *
 * @throws UsageError where it is no list of ascending sparsities in [0, 1).
 */
export function parseLevels(text: string): LevelTarget[] {
  const targets = text.split(',').map(parseLevel);
  if (
    targets.some((target, i) => target === undefined || target.sparsity <= (targets[i - 1]?.sparsity ?? -1))
  )
    throw new UsageError(
      `Cannot use --levels as it must be ascending sparsities from 0 to below 1, e.g. 0,0.8,0.9, or patterns N:M, e.g. 2:4,1:4: current value is "${text}"`,
    );
  return targets as LevelTarget[];
}

function parseLevel(text: string): LevelTarget | undefined {
  const pattern = /^\s*(\d{1,3}):(\d{1,3})\s*$/.exec(text);
  if (pattern) {
    const [n, m] = [Number(pattern[1]), Number(pattern[2])];
    return n > 0 && n < m ? { sparsity: 1 - n / m, pattern: { n, m } } : undefined;
  }
  const sparsity = text.trim() === '' ? Number.NaN : Number(text);
  return sparsity >= 0 && sparsity < 1 ? { sparsity } : undefined;
}
