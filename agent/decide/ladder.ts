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

/**
 * For a goal of accuracy: the ladder from its level of least energy that reaches the goal, so that what is denser is not chosen. Energy is the
 * calibrated one where every level has it, else latency stands for it. Unchanged where no level reaches the goal or accuracies are unknown.
 */
export function fromLeastEnergy(
  ladder: readonly number[],
  calibration: Calibration,
  accuracy: readonly (number | null)[],
  goal: number,
): number[] {
  const { levels } = calibration;
  const isMeasured = ladder.every((level) => levels[level].energyMj !== undefined);
  const energy = (level: number) => (isMeasured ? (levels[level].energyMj ?? 0) : levels[level].p50Ms);
  const enough = ladder.filter((level) => (accuracy[level] ?? Number.NEGATIVE_INFINITY) >= goal);
  if (enough.length === 0) return [...ladder];
  const least = enough.reduce((best, level) => (energy(level) < energy(best) ? level : best));
  return ladder.slice(ladder.indexOf(least));
}
