import type { Calibration } from '../calibrate/calibration.ts';

/** A level must be faster by this share than the rung above, else going down to it gains nothing but noise. */
const leastGain = 0.05;

/**
 * The levels worth choosing, most accurate first, each faster than the one before: those that no other level beats in both.
 * Where any accuracy is unknown the index stands for it: 0 is the most accurate.
 */
export function buildLadder(calibration: Calibration, accuracy: readonly (number | null)[]): number[] {
  const known = accuracy.length >= calibration.levels.length && accuracy.every((value) => value !== null);
  const worth = (level: number) => (known ? (accuracy[level] ?? 0) : -level);
  const byWorth = calibration.levels
    .map(({ level, p50Ms }) => ({ level, p50Ms }))
    .sort((a, b) => worth(b.level) - worth(a.level) || a.p50Ms - b.p50Ms);
  const ladder: typeof byWorth = [];
  for (const entry of byWorth) {
    const above = ladder.at(-1);
    if (!above || entry.p50Ms < above.p50Ms * (1 - leastGain)) ladder.push(entry);
  }
  return ladder.map(({ level }) => level);
}
